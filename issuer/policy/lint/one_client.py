"""Lint for one client that is shown whole: every rule on clients, without looking at any other client.

What takes no permission to be looked at is told as for the rows of a list; so of a client with very many,
only some need to be at hand.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from issuer.model.audience import Audience
from issuer.model.client import Client
from issuer.model.finding import Finding
from issuer.model.permission import Permission, PermittedSubject
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import clients, page, rules
from issuer.policy.lint.registered import LONGEST_UNUSED_SECONDS, Registered
from issuer.policy.lint.rules import Rule

RULES: Final[tuple[Rule, ...]] = (
    clients.find_verifying_access,
    clients.find_bad_defaults,
    clients.find_unused_permissions,
)


@dataclass(frozen=True, slots=True)
class Held:
    """A permission of the client. granted_at, last_issued_at: epoch seconds, the latter None for never."""

    permission: Permission
    granted_at: int
    last_issued_at: int | None


@dataclass(frozen=True, slots=True)
class Holder:
    """A client as it is judged.

    audiences: how many it may ask for, of those for which tokens are issued. held: its permissions, all or
    the oldest. default: its default audience; is_default_permitted: whether it may ask for that.
    """

    client: Client
    audiences: int
    held: Sequence[Held]
    default: Audience | None
    is_default_permitted: bool


def judge(holder: Holder, lifetimes: Lifetimes, now: int) -> tuple[Finding, ...]:
    """Return the findings on a client, errors first. lifetimes: the server's own."""
    client, held, default = holder.client, holder.held, holder.default
    counted = page.judge_clients([(client, holder.audiences)], lifetimes, now)[client.client_id]
    used = [one for one in held if (one.last_issued_at or 0) > now - LONGEST_UNUSED_SECONDS]
    registered = Registered(
        services=(),
        audiences=() if default is None else (default,),
        clients=(client,),
        permissions=(*(one.permission for one in held), *_list_default(holder)),
        granted_at={(client.client_id, one.permission.audience.id): one.granted_at for one in held},
        last_issued_at={
            (client.client_id, one.permission.audience.id): one.last_issued_at or 0 for one in used
        },
        lifetimes=lifetimes,
        now=now,
    )
    return rules.put_in_order((*counted, *rules.apply(registered, RULES)))


def _list_default(holder: Holder) -> list[Permission]:
    """Return the permission on the default audience, unless it is among those at hand."""
    default = holder.default
    if default is None or not holder.is_default_permitted:
        return []
    if default.id in {one.permission.audience.id for one in holder.held}:
        return []
    nothing: frozenset[str] = frozenset()
    return [Permission(holder.client.client_id, default, nothing, nothing, PermittedSubject.CLIENT, 0)]
