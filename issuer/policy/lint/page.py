"""Lint for the rows of one page: what a rule can tell of one audience or client by itself.

What takes the whole registry to know (twins, prefixes, scopes of neighbours, permissions that nobody uses)
is told where one thing is shown whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from issuer.model.audience import Audience, AudienceId, AudienceState, SigningAlg, TokenPolicy, TokenTyp
from issuer.model.client import AuthMethod, Client, ClientId, ClientKey, ClientState, ClientType
from issuer.model.finding import Finding
from issuer.model.permission import Permission, PermittedSubject
from issuer.model.service import Service, ServiceId, ServiceState
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
CLIENT_RULES: Final[tuple[Rule, ...]] = (
    clients.find_many_audiences,
    clients.find_without_permission,
    clients.find_secretless,
    clients.find_stale_secrets,
    clients.find_expiring_secrets,
)


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
        clients=(_ANYBODY,),
        permissions=tuple(_permit(_ANYBODY.client_id, one.audience) for one in used if one.is_permitted),
        granted_at={},
        last_issued_at={
            (_ANYBODY.client_id, one.audience.id): one.last_issued_at
            for one in used
            if one.last_issued_at is not None
        },
        lifetimes=lifetimes,
        now=now,
    )
    found = rules.apply(registered, AUDIENCE_RULES)
    return {one.id: tuple(each for each in found if one.identifier in each.concerns) for one in shown}


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
        # The rules count them, and look at none.
        permissions=tuple(
            permission
            for client, number in counted
            for permission in [_permit(client.client_id, _ANYTHING)] * number
        ),
        granted_at={},
        last_issued_at={},
        lifetimes=lifetimes,
        now=now,
    )
    found = rules.apply(registered, CLIENT_RULES)
    return {
        client.client_id: tuple(each for each in found if each.name == client.client_id)
        for client, _ in counted
    }


def _permit(client_id: ClientId, audience: Audience) -> Permission:
    return Permission(client_id, audience, frozenset(), frozenset(), PermittedSubject.CLIENT, 0)


_ANYBODY: Final = Client(
    key=ClientKey(0),
    client_id=ClientId(""),
    name="",
    type=ClientType.SERVICE,
    grant_types=frozenset(),
    auth_method=AuthMethod.CLIENT_SECRET_BASIC,
    may_use_offline_access=False,
    default_audience=None,
    tenant_id=None,
    access_token_max_seconds=None,
    service=None,
    state=ClientState.ACTIVE,
    secrets=(),
    created_at=0,
    version=0,
)
_ANYTHING: Final = Audience(
    id=AudienceId(0),
    identifier="",
    canonical="",
    description="",
    service=Service(
        ServiceId(0), "", "", None, ServiceState.ACTIVE, is_builtin=False, created_at=0, version=0
    ),
    scopes=(),
    aliases=(),
    policy=TokenPolicy(None, None, None, SigningAlg.RS256, TokenTyp.AT_JWT, {}),
    state=AudienceState.ACTIVE,
    successor=None,
    is_reserved=False,
    created_at=0,
    version=0,
)
