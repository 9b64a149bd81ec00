"""Services, page by page."""

from collections.abc import Iterator

from issuer.model.list_row import ServiceRow
from issuer.model.listing import ListQuery, Page
from issuer.registry.listings import page_size
from issuer.registry.registrar import Registrar
from issuer.store.listings import services as store


def list_services(registrar: Registrar, query: ListQuery) -> Page[ServiceRow]:
    """Return a page of services; three statements.

    Sorted by name, owner, state, created, audiences or clients; filtered by state (removed ones only on
    demand, `all` for all), owner and trust_group. Raises InvalidValue.
    """
    return _find(registrar, page_size.check_size(query))


def stream_services(registrar: Registrar, query: ListQuery) -> Iterator[ServiceRow]:
    """Yield all services that a query finds. Raises InvalidValue with the first."""
    return page_size.stream(lambda each: _find(registrar, each), query)


def _find(registrar: Registrar, query: ListQuery) -> Page[ServiceRow]:
    with registrar.reading() as connection:
        return store.list_page(connection, query)
