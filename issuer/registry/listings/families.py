"""Families of a client, page by page."""

from issuer.model.list_row import FamilyRow
from issuer.model.listing import ListQuery, Page
from issuer.registry import client_rules
from issuer.registry.listings import page_size
from issuer.registry.registrar import Registrar
from issuer.store.listings import families as store


def list_families(registrar: Registrar, client_id: str, query: ListQuery) -> Page[FamilyRow]:
    """Return a page of a client's families, the newest first; five statements.

    Sorted by created, rotated or expires; filtered by state: live, ended or expired. Raises InvalidValue,
    or NotFound for the client.
    """
    page_size.check_size(query)
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        return store.list_page(connection, client.key, query, registrar.clock.now())
