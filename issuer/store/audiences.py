"""Audiences with their service, scopes and aliases: three statements, however many they are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    func,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.orm import aliased

from issuer.model.audience import (
    Alias,
    AliasMode,
    Audience,
    AudienceId,
    AudienceState,
    Scope,
    SigningAlg,
    TokenPolicy,
    TokenTyp,
)
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.model.spelling import SpellingRole
from issuer.store.services import SERVICE_COLUMNS, read_service
from issuer.store.tables import LARGEST_ID, AudienceRow, IdentifierRow, ScopeRow, ServiceRow, TrustGroupRow

AnyRow = Row[*tuple[Any, ...]]  # Any: columns of several types

_Successor = aliased(IdentifierRow)
# Databases bound the number of values in one statement.
MOST_NAMED: Final = 500
# Tokens are issued for it: a condition on audience and service.
IS_ISSUING: Final = and_(
    AudienceRow.state.in_([AudienceState.ACTIVE.value, AudienceState.DEPRECATED.value]),
    ServiceRow.state == ServiceState.ACTIVE.value,
)
_TEXT_COLUMNS = (
    AudienceRow.id,
    IdentifierRow.identifier,
    IdentifierRow.canonical,
    IdentifierRow.role == SpellingRole.PRIMARY.value,
)
_ALIAS_ROLES = (SpellingRole.ACCEPT.value, SpellingRole.DUAL.value)


@dataclass(frozen=True, slots=True)
class RegisteredIdentifier:
    """An identifier that is or was registered. state: in words, for logs and admins."""

    identifier: str
    canonical: str
    state: str


@dataclass(frozen=True, slots=True)
class SpellingInUse:
    """A spelling by which an audience may be asked for. successor: of the audience, or None."""

    audience_id: AudienceId
    identifier: str
    canonical: str
    is_primary: bool
    service_id: ServiceId
    service_name: str
    successor: str | None


def find_audience(connection: Connection, audience_id: AudienceId) -> Audience | None:
    """Return the audience of that id, whatever its state, or None."""
    if audience_id > LARGEST_ID:
        return None
    return next(iter(list_audiences_where(connection, AudienceRow.id == audience_id)), None)


def require_audience(connection: Connection, audience_id: AudienceId) -> Audience:
    """Return the audience of an id that a foreign key vouches for."""
    (audience,) = list_audiences_where(connection, AudienceRow.id == audience_id)
    return audience


def list_audiences(connection: Connection, service_id: ServiceId | None = None) -> tuple[Audience, ...]:
    """Return the audiences of a service, or all, whatever their states, in order of registration."""
    condition = true() if service_id is None else AudienceRow.service_id == service_id
    return list_audiences_where(connection, condition)


def find_longest_refresh_seconds(connection: Connection) -> int | None:
    """Return the longest absolute life of refresh tokens that any audience says, None if none says one."""
    return connection.execute(select(func.max(AudienceRow.refresh_absolute_seconds))).scalar()


def list_audiences_together(connection: Connection, audience: Audience) -> tuple[Audience, ...]:
    """Return the audiences that may stand in one token with this one: of its service or trust group."""
    condition = AudienceRow.service_id == audience.service.id
    if audience.service.trust_group is not None:
        condition |= TrustGroupRow.name == audience.service.trust_group
    return list_audiences_where(connection, and_(condition, AudienceRow.id != audience.id))


def list_audiences_where(connection: Connection, condition: ColumnElement[bool]) -> tuple[Audience, ...]:
    """Return the audiences for which a condition holds, in order of registration.

    condition: on columns of audience, service and trust group; for other files of this folder.
    """
    found = connection.execute(_AUDIENCES.where(condition)).all()
    if not found:
        return ()
    aliases = _group(connection.execute(_ALIASES.where(condition)))
    scopes = _list_scopes(connection, condition)
    services: dict[int, Service] = {}
    return tuple(
        _read_audience(
            row,
            services.get(row.service_key) or services.setdefault(row.service_key, read_service(row)),
            scopes.get(row.id, ()),
            aliases.get(row.id, ()),
        )
        for row in found
    )


def list_audiences_named(connection: Connection, names: Collection[str]) -> tuple[Audience, ...]:
    """Return the audiences of which these are the identifiers, in order of registration."""
    named = select(IdentifierRow.audience_id).where(
        IdentifierRow.identifier.in_(sorted(names)), IdentifierRow.role == SpellingRole.PRIMARY.value
    )
    return list_audiences_where(connection, AudienceRow.id.in_(named))


def list_audiences_of(connection: Connection, ids: Collection[AudienceId]) -> tuple[Audience, ...]:
    """Return the audiences with these ids, whatever their states, in order of registration."""
    return list_audiences_where(connection, AudienceRow.id.in_(sorted(ids)))


def list_texts_in_use(connection: Connection) -> Sequence[tuple[AudienceId, str, str, bool]]:
    """Return id, identifier, canonical form and whether it is the primary one, of every spelling in use.

    Those of services for which tokens are issued, without the issuer's own, in any order. One statement.
    """
    return connection.execute(_in_use(*_TEXT_COLUMNS)).all()


def list_spellings_in_use(
    connection: Connection, audience_ids: Collection[AudienceId]
) -> tuple[SpellingInUse, ...]:
    """Return the spellings in use of some audiences; one statement, none for none.

    In the order in which the audiences were registered, then that of spellings.
    """
    if not audience_ids:
        return ()
    statement = _in_use(*_TEXT_COLUMNS, ServiceRow.id, ServiceRow.name, _Successor.identifier)
    statement = statement.outerjoin(_Successor, _primary(_Successor, AudienceRow.successor_id))
    # Of so many, most are wanted.
    if len(audience_ids) <= MOST_NAMED:
        statement = statement.where(AudienceRow.id.in_(sorted(audience_ids)))
    rows = connection.execute(statement.order_by(AudienceRow.id, IdentifierRow.id))
    return tuple(
        SpellingInUse(AudienceId(key), identifier, canonical, is_primary, ServiceId(service), name, successor)
        for key, identifier, canonical, is_primary, service, name, successor in rows
        if key in audience_ids
    )


def list_identifiers(connection: Connection) -> tuple[RegisteredIdentifier, ...]:
    """Return every identifier that is or was registered, with the state that decides over it."""
    rows = connection.execute(
        select(
            IdentifierRow.identifier,
            IdentifierRow.canonical,
            IdentifierRow.role,
            AudienceRow.state,
            ServiceRow.state.label("service_state"),
        )
        .join_from(IdentifierRow, AudienceRow, IdentifierRow.audience_id == AudienceRow.id)
        .join(ServiceRow, AudienceRow.service_id == ServiceRow.id)
    )
    return tuple(RegisteredIdentifier(row.identifier, row.canonical, _describe_state(row)) for row in rows)


def list_primary_identifiers(connection: Connection, audience_ids: Iterable[int]) -> dict[int, str]:
    """Return the identifiers of some audiences, removed ones too, by audience id."""
    rows = connection.execute(
        select(IdentifierRow.audience_id, IdentifierRow.identifier).where(
            IdentifierRow.role == SpellingRole.PRIMARY.value,
            IdentifierRow.audience_id.in_(list(audience_ids)),
        )
    )
    return {row.audience_id: row.identifier for row in rows}


def add_audience(connection: Connection, audience: Audience) -> AudienceId:
    """Add an audience with its scopes, still without a spelling, and return its id.

    The id, successor and aliases in `audience` are not looked at.
    """
    audience_id = connection.execute(
        insert(AudienceRow)
        .values(
            service_id=audience.service.id,
            description=audience.description,
            state=audience.state.value,
            created_at=audience.created_at,
            **_policy_values(audience.policy),
        )
        .returning(AudienceRow.id)
    ).scalar_one()
    add_scopes(connection, AudienceId(audience_id), audience.scopes)
    return AudienceId(audience_id)


def change_audience(connection: Connection, audience: Audience) -> None:
    """Write an audience's description, state, successor, policy and key, and raise its version.

    Its scopes and spellings stand elsewhere (`add_scopes`, `remove_scopes`, store.spellings).
    """
    successor_id = (
        select(IdentifierRow.audience_id)
        .where(IdentifierRow.identifier == audience.successor)
        .scalar_subquery()
    )
    connection.execute(
        update(AudienceRow)
        .where(AudienceRow.id == audience.id)
        .values(
            description=audience.description,
            state=audience.state.value,
            successor_id=None if audience.successor is None else successor_id,
            has_own_key=audience.has_own_key,
            version=AudienceRow.version + 1,
            **_policy_values(audience.policy),
        )
    )


def add_scopes(connection: Connection, audience_id: AudienceId, scopes: Iterable[Scope]) -> None:
    """Let an audience define scopes that it does not define yet."""
    rows = [
        {"audience_id": audience_id, "name": scope.name, "description": scope.description} for scope in scopes
    ]
    if rows:
        connection.execute(insert(ScopeRow), rows)


def change_scope(connection: Connection, audience_id: AudienceId, scope: Scope) -> None:
    """Write the description of a scope."""
    connection.execute(
        update(ScopeRow)
        .where(ScopeRow.audience_id == audience_id, ScopeRow.name == scope.name)
        .values(description=scope.description)
    )


def remove_scopes(connection: Connection, audience_id: AudienceId, names: Iterable[str]) -> None:
    """Take scopes away from an audience; no permission holds them any more."""
    connection.execute(
        delete(ScopeRow).where(ScopeRow.audience_id == audience_id, ScopeRow.name.in_(sorted(names)))
    )


def _joined(*columns: Any) -> Select[*tuple[Any, ...]]:  # Any: columns of any of the joined tables
    return (
        select(*columns)
        .join_from(AudienceRow, ServiceRow, AudienceRow.service_id == ServiceRow.id)
        .outerjoin(TrustGroupRow, ServiceRow.trust_group_id == TrustGroupRow.id)
    )


def _in_use(*columns: Any) -> Select[*tuple[Any, ...]]:  # Any: as in _joined
    return (
        select(*columns)
        .join_from(AudienceRow, ServiceRow, AudienceRow.service_id == ServiceRow.id)
        .join(IdentifierRow, IdentifierRow.audience_id == AudienceRow.id)
        .where(
            IS_ISSUING,
            AudienceRow.is_reserved.is_(False),
            IdentifierRow.role != SpellingRole.RETIRED.value,
        )
    )


def _primary(table: type[IdentifierRow], audience_id: Any) -> ColumnElement[bool]:  # Any: a column
    return and_(table.audience_id == audience_id, table.role == SpellingRole.PRIMARY.value)


_AUDIENCES = (
    _joined(
        AudienceRow,
        *SERVICE_COLUMNS,
        IdentifierRow.identifier,
        IdentifierRow.canonical,
        _Successor.identifier.label("successor"),
    )
    .join(IdentifierRow, _primary(IdentifierRow, AudienceRow.id))
    .outerjoin(_Successor, _primary(_Successor, AudienceRow.successor_id))
    .order_by(AudienceRow.id)
)
_ALIASES = (
    _joined(IdentifierRow)
    .join(IdentifierRow, IdentifierRow.audience_id == AudienceRow.id)
    .where(IdentifierRow.role.in_(_ALIAS_ROLES))
    .order_by(IdentifierRow.id)
)
_SCOPES = (
    _joined(ScopeRow.audience_id, ScopeRow.name, ScopeRow.description)
    .join(ScopeRow, ScopeRow.audience_id == AudienceRow.id)
    .order_by(ScopeRow.name)
)


def _group(rows: Iterable[AnyRow]) -> Mapping[int, list[AnyRow]]:
    grouped: dict[int, list[AnyRow]] = {}
    for row in rows:
        grouped.setdefault(row.audience_id, []).append(row)
    return grouped


def _list_scopes(connection: Connection, condition: ColumnElement[bool]) -> Mapping[int, list[Scope]]:
    grouped: dict[int, list[Scope]] = {}
    # One object for all that are alike: of many audiences, most call their scopes as others do.
    made: dict[tuple[str, str], Scope] = {}
    for audience_id, name, description in connection.execute(_SCOPES.where(condition)):
        said = (name, description)
        scope = made.get(said) or made.setdefault(said, Scope(name, description))
        grouped.setdefault(audience_id, []).append(scope)
    return grouped


def _read_audience(
    row: AnyRow, service: Service, scopes: Iterable[Scope], aliases: Iterable[AnyRow]
) -> Audience:
    return Audience(
        id=AudienceId(row.id),
        identifier=row.identifier,
        canonical=row.canonical,
        description=row.description,
        service=service,
        scopes=tuple(scopes),
        aliases=tuple(
            Alias(alias.identifier, alias.canonical, AliasMode(alias.role), alias.until) for alias in aliases
        ),
        policy=TokenPolicy(
            access_token_seconds=row.access_token_seconds,
            refresh_idle_seconds=row.refresh_idle_seconds,
            refresh_absolute_seconds=row.refresh_absolute_seconds,
            signing_alg=SigningAlg(row.signing_alg),
            typ=TokenTyp(row.typ),
            extra_claims=row.extra_claims,
        ),
        state=AudienceState(row.state),
        successor=row.successor,
        is_reserved=row.is_reserved,
        created_at=row.created_at,
        version=row.version,
        has_own_key=row.has_own_key,
    )


def _policy_values(policy: TokenPolicy) -> dict[str, Any]:  # Any: values of columns of several types
    return {
        "access_token_seconds": policy.access_token_seconds,
        "refresh_idle_seconds": policy.refresh_idle_seconds,
        "refresh_absolute_seconds": policy.refresh_absolute_seconds,
        "signing_alg": policy.signing_alg.value,
        "typ": policy.typ.value,
        "extra_claims": dict(policy.extra_claims),
    }


def _describe_state(row: AnyRow) -> str:
    if row.role == SpellingRole.RETIRED.value:
        return "an alias that was taken away"
    if row.service_state != ServiceState.ACTIVE.value:
        return f"{row.state}, its service is {row.service_state}"
    return str(row.state)
