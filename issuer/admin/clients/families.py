"""Refresh tokens of a client: its families, which end one by one or all at once, and what was reused."""

from typing import Final

from flask import flash
from flask.typing import ResponseReturnValue

from issuer.admin import lists
from issuer.admin.clients.tab import Tab
from issuer.pages.listing import read_listing
from issuer.registry import families
from issuer.registry.listings import consequences
from issuer.registry.listings import families as family_lists
from issuer.registry.powers import Power

COLUMNS: Final = ("created", "rotated", "expires")
FILTERS: Final = {"state": ("live", "ended", "expired")}


class FamiliesTab(Tab):
    """The families of a client."""

    endpoint = "admin.show_families"

    def show(self, client_id: str) -> str:
        """Answer with a page of families, and the last incidents of reuse."""
        asked = read_listing(COLUMNS, FILTERS, default="-created")
        registrar, client = self._desk.registrar(), self._find(client_id)
        page = family_lists.list_families(registrar, client_id, lists.make_query(asked))
        return self._show(
            "families.html",
            client,
            listing=asked,
            page=page,
            live=consequences.count_families(registrar, client),
            incidents=families.list_incidents(registrar, client_id),
            total=lists.find_total(page),
            next_url=lists.find_next_url(asked, page),
            # Also of a removed client: what it holds can still be ended.
            may_end=self._desk.may(Power.FAMILIES),
        )

    def end(self, client_id: str, family_id: str) -> ResponseReturnValue:
        """End one family."""
        is_ended = families.end_family(self._desk.registrar(), client_id, family_id)
        flash("The family is ended: its refresh token gives nothing more." if is_ended else "It had ended.")
        return self._go_back(self._find(client_id))

    def end_all(self, client_id: str) -> ResponseReturnValue:
        """End all families of a client."""
        ended = families.end_families(self._desk.registrar(), client_id)
        flash(f"{ended} {'family is' if ended == 1 else 'families are'} ended.")
        return self._go_back(self._find(client_id))
