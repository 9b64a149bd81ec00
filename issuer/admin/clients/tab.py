"""What all tabs of a client share: which client it is, the header, and what may be done here."""

from typing import Final

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from issuer.admin.clients.handover import Handover
from issuer.admin.desk import Desk
from issuer.model.audience import Audience, AudienceState
from issuer.model.client import Client, ClientState
from issuer.model.listing import LARGEST_PAGE, ListQuery
from issuer.model.permission import Permission, SubjectKind
from issuer.model.service import ServiceState
from issuer.registry import clients
from issuer.registry.listings import permissions
from issuer.registry.powers import Power

_TABS: Final = (
    ("Overview", "admin.show_client"),
    ("Access", "admin.show_client_access"),
    ("Credentials", "admin.show_credentials"),
    ("Refresh tokens", "admin.show_families"),
    ("Activity", "admin.show_client_activity"),
    ("Danger zone", "admin.show_client_danger"),
)


class Tab:
    """One tab of the pages of a client, with the forms that belong to it."""

    endpoint = ""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def _find(self, client_id: str) -> Client:
        return clients.find_client(self._desk.registrar(), client_id)

    def _may(self, power: Power, client: Client) -> bool:
        """Return whether who is signed in may use a power on a client; a removed one stays as it is."""
        return client.state is not ClientState.REMOVED and self._desk.may(power)

    def _show(self, template: str, client: Client, **shown: object) -> str:
        """Return a page of a client. template: its file below templates/admin/clients."""
        items = [(label, url_for(endpoint, client_id=client.client_id), None) for label, endpoint in _TABS]
        return render_template(
            f"admin/clients/{template}",
            client=client,
            tabs=items,
            current_tab=url_for(self.endpoint, client_id=client.client_id),
            may_change=self._may(Power.CLIENTS, client),
            **shown,
        )

    def _find_example(self, client: Client) -> Audience | None:
        """Return an audience that a client gets a token for now: the default, if it is one of them."""
        query = ListQuery(filters={"state": AudienceState.ACTIVE.value}, size=LARGEST_PAGE)
        page = permissions.list_of_client(
            self._desk.registrar(), client.client_id, query, self._desk.lifetimes
        )
        found = [row.permission.audience for row in page.rows if _is_usable(row.permission)]
        return next((one for one in found if one.id == client.default_audience), found[0] if found else None)

    def _hand_over(self, client: Client, secret: str) -> Handover:
        """Return what a client is handed with a secret."""
        desk = self._desk
        return Handover(desk.settings.url, desk.token_url, client, self._find_example(client), secret)

    def _go_back(self, client: Client) -> ResponseReturnValue:
        return redirect(url_for(self.endpoint, client_id=client.client_id), 303)


def is_confirmed(expected: str) -> bool:
    """Return whether what must be typed before a dangerous act was typed."""
    return request.form.get("confirmed", "").strip() == expected


def _is_usable(permission: Permission) -> bool:
    is_open = permission.audience.service.state is ServiceState.ACTIVE
    return is_open and permission.subject.covers(SubjectKind.CLIENT)
