"""Lint: what the registry allows and is likely to hurt, each with the why and the mend."""

from issuer.errors import InvalidValue, NotFound, RegistryRefusal
from issuer.model.audience import (
    Audience,
    AudienceId,
    AudienceState,
    SigningAlg,
    TokenPolicy,
    TokenTyp,
)
from issuer.model.client import Client
from issuer.model.finding import Finding, Severity
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.model.spelling import SpellingRole
from issuer.policy import identifiers
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import identifiers as identifier_rules
from issuer.policy.lint import rules
from issuer.policy.lint.registered import LONGEST_UNUSED_SECONDS, Pair, Registered
from issuer.policy.lint.wording import command
from issuer.registry import spellings
from issuer.registry.registrar import Registrar
from issuer.store import audiences, clients, permissions, services, usage
from issuer.store.db import Connection

# Neither is stored: what would be registered is looked at beside what is.
_DRAFT_ID = AudienceId(2**62)
_DRAFT_SERVICE = Service(ServiceId(0), "a new service", "", None, ServiceState.ACTIVE, False, 0, 0)


def lint(registrar: Registrar, lifetimes: Lifetimes) -> tuple[Finding, ...]:
    """Return all findings, errors first. lifetimes: the server's own. Thirteen statements at most."""
    with registrar.reading() as connection:
        registered = _read(connection, lifetimes, registrar.clock.now())
    return rules.apply(registered)


def lint_audience(registrar: Registrar, identifier: str, lifetimes: Lifetimes) -> tuple[Finding, ...]:
    """Return the findings that concern an audience, or would if it were registered under this identifier.

    identifier: any text; any spelling of an audience that is registered.
    """
    try:
        identifiers.check_identifier(identifier)
    except InvalidValue as refusal:
        found_in_it = (
            _not_registrable(identifier, refusal.detail),
            identifier_rules.judge_tenant(identifier),
        )
        return tuple(filter(None, found_in_it))
    with registrar.reading() as connection:
        try:
            found = spellings.require_audience(connection, identifier).identifier
        except NotFound:
            return _lint_unregistered(registrar, connection, identifier, lifetimes)
        registered = _read(connection, lifetimes, registrar.clock.now())
    return tuple(finding for finding in rules.apply(registered) if found in finding.concerns)


def _lint_unregistered(
    registrar: Registrar, connection: Connection, identifier: str, lifetimes: Lifetimes
) -> tuple[Finding, ...]:
    try:
        wanted = spellings.new_spelling(identifier, _DRAFT_ID, SpellingRole.PRIMARY)
        spellings.check_free(registrar, connection, wanted, _DRAFT_SERVICE.id)
    except RegistryRefusal as refusal:
        return (_not_registrable(identifier, refusal.detail),)
    draft = _draft(identifier, registrar.clock.now())
    registered = Registered(
        services=(),
        audiences=(*audiences.list_audiences(connection), draft),
        clients=(),
        permissions=(),
        granted_at={},
        last_issued_at={},
        lifetimes=lifetimes,
        now=draft.created_at,
    )
    found = rules.apply(registered, rules.IDENTIFIER_RULES)
    return tuple(finding for finding in found if identifier in finding.concerns)


def _read(connection: Connection, lifetimes: Lifetimes, now: int) -> Registered:
    registered = clients.list_clients(connection)
    return Registered(
        services=services.list_services(connection),
        audiences=audiences.list_audiences(connection),
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


def _draft(identifier: str, now: int) -> Audience:
    return Audience(
        id=_DRAFT_ID,
        identifier=identifier,
        canonical=identifiers.canonical_form(identifier),
        description="",
        service=_DRAFT_SERVICE,
        scopes=(),
        aliases=(),
        policy=TokenPolicy(None, None, None, SigningAlg.RS256, TokenTyp.AT_JWT, {}),
        state=AudienceState.ACTIVE,
        successor=None,
        is_reserved=False,
        created_at=now,
        version=0,
    )


def _not_registrable(identifier: str, detail: str) -> Finding:
    return Finding(
        "not-registrable",
        Severity.ERROR,
        "audience",
        identifier,
        f"It cannot be registered: {detail}.",
        f"Choose another, and see which are taken: {command('audience', 'list')}.",
        frozenset({identifier}),
    )
