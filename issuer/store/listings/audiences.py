"""The list of audiences. Eight statements."""

from sqlalchemy import CompoundSelect, Connection, Subquery, and_, func, select, union
from sqlalchemy.orm import aliased

from issuer.model.audience import AudienceId, AudienceState, SigningAlg, TokenTyp
from issuer.model.client import ClientState
from issuer.model.list_row import AudienceRow as ListRow
from issuer.model.listing import ListQuery, Page
from issuer.model.spelling import SpellingRole
from issuer.store import audiences
from issuer.store.listings import paging, use
from issuer.store.listings.paging import Listing, SortColumn, Statement
from issuer.store.tables import AudienceRow, ClientRow, IdentifierRow, PermissionRow, ScopeRow, ServiceRow

# Not by a join: the few that are closed are looked up once, and not each client for each permission.
_MAY_ASK = and_(
    PermissionRow.is_revoked.is_(False),
    PermissionRow.client_key.not_in(select(ClientRow.key).where(ClientRow.state != ClientState.ACTIVE.value)),
)

# As policy/lint has it; what else it finds takes reading every row.
_ISSUING = and_(audiences.IS_ISSUING, AudienceRow.is_reserved.is_(False))
_FOUND = {
    "no-scopes": and_(_ISSUING, AudienceRow.id.not_in(select(ScopeRow.audience_id))),
    "no-client": and_(_ISSUING, AudienceRow.id.not_in(select(PermissionRow.audience_id).where(_MAY_ASK))),
    "typ-jwt": and_(_ISSUING, AudienceRow.typ == TokenTyp.JWT.value),
}


def list_page(connection: Connection, query: ListQuery, now: int) -> Page[ListRow]:
    """Return a page of audiences; raises InvalidValue as `paging.find_page` does.

    Sorted by identifier, service, owner, state, created, clients, tokens (of 24 hours) or last_used (by the
    hour); filtered by state, service, owner, signing_alg, typ, reserved (yes, no) and finding (those that a
    statement can tell: no-scopes, no-client, typ-jwt).
    """
    found = paging.find_page(connection, _listing(now), query)
    return found.page(_read_rows(connection, found.keys, now))


def find_row(connection: Connection, audience_id: AudienceId, now: int) -> ListRow:
    """Return the row of an audience that is registered. Six statements."""
    (row,) = _read_rows(connection, (audience_id,), now)
    return row


def _read_rows(connection: Connection, keys: tuple[int, ...], now: int) -> tuple[ListRow, ...]:
    found = audiences.list_audiences_where(connection, AudienceRow.id.in_(_with_successors(keys)))
    by_id = {one.id: one for one in found}
    by_identifier = {one.identifier: one for one in found}
    clients = _count_clients(connection, keys)
    uses = use.list_uses(connection, *use.OF_AUDIENCES, keys, now)
    shown = zip((by_id[AudienceId(key)] for key in keys), uses, strict=True)
    return tuple(
        ListRow(one, clients.get(one.id, 0), used, by_identifier[one.successor] if one.successor else None)
        for one, used in shown
    )


def _with_successors(keys: tuple[int, ...]) -> CompoundSelect[int]:
    # Not `OR`: PostgreSQL would ask a subquery about each audience that there is.
    shown = aliased(AudienceRow)
    is_shown = shown.id.in_(keys)
    return union(select(shown.id).where(is_shown), select(shown.successor_id).where(is_shown))


def _listing(now: int) -> Listing:
    counted, owner = use.OF_AUDIENCES
    summed = {"clients": _clients_by_audience(), "tokens": use.tokens_by(counted, use.first_hour(now))}
    source: Statement = (
        select(AudienceRow.id)
        .join_from(AudienceRow, ServiceRow, AudienceRow.service_id == ServiceRow.id)
        .join(
            IdentifierRow,
            and_(
                IdentifierRow.audience_id == AudienceRow.id,
                IdentifierRow.role == SpellingRole.PRIMARY.value,
            ),
        )
    )
    return Listing(
        name="audiences",
        source=source,
        tie=SortColumn(AudienceRow.id, int),
        sorts={
            "identifier": paging.folded(IdentifierRow.identifier),
            "service": paging.folded(ServiceRow.name),
            "owner": paging.folded(ServiceRow.owner),
            "state": SortColumn(AudienceRow.state, str),
            "created": paging.number(AudienceRow.created_at),
            "clients": paging.number(summed["clients"].c.number),
            "tokens": paging.number(summed["tokens"].c.number),
            "last_used": paging.number(use.last_hour(counted, owner)),
        },
        searched=(IdentifierRow.identifier, AudienceRow.description, ServiceRow.name, ServiceRow.owner),
        filters=_FILTERS,
        hidden={"state": AudienceRow.state != AudienceState.REMOVED.value},
        sums=summed,
    )


def _clients_by_audience() -> Subquery:
    return (
        select(PermissionRow.audience_id.label("key"), func.count().label("number"))
        .where(_MAY_ASK)
        .group_by(PermissionRow.audience_id)
        .subquery()
    )


def _count_clients(connection: Connection, audience_ids: tuple[int, ...]) -> dict[int, int]:
    rows = connection.execute(
        select(PermissionRow.audience_id, func.count())
        .where(PermissionRow.audience_id.in_(audience_ids), _MAY_ASK)
        .group_by(PermissionRow.audience_id)
    )
    return {row[0]: row[1] for row in rows}


_FILTERS = {
    "state": paging.state_of(AudienceRow.state, {state.value: state.value for state in AudienceState}),
    "service": paging.exactly(ServiceRow.name),
    "owner": paging.exactly(ServiceRow.owner),
    "signing_alg": paging.one_of(AudienceRow.signing_alg, {alg.value: alg.value for alg in SigningAlg}),
    "typ": paging.one_of(AudienceRow.typ, {typ.value: typ.value for typ in TokenTyp}),
    "reserved": paging.one_of(AudienceRow.is_reserved, {"yes": True, "no": False}),
    "finding": paging.holding(_FOUND),
}
