"""The list of a client's families. Three statements."""

from sqlalchemy import ColumnElement, Connection, and_, case, not_, select

from issuer.errors import InvalidValue
from issuer.model.client import ClientKey
from issuer.model.list_row import FamilyRow as ListRow
from issuer.model.listing import ListQuery, Page
from issuer.store import families
from issuer.store.listings import paging
from issuer.store.listings.paging import Condition, Listing, SortColumn
from issuer.store.tables import FamilyRow


def list_page(connection: Connection, client_key: ClientKey, query: ListQuery, now: int) -> Page[ListRow]:
    """Return a page of a client's families, the newest first; raises InvalidValue as `paging.find_page` does.

    Sorted by created, rotated or expires; filtered by state: live, ended or expired.
    """
    found = paging.find_page(connection, _listing(client_key, now), query)
    by_id = {
        family.id: (family, address) for family, address in families.list_families_of(connection, found.keys)
    }
    return found.page(tuple(ListRow(*by_id[key]) for key in found.keys))


def is_live(now: int) -> ColumnElement[bool]:
    """Return the condition under which a family still gives tokens."""
    return and_(FamilyRow.ended_at.is_(None), token_expires_at() > now)


def token_expires_at() -> ColumnElement[int]:
    """Return the expression for when the current generation expires (model.family.Family)."""
    idle = FamilyRow.rotated_at + FamilyRow.idle_seconds
    return case((idle < FamilyRow.expires_at, idle), else_=FamilyRow.expires_at)


def _listing(client_key: ClientKey, now: int) -> Listing:
    states: dict[str, Condition] = {
        "live": is_live(now),
        "ended": FamilyRow.ended_at.is_not(None),
        "expired": and_(FamilyRow.ended_at.is_(None), not_(token_expires_at() > now)),
    }

    def is_in_state(sent: str) -> Condition:
        if sent not in states:
            raise InvalidValue(f"this filter takes one of {', '.join(states)}")
        return states[sent]

    return Listing(
        name=f"families of {client_key}",
        source=select(FamilyRow.id).where(FamilyRow.client_key == client_key),
        tie=SortColumn(FamilyRow.id, str),
        sorts={
            "created": paging.number(FamilyRow.created_at),
            "rotated": paging.number(FamilyRow.rotated_at),
            "expires": paging.number(token_expires_at()),
        },
        searched=(FamilyRow.id, FamilyRow.sub),
        filters={"state": is_in_state},
        hidden={},
        is_newest_first=True,
    )
