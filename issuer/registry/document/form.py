"""The form of a document: entries as the mappings, lists and texts of a file, and back.

Writing gives every field its value, but leaves out what is empty; in reading, what is left out is empty
or has the default that a new one has. Nothing stays as it was for not being named: one file makes
the same thing everywhere.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from issuer.model.audience import AliasMode, AudienceState, JsonValue, Scope, SigningAlg, TokenTyp
from issuer.model.client import AuthMethod, ClientState, ClientType, GrantType
from issuer.model.permission import PermittedSubject
from issuer.model.service import ServiceState
from issuer.policy import extra_claims, identifiers
from issuer.registry import client_rules
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.document import fields
from issuer.registry.document.entries import (
    FORMAT_VERSION,
    SECTIONS,
    AliasEntry,
    AudienceEntry,
    ClientEntry,
    Document,
    ServiceEntry,
    TrustGroupEntry,
)
from issuer.registry.document.fields import Fields
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService

Plain = dict[str, JsonValue]

_SCOPE = ("name", "description")
_ALIAS = ("identifier", "mode", "until")
_TRUST_GROUP = ("name", "owner")
_SERVICE = ("name", "owner", "trust_group", "state")
_AUDIENCE = (
    *("identifier", "service", "description", "scopes", "aliases"),
    *("access_token_seconds", "refresh_idle_seconds", "refresh_absolute_seconds"),
    *("signing_alg", "typ", "extra_claims", "state", "successor"),
)
_CLIENT = (
    *("client_id", "name", "type", "grant_types", "auth_method", "may_use_offline_access"),
    *("default_audience", "tenant_id", "access_token_max_seconds", "service", "state"),
)
_PERMISSION = ("client_id", "audience", "scopes", "default_scopes", "subject")


def read(plain: JsonValue) -> Document:
    """Return the document that a file's values make; raises InvalidValue with the path of what is wrong.

    Does not look at what only the registry can tell, such as whether a named service is there.
    """
    top = Fields(plain, "", ("version", *SECTIONS))
    if top.number("version") != FORMAT_VERSION:
        fields.refuse("version", f"this is {FORMAT_VERSION}, the only one that this program reads")
    document = Document(
        trust_groups=top.entries("trust_groups", _read_trust_group),
        services=top.entries("services", _read_service),
        audiences=top.entries("audiences", _read_audience),
        clients=top.entries("clients", _read_client),
        permissions=top.entries("permissions", _read_permission),
        sections=frozenset(name for name in SECTIONS if top.has(name)),
    )
    _check_once(document)
    return document


def write(document: Document) -> Plain:
    """Return a document as a file holds it."""
    entries: dict[str, list[Plain]] = {
        "trust_groups": [of_trust_group(entry) for entry in document.trust_groups],
        "services": [of_service(entry) for entry in document.services],
        "audiences": [of_audience(entry) for entry in document.audiences],
        "clients": [of_client(entry) for entry in document.clients],
        "permissions": [of_permission(entry) for entry in document.permissions],
    }
    sections: dict[str, JsonValue] = {name: [_filled(one) for one in entries[name]] for name in SECTIONS}
    return {"version": FORMAT_VERSION, **sections}


def of_trust_group(entry: TrustGroupEntry) -> Plain:
    """Return the fields of a trust group."""
    return {"name": entry.name, "owner": entry.owner}


def of_service(entry: ServiceEntry) -> Plain:
    """Return the fields of a service."""
    new = entry.new
    return {
        "name": new.name,
        "owner": new.owner,
        "trust_group": new.trust_group,
        "state": entry.state.value,
    }


def of_audience(entry: AudienceEntry) -> Plain:
    """Return the fields of an audience."""
    new = entry.new
    return {
        "identifier": new.identifier,
        "service": new.service,
        "description": new.description,
        "scopes": [{"name": scope.name, "description": scope.description} for scope in new.scopes],
        "aliases": [
            {"identifier": alias.identifier, "mode": alias.mode.value, "until": utc(alias.until)}
            for alias in entry.aliases
        ],
        "access_token_seconds": new.access_token_seconds,
        "refresh_idle_seconds": new.refresh_idle_seconds,
        "refresh_absolute_seconds": new.refresh_absolute_seconds,
        "signing_alg": new.signing_alg.value,
        "typ": new.typ.value,
        "extra_claims": dict(new.extra_claims),
        "state": entry.state.value,
        "successor": entry.successor,
    }


def of_client(entry: ClientEntry) -> Plain:
    """Return the fields of a client."""
    new = entry.new
    return {
        "client_id": entry.client_id,
        "name": new.name,
        "type": new.type.value,
        "grant_types": [*sorted(grant_type.value for grant_type in new.grant_types)],
        "auth_method": new.auth_method.value,
        "may_use_offline_access": new.may_use_offline_access,
        "default_audience": entry.default_audience,
        "tenant_id": new.tenant_id,
        "access_token_max_seconds": new.access_token_max_seconds,
        "service": new.service,
        "state": entry.state.value,
    }


def of_permission(entry: NewPermission) -> Plain:
    """Return the fields of a permission."""
    return {
        "client_id": entry.client_id,
        "audience": entry.identifier,
        "scopes": [*sorted(entry.scopes)],
        "default_scopes": [*sorted(entry.default_scopes)],
        "subject": entry.subject.value,
    }


def utc(at: int | None) -> str | None:
    """Return epoch seconds as ISO 8601 in UTC; None stays None."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_trust_group(value: JsonValue, path: str) -> TrustGroupEntry:
    given = Fields(value, path, _TRUST_GROUP)
    return TrustGroupEntry(given.text("name"), given.text("owner"))


