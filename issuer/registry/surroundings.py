"""Surroundings: lint of one audience from what lies around it, however large the rest of the registry is.

The findings are those that lint of everything tells of it: the same rules see all that they could find
beside it, and nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from issuer.model.audience import (
    Alias,
    AliasMode,
    Audience,
    AudienceId,
    AudienceState,
    SigningAlg,
    TokenPolicy,
    TokenTyp,
)
from issuer.model.client import ClientId, ClientKey
from issuer.model.finding import Finding
from issuer.model.permission import Permission, PermittedSubject
from issuer.model.service import Service, ServiceState
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import neighbours, rules
from issuer.policy.lint.clients import UNUSED_PERMISSION_DAYS
from issuer.policy.lint.registered import DAY_SECONDS, LONGEST_UNUSED_SECONDS, Pair, Registered
from issuer.policy.lint.rules import Rule
from issuer.store import audiences, clients, permissions, usage
from issuer.store.audiences import SpellingInUse
from issuer.store.db import Connection
from issuer.store.permissions import Caller

_PAIR_RULES = (*rules.NEAR_RULES, *rules.BEGINNING_RULES)


def lint(connection: Connection, audience: Audience, lifetimes: Lifetimes, now: int) -> tuple[Finding, ...]:
    """Return the findings that concern an audience which is registered; 21 statements at most."""
    own = _read_own(connection, audience, lifetimes, now)
    found = [
        *rules.apply(own, [rule for rule in rules.RULES if rule not in _PAIR_RULES]),
        *_judge_pairs(connection, audience, own, _PAIR_RULES),
    ]
    return rules.put_in_order(each for each in found if audience.identifier in each.concerns)


def lint_draft(
    connection: Connection, draft: Audience, lifetimes: Lifetimes, used: Sequence[Rule]
) -> tuple[Finding, ...]:
    """Return what some rules find of an audience that is not registered; three statements at most."""
    own = Registered((), (draft,), (), (), {}, {}, lifetimes, draft.created_at)
    found = [
        *rules.apply(own, [rule for rule in used if rule not in _PAIR_RULES]),
        *_judge_pairs(connection, draft, own, [rule for rule in used if rule in _PAIR_RULES]),
    ]
    return rules.put_in_order(each for each in found if draft.identifier in each.concerns)


def _read_own(connection: Connection, audience: Audience, lifetimes: Lifetimes, now: int) -> Registered:
    held = permissions.list_callers(connection, audience.id)
    used = usage.list_last_issued(connection, now - LONGEST_UNUSED_SECONDS, audience.id)
    last = {key: at for (key, _), at in used.items()}
    around = clients.list_clients_around(connection, audience.id, _choose_callers(audience, held, last, now))
    client_ids = {client.client_id for client in around}
    together = audiences.list_audiences_together(connection, audience)
    successor: tuple[Audience, ...] = ()
    if audience.successor is not None:
        successor = audiences.list_audiences_named(connection, [audience.successor])
    known = {one.id: one for one in (*together, *successor, audience)}
    return Registered(
        services=(audience.service,),
        audiences=tuple(known[key] for key in sorted(known)),
        clients=around,
        permissions=tuple(_permit(one, audience) for one in held if one.client_id in client_ids),
        granted_at={
            (one.client_id, audience.id): one.granted_at for one in held if one.client_id in client_ids
        },
        last_issued_at=_list_last_issued(audience.id, held, last),
        lifetimes=lifetimes,
        now=now,
    )


def _choose_callers(
    audience: Audience, held: Iterable[Caller], last: Mapping[ClientKey, int], now: int
) -> set[ClientKey]:
    """Return those whom a rule could name beside the audience, and one active client, if there is one.

    An audience may be permitted to thousands of whom nothing is to be said. More may be left than the rules
    find, never less.
    """
    active = [one for one in held if one.is_active]
    if audience.is_reserved:
        return {one.key for one in active}
    since = now - UNUSED_PERMISSION_DAYS * DAY_SECONDS
    idle = {one.key for one in active if one.granted_at <= since and one.key not in last}
    return idle | {one.key for one in active[:1]}


def _permit(caller: Caller, audience: Audience) -> Permission:
    # No rule that tells anything of an audience looks at what else a permission holds.
    nothing: frozenset[str] = frozenset()
    return Permission(caller.client_id, audience, nothing, nothing, PermittedSubject.CLIENT, 0)


def _list_last_issued(
    audience_id: AudienceId, held: Iterable[Caller], last: Mapping[ClientKey, int]
) -> dict[Pair, int]:
    found = {(one.client_id, audience_id): last[one.key] for one in held if one.key in last}
    # Of somebody who may no longer ask it counts that there was a token, not whose.
    return {**found, (ClientId(""), audience_id): max(last.values())} if last else found


def _judge_pairs(
    connection: Connection, audience: Audience, own: Registered, used: Sequence[Rule]
) -> Iterable[Finding]:
    spelled = audiences.list_texts_in_use(connection)
    texts = [audience.identifier, *(alias.identifier for alias in audience.aliases)]
    near = neighbours.choose_near(texts, ((key, text) for key, text, _, _ in spelled))
    primary = ((key, canonical) for key, _, canonical, is_primary in spelled if is_primary)
    beginning = neighbours.choose_beginning(audience.canonical, primary)
    for chosen, judging in ((near, rules.NEAR_RULES), (beginning, rules.BEGINNING_RULES)):
        others = _assemble(audiences.list_spellings_in_use(connection, chosen - {audience.id}))
        ordered = sorted((*others, audience), key=lambda one: one.id)
        beside = replace(own, audiences=tuple(ordered))
        yield from rules.apply(beside, [rule for rule in judging if rule in used])


def _assemble(spelled: Iterable[SpellingInUse]) -> list[Audience]:
    """Return the audiences of some spellings, as far as rules on pairs look at them."""
    grouped: dict[AudienceId, list[SpellingInUse]] = {}
    for one in spelled:
        grouped.setdefault(one.audience_id, []).append(one)
    return [_make_audience(group) for group in grouped.values()]


def _make_audience(group: list[SpellingInUse]) -> Audience:
    primary = next(one for one in group if one.is_primary)
    service = Service(
        primary.service_id,
        primary.service_name,
        "",
        None,
        ServiceState.ACTIVE,
        is_builtin=False,
        created_at=0,
        version=0,
    )
    return Audience(
        id=primary.audience_id,
        identifier=primary.identifier,
        canonical=primary.canonical,
        description="",
        service=service,
        scopes=(),
        aliases=tuple(
            Alias(one.identifier, one.canonical, AliasMode.ACCEPT, None)
            for one in group
            if not one.is_primary
        ),
        policy=TokenPolicy(None, None, None, SigningAlg.RS256, TokenTyp.AT_JWT, {}),
        state=AudienceState.ACTIVE,
        successor=primary.successor,
        is_reserved=False,
        created_at=0,
        version=0,
    )
