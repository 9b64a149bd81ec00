"""The list of clients, and its exports."""

from collections.abc import Sequence
from typing import Final

from flask import Response, render_template, url_for

from issuer.admin import lists
from issuer.admin.clients.tab import Tab
from issuer.model.client import ClientState, ClientType
from issuer.pages.listing import Listing, read_listing
from issuer.registry.listings import clients, export, lint
from issuer.registry.powers import Power

COLUMNS: Final = ("name", "client_id", "type", "state", "created", "audiences", "tokens", "last_used")
FILTERS: Final = {
    "state": (*(state.value for state in ClientState), "all"),
    "type": tuple(kind.value for kind in ClientType),
    "finding": ("no-permission", "no-secret"),
}
# A secret that stops within this many seconds is told of in colour.
SOON_SECONDS: Final = 14 * 24 * 3600


class ClientList(Tab):
    """Shows all clients, page by page."""

    def show(self) -> str:
        """Answer with a page of clients."""
        registrar = self._desk.registrar()
        asked = _read()
        page = clients.list_clients(registrar, lists.make_query(asked))
        return render_template(
            "admin/clients/list.html",
            listing=asked,
            page=page,
            findings=lint.lint_clients(registrar, page.rows, self._desk.lifetimes),
            soon=self._desk.clock.now() + SOON_SECONDS,
            total=lists.find_total(page),
            next_url=lists.find_next_url(asked, page),
            exports=lists.list_exports(asked, url_for("admin.export_clients")),
            may_add=self._desk.may(Power.CLIENTS),
        )

    def export(self) -> Response:
        """Answer with all clients that a list shows, as a file."""
        asked = _read(**{lists.FORMAT: lists.FORMATS})
        rows = clients.stream_clients(self._desk.registrar(), lists.make_query(asked))
        return lists.send_export(asked, "clients", export.CLIENTS, rows)


def _read(**more: Sequence[str]) -> Listing:
    return read_listing(COLUMNS, {**FILTERS, **more}, default="name")
