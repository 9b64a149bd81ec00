"""The list of audiences, and its exports."""

from collections.abc import Sequence
from typing import Final

from flask import Response, render_template, url_for

from issuer.admin import lists
from issuer.admin.desk import Desk
from issuer.model.audience import AudienceState
from issuer.pages.listing import Listing, read_listing
from issuer.registry import services
from issuer.registry.listings import audiences, export, lint
from issuer.registry.powers import Power

COLUMNS: Final = ("identifier", "service", "owner", "state", "created", "clients", "tokens", "last_used")
# Of what lint finds, that by which a list of any length can be filtered, in words.
FINDINGS: Final = (("no-client", "No client"), ("no-scopes", "No scopes"), ("typ-jwt", "typ JWT"))
STATES: Final = (*(state.value for state in AudienceState), "all")


class AudienceList:
    """Shows all audiences, page by page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> str:
        """Answer with a page of audiences."""
        registrar = self._desk.registrar()
        names = services.list_all_names(registrar)
        asked = _read(names)
        page = audiences.list_audiences(registrar, lists.make_query(asked), self._desk.lifetimes)
        return render_template(
            "admin/audiences/list.html",
            listing=asked,
            page=page,
            findings=lint.lint_audiences(registrar, page.rows, self._desk.lifetimes),
            services=names,
            findings_known=FINDINGS,
            total=lists.find_total(page),
            next_url=lists.find_next_url(asked, page),
            exports=lists.list_exports(asked, url_for("admin.export_audiences")),
            may_add=self._desk.may(Power.NEW_AUDIENCES),
        )

    def export(self) -> Response:
        """Answer with all audiences that a list shows, as a file."""
        registrar = self._desk.registrar()
        asked = _read(services.list_all_names(registrar), **{lists.FORMAT: lists.FORMATS})
        rows = audiences.stream_audiences(registrar, lists.make_query(asked), self._desk.lifetimes)
        return lists.send_export(asked, "audiences", export.AUDIENCES, rows)


def _read(names: Sequence[str], **more: Sequence[str]) -> Listing:
    filters = {"state": STATES, "service": names, "finding": [code for code, _ in FINDINGS], **more}
    return read_listing(COLUMNS, filters, default="identifier")
