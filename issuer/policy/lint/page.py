"""Lint for the rows of one page: what a rule can tell of one audience or client by itself.

What takes the whole registry to know (twins, prefixes, scopes of neighbours, permissions that nobody uses)
is told where one thing is shown whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from issuer.model.audience import Audience, AudienceId
from issuer.model.client import Client, ClientId, ClientState
from issuer.model.finding import Finding
from issuer.model.service import Service, ServiceId
from issuer.policy import stand_ins
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import audiences, clients, identifiers, rules
from issuer.policy.lint.registered import Registered
from issuer.policy.lint.rules import Rule

AUDIENCE_RULES: Final[tuple[Rule, ...]] = (
    identifiers.judge_all,
    audiences.find_unowned,
    audiences.find_without_scopes,
    audiences.find_odd_scopes,
    audiences.find_orphans,
    audiences.find_unused,
    audiences.find_long_lifetimes,
    audiences.find_plain_typ,
    audiences.find_deprecated,
    audiences.find_past_aliases,
)
SERVICE_RULES: Final[tuple[Rule, ...]] = (audiences.find_unowned,)
CLIENT_RULES: Final[tuple[Rule, ...]] = (
    clients.find_without_permission,
    clients.find_secretless,
    clients.find_stale_secrets,
    clients.find_expiring_secrets,
)

_ANYBODY: Final = ClientId("")
_ANYTHING: Final = stand_ins.make_audience(AudienceId(0), "")


@dataclass(frozen=True, slots=True)
class UsedAudience:
    """An audience, whether any active client may ask for it, and when a token was last issued."""

    audience: Audience
    is_permitted: bool
    last_issued_at: int | None


def judge_audiences(
    used: Sequence[UsedAudience], successors: Sequence[Audience], lifetimes: Lifetimes, now: int
) -> Mapping[AudienceId, tuple[Finding, ...]]:
    """Return the findings on each audience, errors first; who has none is in it, too.

    successors: of the deprecated ones, as far as they are registered. lifetimes: the server's own.
    """
    shown = [one.audience for one in used]
    registered = Registered(
        services=tuple({one.service.id: one.service for one in shown}.values()),
        audiences=(*shown, *(one for one in successors if one.id not in {each.id for each in shown})),
        # The rules ask whether anybody may, never who: one client stands for all.
        clients=(stand_ins.make_client(_ANYBODY),),
        permissions=tuple(stand_ins.permit(_ANYBODY, one.audience) for one in used if one.is_permitted),
        granted_at={},
        last_issued_at={
            (_ANYBODY, one.audience.id): one.last_issued_at for one in used if one.last_issued_at is not None
        },
        lifetimes=lifetimes,
        now=now,
    )
    found = rules.apply(registered, AUDIENCE_RULES)
    return {one.id: tuple(each for each in found if one.identifier in each.concerns) for one in shown}


def judge_services(
    services: Sequence[Service], lifetimes: Lifetimes, now: int
) -> Mapping[ServiceId, tuple[Finding, ...]]:
    """Return the findings on each service by itself; who has none is in it, too."""
    registered = Registered(tuple(services), (), (), (), {}, {}, lifetimes, now)
    found = rules.apply(registered, SERVICE_RULES)
    return {one.id: tuple(each for each in found if each.name == one.name) for one in services}


def judge_clients(
    counted: Sequence[tuple[Client, int]], lifetimes: Lifetimes, now: int
) -> Mapping[ClientId, tuple[Finding, ...]]:
    """Return the findings on each client, errors first; who has none is in it, too.

    counted: clients, each with the number of audiences it may ask for and for which tokens are issued.
    """
    registered = Registered(
        services=(),
        audiences=(),
        clients=tuple(client for client, _ in counted),
        # Of how many there are it is told below: the rules ask whether there is any.
        permissions=tuple(
            stand_ins.permit(client.client_id, _ANYTHING) for client, number in counted if number
        ),
        granted_at={},
        last_issued_at={},
        lifetimes=lifetimes,
        now=now,
    )
    found: dict[ClientId, list[Finding]] = {client.client_id: [] for client, _ in counted}
    for client, number in counted:
        if client.state is ClientState.ACTIVE:
            found[client.client_id] += clients.judge_number(client.client_id, number)
    for each in rules.apply(registered, CLIENT_RULES):
        found[ClientId(each.name)].append(each)
    return {client_id: rules.put_in_order(each) for client_id, each in found.items()}
