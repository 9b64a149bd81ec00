"""What all tabs of an audience share: which audience it is, the header, and what may be done here."""

from collections.abc import Sequence
from typing import Final

from flask import Response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from issuer.admin import closed, stale_edit
from issuer.admin.desk import Desk
from issuer.errors import NotAllowed
from issuer.model.audience import Audience, AudienceId, AudienceState
from issuer.pages.error_pages import Version
from issuer.pages.return_path import current_address
from issuer.registry import audiences
from issuer.registry.powers import Power

_TABS: Final = (
    ("Overview", "admin.show_audience"),
    ("Scopes", "admin.show_scopes"),
    ("Clients", "admin.show_callers"),
    ("Token policy", "admin.show_token_policy"),
    ("Aliases", "admin.show_aliases"),
    ("Activity", "admin.show_audience_activity"),
    ("Danger zone", "admin.show_audience_danger"),
)


class Tab:
    """One tab of the pages of an audience, with the forms that belong to it."""

    endpoint = ""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _find(self, audience_id: int) -> Audience:
        return audiences.find_audience_by_id(self._desk.registrar(), AudienceId(audience_id))

    def _may(self, power: Power, audience: Audience) -> bool:
        """Return whether who is signed in may use a power on an audience; the issuer's own are locked."""
        is_closed = audience.state is AudienceState.REMOVED or audience.is_reserved
        return not is_closed and self._desk.may(power, audience.service.name)

    def _find_changeable(self, audience_id: int) -> Audience:
        """Return an audience that who is signed in may change.

        Raises NotAllowed, or Closed for one that nobody can change, before a form is shown.
        """
        audience = self._find(audience_id)
        closed.refuse_audience(audience)
        if not self._desk.may(Power.AUDIENCES, audience.service.name):
            raise NotAllowed(f"you do not own the service {audience.service.name}")
        return audience

    def _show_stale(self, now: Audience, versions: Sequence[Version]) -> Response:
        """Answer in place of a stale edit, on the address of its form. now: as it is, read anew."""
        return stale_edit.show(now.identifier, versions, current_address(), now.identifier)

    def _show(self, template: str, audience: Audience, **shown: object) -> str:
        """Return a page of an audience. template: its file below templates/admin/audiences."""
        items = [
            (label, url_for(endpoint, audience_id=audience.id), _count(endpoint, audience))
            for label, endpoint in _TABS
        ]
        return render_template(
            f"admin/audiences/{template}",
            audience=audience,
            tabs=items,
            current_tab=url_for(self.endpoint, audience_id=audience.id),
            may_change=self._may(Power.AUDIENCES, audience),
            **shown,
        )

    def _go_back(self, audience: Audience) -> ResponseReturnValue:
        return redirect(url_for(self.endpoint, audience_id=audience.id), 303)


def _count(endpoint: str, audience: Audience) -> int | None:
    counted = {"admin.show_scopes": audience.scopes, "admin.show_aliases": audience.aliases}
    return len(counted[endpoint]) if endpoint in counted else None
