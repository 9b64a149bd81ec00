"""Surroundings: lint of one audience from what lies around it, however large the rest of the registry is.

The findings are those that lint of everything tells of it: the same rules see all that they could find
beside it, and nothing else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from issuer.model.audience import Alias, AliasMode, Audience, AudienceId
from issuer.model.client import ClientId
from issuer.model.finding import Finding
from issuer.policy import stand_ins
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import neighbours, page, rules
from issuer.policy.lint.registered import LONGEST_UNUSED_SECONDS, Registered
from issuer.policy.lint.rules import Rule
from issuer.store import audiences, clients, idle_permissions, permissions, usage
from issuer.store.audiences import SpellingInUse
from issuer.store.db import Connection

_PAIR_RULES: Final = (*rules.NEAR_RULES, *rules.BEGINNING_RULES)
# Those on clients concern no audience.
_ELSEWHERE: Final = (*_PAIR_RULES, *page.CLIENT_RULES)
_SOMEBODY: Final = ClientId("")


def lint(connection: Connection, audience: Audience, lifetimes: Lifetimes, now: int) -> tuple[Finding, ...]:
    """Return the findings that concern an audience which is registered; thirteen statements at most."""
    own = _read_own(connection, audience, lifetimes, now)
    found = [
        *rules.apply(own, [rule for rule in rules.RULES if rule not in _ELSEWHERE]),
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
    idle = idle_permissions.list_on_audience(connection, audience.id, now - LONGEST_UNUSED_SECONDS)
    # It counts that anybody may ask; who does is told of the issuer's own audience alone.
    callers = permissions.list_callers(connection, audience.id, None if audience.is_reserved else 1)
    defaulting = dict(clients.list_defaulting(connection, audience.id))
    permitted = {*callers, *(one.client_id for one in idle)}
    permitted |= {client_id for client_id, may_ask in defaulting.items() if may_ask}
    known = {one.id: one for one in (*_list_named_beside(connection, audience), audience)}
    last = usage.find_last_issued(connection, audience.id)
    return Registered(
        services=(audience.service,),
        audiences=tuple(known[key] for key in sorted(known)),
        clients=tuple(
            stand_ins.make_client(client_id, audience.id if client_id in defaulting else None)
            for client_id in permitted | defaulting.keys()
        ),
        permissions=tuple(stand_ins.permit(client_id, audience) for client_id in permitted),
        granted_at={(one.client_id, audience.id): one.granted_at for one in idle},
        # It counts that there was a token, not whose.
        last_issued_at={} if last is None else {(_SOMEBODY, audience.id): last},
        lifetimes=lifetimes,
        now=now,
    )


def _list_named_beside(connection: Connection, audience: Audience) -> tuple[Audience, ...]:
    together = audiences.list_audiences_together(connection, audience)
    if audience.successor is None:
        return together
    return (*together, *audiences.list_audiences_named(connection, [audience.successor]))


def _judge_pairs(
    connection: Connection, audience: Audience, own: Registered, used: Sequence[Rule]
) -> Iterable[Finding]:
    spelled = audiences.list_texts_in_use(connection)
    texts = [audience.identifier, *(alias.identifier for alias in audience.aliases)]
    near = neighbours.choose_near(texts, [(key, text) for key, text, _, _ in spelled])
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
    return stand_ins.make_audience(
        primary.audience_id,
        primary.identifier,
        canonical=primary.canonical,
        service=stand_ins.make_service(primary.service_id, primary.service_name),
        aliases=[
            Alias(one.identifier, one.canonical, AliasMode.ACCEPT, None)
            for one in group
            if not one.is_primary
        ],
        successor=primary.successor,
    )