def _read_service(value: JsonValue, path: str) -> ServiceEntry:
    given = Fields(value, path, _SERVICE)
    new = NewService(given.text("name"), given.text("owner"), given.optional_text("trust_group"))
    state = given.word("state", ServiceState, ServiceState.ACTIVE)
    _refuse_removed(given, is_removed=state is ServiceState.REMOVED)
    return ServiceEntry(new, state)


def _read_audience(value: JsonValue, path: str) -> AudienceEntry:
    given = Fields(value, path, _AUDIENCE)
    state = given.word("state", AudienceState, AudienceState.ACTIVE)
    _refuse_removed(given, is_removed=state is AudienceState.REMOVED)
    entry = AudienceEntry(
        new=NewAudience(
            identifier=given.text("identifier"),
            service=given.text("service"),
            description=given.text("description", ""),
            scopes=_read_scopes(given),
            access_token_seconds=given.number("access_token_seconds"),
            refresh_idle_seconds=given.number("refresh_idle_seconds"),
            refresh_absolute_seconds=given.number("refresh_absolute_seconds"),
            signing_alg=given.word("signing_alg", SigningAlg, SigningAlg.RS256),
            typ=given.word("typ", TokenTyp, TokenTyp.AT_JWT),
            extra_claims=_read_claims(given),
        ),
        aliases=given.entries("aliases", _read_alias),
        state=state,
        successor=given.optional_text("successor"),
    )
    if entry.successor is not None and state is AudienceState.ACTIVE:
        fields.refuse(given.at("successor"), "an active audience has none; set its state to deprecated")
    return entry


def _read_scopes(given: Fields) -> tuple[Scope, ...]:
    scopes = given.entries("scopes", _read_scope)
    fields.check_once(given.at("scopes"), (scope.name for scope in scopes), ".name")
    return tuple(sorted(scopes, key=lambda scope: scope.name))


def _read_scope(value: JsonValue, path: str) -> Scope:
    given = Fields(value, path, _SCOPE)
    return Scope(given.text("name"), given.text("description", ""))


def _read_alias(value: JsonValue, path: str) -> AliasEntry:
    given = Fields(value, path, _ALIAS)
    return AliasEntry(given.text("identifier"), given.word("mode", AliasMode), given.time("until"))


def _read_claims(given: Fields) -> Mapping[str, JsonValue]:
    # Checked before anything is compared: they may be nested as deep as anybody likes.
    with fields.refusals_at(given.at("extra_claims")):
        return extra_claims.check_extra_claims(given.mapping("extra_claims"))


def _read_client(value: JsonValue, path: str) -> ClientEntry:
    given = Fields(value, path, _CLIENT)
    state = given.word("state", ClientState, ClientState.ACTIVE)
    _refuse_removed(given, is_removed=state is ClientState.REMOVED)
    grant_types = given.words("grant_types", GrantType)
    may_use_offline_access = given.flag("may_use_offline_access")
    return ClientEntry(
        client_id=given.text("client_id"),
        new=NewClient(
            name=given.text("name"),
            type=given.word("type", ClientType, ClientType.SERVICE),
            # Here already, so that the same document applied again differs in nothing.
            grant_types=client_rules.complete_grant_types(
                grant_types, may_use_offline_access=may_use_offline_access
            ),
            auth_method=given.word("auth_method", AuthMethod, AuthMethod.CLIENT_SECRET_BASIC),
            may_use_offline_access=may_use_offline_access,
            tenant_id=given.optional_text("tenant_id"),
            access_token_max_seconds=given.number("access_token_max_seconds"),
            service=given.optional_text("service"),
        ),
        default_audience=given.optional_text("default_audience"),
        state=state,
    )


def _read_permission(value: JsonValue, path: str) -> NewPermission:
    given = Fields(value, path, _PERMISSION)
    return NewPermission(
        client_id=given.text("client_id"),
        identifier=given.text("audience"),
        scopes=given.texts("scopes"),
        default_scopes=given.texts("default_scopes"),
        subject=given.word("subject", PermittedSubject, PermittedSubject.CLIENT),
    )


def _refuse_removed(given: Fields, *, is_removed: bool) -> None:
    if is_removed:
        fields.refuse(given.at("state"), "what is removed stands in no document; leave it out, and prune")


def _check_once(document: Document) -> None:
    fields.check_once("trust_groups", (one.name for one in document.trust_groups), ".name")
    fields.check_once("services", (one.new.name for one in document.services), ".name")
    _check_spellings(document.audiences)
    fields.check_once("clients", (one.client_id for one in document.clients), ".client_id")
    pairs = (f"{one.client_id} on {one.identifier}" for one in document.permissions)
    fields.check_once("permissions", pairs)


def _check_spellings(audiences: tuple[AudienceEntry, ...]) -> None:
    first: dict[str, str] = {}
    for place, entry in enumerate(audiences):
        path = f"audiences[{place}]"
        spellings = [(f"{path}.identifier", entry.new.identifier)]
        spellings += [
            (f"{path}.aliases[{number}].identifier", one.identifier)
            for number, one in enumerate(entry.aliases)
        ]
        for at, identifier in spellings:
            taken = first.setdefault(identifiers.canonical_form(identifier), at)
            if taken != at:
                fields.refuse(at, f"{identifier} stands at {taken} already")


def _filled(plain: Plain) -> JsonValue:
    """Return the fields that hold something, in nested entries, too; extra claims as they are."""
    return {
        name: [_filled(one) if isinstance(one, dict) else one for one in value]
        if isinstance(value, list)
        else value
        for name, value in plain.items()
        if value is not None and value not in ("", [], {})
    }
