"""Lint: what the registry allows and is likely to hurt, each with the why and the mend."""

from collections.abc import Sequence
from typing import Final

from issuer.errors import InvalidValue, RegistryRefusal
from issuer.model.audience import Audience
from issuer.model.client import Client
from issuer.model.finding import Finding, Severity
from issuer.model.spelling import SpellingRole
from issuer.policy import identifiers
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import identifiers as identifier_rules
from issuer.policy.lint import rules
from issuer.policy.lint.registered import LONGEST_UNUSED_SECONDS, Pair, Registered
from issuer.policy.lint.rules import Rule
from issuer.policy.lint.wording import command
from issuer.registry import audiences, spellings, surroundings
from issuer.registry.audiences import NewAudience
from issuer.registry.registrar import Registrar
from issuer.store import audiences as audience_store
from issuer.store import clients, permissions, services, usage
from issuer.store.db import Connection

# The code of what says why an identifier cannot be registered.
NOT_REGISTRABLE: Final = "not-registrable"


def lint(registrar: Registrar, lifetimes: Lifetimes) -> tuple[Finding, ...]:
    """Return all findings, errors first. lifetimes: the server's own. Thirteen statements at most."""
    with registrar.reading() as connection:
        registered = _read(connection, lifetimes, registrar.clock.now())
    return rules.apply(registered)


def lint_audience(registrar: Registrar, identifier: str, lifetimes: Lifetimes) -> tuple[Finding, ...]:
    """Return the findings that concern an audience, or would if it were registered under this identifier.

    identifier: any text; any spelling of an audience that is registered. Reads what lies around it alone.
    """
    try:
        identifiers.check_identifier(identifier)
    except InvalidValue as refusal:
        return _lint_text(identifier, refusal)
    with registrar.reading() as connection:
        found = spellings.find_audience(connection, identifier)
        if found is None:
            draft = audiences.sketch(registrar, NewAudience(identifier, ""))
            return _lint_draft(registrar, connection, draft, lifetimes, rules.IDENTIFIER_RULES)
        return surroundings.lint(connection, found, lifetimes, registrar.clock.now())


def lint_draft(registrar: Registrar, new: NewAudience, lifetimes: Lifetimes) -> tuple[Finding, ...]:
    """Return the findings that would concern a new audience by itself and by its identifier.

    new: its service is not looked at.
    """
    try:
        identifiers.check_identifier(new.identifier)
    except InvalidValue as refusal:
        return _lint_text(new.identifier, refusal)
    with registrar.reading() as connection:
        draft = audiences.sketch(registrar, new)
        return _lint_draft(registrar, connection, draft, lifetimes, rules.DRAFT_RULES)


def _lint_text(text: str, refusal: InvalidValue) -> tuple[Finding, ...]:
    found = (_not_registrable(text, refusal.detail), identifier_rules.judge_tenant(text))
    return tuple(filter(None, found))


def _lint_draft(
    registrar: Registrar, connection: Connection, draft: Audience, lifetimes: Lifetimes, used: Sequence[Rule]
) -> tuple[Finding, ...]:
    try:
        wanted = spellings.new_spelling(draft.identifier, draft.id, SpellingRole.PRIMARY)
        spellings.check_free(registrar, connection, wanted, draft.service.id)
    except RegistryRefusal as refusal:
        return (_not_registrable(draft.identifier, refusal.detail),)
    return surroundings.lint_draft(connection, draft, lifetimes, used)


def _read(connection: Connection, lifetimes: Lifetimes, now: int) -> Registered:
    registered = clients.list_clients(connection)
    return Registered(
        services=services.list_services(connection),
        audiences=audience_store.list_audiences(connection),
        clients=registered,
        permissions=permissions.list_permissions(connection),
        granted_at=permissions.list_granted_at(connection),
        last_issued_at=_list_last_issued(connection, registered, now),
        lifetimes=lifetimes,
        now=now,
    )


def _list_last_issued(connection: Connection, registered: tuple[Client, ...], now: int) -> dict[Pair, int]:
    """Return when each client last got a token for each audience; usage knows clients by number."""
    client_ids = {client.key: client.client_id for client in registered}
    last = usage.list_last_issued(connection, now - LONGEST_UNUSED_SECONDS)
    return {
        (client_ids[key], audience_id): at for (key, audience_id), at in last.items() if key in client_ids
    }


def _not_registrable(identifier: str, detail: str) -> Finding:
    return Finding(
        NOT_REGISTRABLE,
        Severity.ERROR,
        "audience",
        identifier,
        f"It cannot be registered: {detail}.",
        f"Choose another, and see which are taken: {command('audience', 'list')}.",
        frozenset({identifier}),
    )
