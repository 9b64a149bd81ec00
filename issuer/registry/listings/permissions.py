"""Permissions, page by page: who may ask for an audience, and what a client may ask for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from issuer.model.audience import Audience
from issuer.model.client import ClientId, ClientState
from issuer.model.list_row import PermissionRow
from issuer.model.listing import ListQuery, Page
from issuer.model.permission import Permission
from issuer.policy import lifetimes
from issuer.policy.lifetimes import Lifetime, Lifetimes
from issuer.registry import client_rules, spellings
from issuer.registry.listings import page_size
from issuer.registry.registrar import Registrar
from issuer.store import permissions as permission_store
from issuer.store.listings import permissions as store


@dataclass(frozen=True, slots=True)
class ListedPermission:
    """A permission in a list. lifetime: of the access tokens that this client gets for this audience."""

    permission: Permission
    client_id: ClientId
    client_name: str
    client_state: ClientState
    lifetime: Lifetime
    granted_at: int
    last_used_at: int | None


def list_on_audience(
    registrar: Registrar, identifier: str, query: ListQuery, bounds: Lifetimes
) -> Page[ListedPermission]:
    """Return a page of the clients that may ask for an audience; eight statements.

    bounds: the server's own. Sorted by name, client_id, granted or last_used; filtered by state (of the
    client) and subject. Raises InvalidValue, or NotFound for the audience.
    """
    return _find_on_audience(registrar, identifier, page_size.check_size(query), bounds)


def list_of_client(
    registrar: Registrar, client_id: str, query: ListQuery, bounds: Lifetimes
) -> Page[ListedPermission]:
    """Return a page of the audiences that a client may ask for; nine statements.

    bounds: the server's own. Sorted by identifier, service, granted or last_used; filtered by state (of
    the audience), service and subject. Raises InvalidValue, or NotFound for the client.
    """
    return _find_of_client(registrar, client_id, page_size.check_size(query), bounds)


def count_holders(registrar: Registrar, audience: Audience) -> Mapping[str, int]:
    """Return how many clients are permitted each scope of an audience; those of none are left out."""
    with registrar.reading() as connection:
        return permission_store.count_holders(connection, audience.id)


def stream_on_audience(
    registrar: Registrar, identifier: str, query: ListQuery, bounds: Lifetimes
) -> Iterator[ListedPermission]:
    """Yield all permissions on an audience that a query finds. Raises as the list does, with the first."""
    return page_size.stream(lambda each: _find_on_audience(registrar, identifier, each, bounds), query)


def stream_of_client(
    registrar: Registrar, client_id: str, query: ListQuery, bounds: Lifetimes
) -> Iterator[ListedPermission]:
    """Yield all permissions of a client that a query finds. Raises as the list does, with the first."""
    return page_size.stream(lambda each: _find_of_client(registrar, client_id, each, bounds), query)


def _find_on_audience(
    registrar: Registrar, identifier: str, query: ListQuery, bounds: Lifetimes
) -> Page[ListedPermission]:
    with registrar.reading() as connection:
        audience = spellings.require_audience(connection, identifier)
        page = store.list_page_on(connection, audience, query)
    return _listed(page, bounds)


def _find_of_client(
    registrar: Registrar, client_id: str, query: ListQuery, bounds: Lifetimes
) -> Page[ListedPermission]:
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        page = store.list_page_of(connection, client, query)
    return _listed(page, bounds)


def _listed(page: Page[PermissionRow], bounds: Lifetimes) -> Page[ListedPermission]:
    rows = tuple(
        ListedPermission(
            permission=row.permission,
            client_id=row.client_id,
            client_name=row.client_name,
            client_state=row.client_state,
            lifetime=lifetimes.explain_access_token(
                row.permission.audience.policy, row.access_token_max_seconds, bounds
            ),
            granted_at=row.granted_at,
            last_used_at=row.last_used_at,
        )
        for row in page.rows
    )
    return page.with_rows(rows)
