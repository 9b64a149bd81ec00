"""Lint for one client that is shown whole: every rule on clients, without looking at any other client."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from issuer.model.audience import Audience
from issuer.model.client import Client
from issuer.model.finding import Finding
from issuer.model.permission import IdlePermission
from issuer.policy import stand_ins
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import clients, page, rules
from issuer.policy.lint.registered import Registered
from issuer.policy.lint.rules import Rule

RULES: Final[tuple[Rule, ...]] = (
    clients.find_verifying_access,
    clients.find_bad_defaults,
    clients.find_unused_permissions,
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A client as it is judged.

    audiences: how many it may ask for, of those for which tokens are issued. idle: its permissions that
    nobody uses. default: its default audience. permitted: of `access` and the default, those it may ask for.
    """

    client: Client
    audiences: int
    idle: Sequence[IdlePermission]
    default: Audience | None
    permitted: Sequence[Audience]


def judge(holder: Holder, lifetimes: Lifetimes, now: int) -> tuple[Finding, ...]:
    """Return the findings on a client, errors first. lifetimes: the server's own."""
    client_id = holder.client.client_id
    audiences = {
        one.audience_id: stand_ins.make_audience(one.audience_id, one.identifier) for one in holder.idle
    }
    audiences |= {one.id: one for one in holder.permitted}
    registered = Registered(
        services=(),
        audiences=() if holder.default is None else (holder.default,),
        clients=(holder.client,),
        permissions=tuple(stand_ins.permit(client_id, one) for one in audiences.values()),
        granted_at={(client_id, one.audience_id): one.granted_at for one in holder.idle},
        last_issued_at={},
        lifetimes=lifetimes,
        now=now,
    )
    counted = page.judge_clients([(holder.client, holder.audiences)], lifetimes, now)[client_id]
    return rules.put_in_order((*counted, *rules.apply(registered, RULES)))
