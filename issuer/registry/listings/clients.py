"""Clients, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass

from issuer.model.client import Client
from issuer.model.list_row import ClientRow, Use
from issuer.model.listing import ListQuery, Page
from issuer.registry.listings import page_size
from issuer.registry.registrar import Registrar
from issuer.store.listings import clients as store


@dataclass(frozen=True, slots=True)
class ListedClient:
    """A client in a list.

    audiences: how many it may ask for. usable_secrets: how many authenticate now. expires_at: when the
    first of those stops, epoch seconds, None if none ever does.
    """

    client: Client
    audiences: int
    use: Use
    usable_secrets: int
    expires_at: int | None


def list_clients(registrar: Registrar, query: ListQuery) -> Page[ListedClient]:
    """Return a page of clients; seven statements.

    Sorted by name, client_id, type, state, created, audiences, tokens (of 24 hours) or last_used (by the
    hour); filtered by state (removed ones only on demand, `all` for all), type, grant_type, auth_method,
    service (spoken for), tenant_id and finding (no-permission, no-secret). Raises InvalidValue.
    """
    return _find(registrar, page_size.check_size(query))


def stream_clients(registrar: Registrar, query: ListQuery) -> Iterator[ListedClient]:
    """Yield all clients that a query finds. Raises InvalidValue with the first."""
    return page_size.stream(lambda each: _find(registrar, each), query)


def _find(registrar: Registrar, query: ListQuery) -> Page[ListedClient]:
    now = registrar.clock.now()
    with registrar.reading() as connection:
        page = store.list_page(connection, query, now)
    return page.with_rows(tuple(_listed(row, now) for row in page.rows))


def _listed(row: ClientRow, now: int) -> ListedClient:
    usable = [secret for secret in row.client.secrets if secret.is_usable(now)]
    ends = [secret.expires_at for secret in usable if secret.expires_at is not None]
    return ListedClient(row.client, row.audiences, row.use, len(usable), min(ends, default=None))
