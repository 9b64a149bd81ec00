"""The addresses of clients: who may call each. What is done there is checked again in registry/."""

from collections.abc import Iterator

from issuer.admin.clients.access import AccessTab
from issuer.admin.clients.activity import ActivityTab
from issuer.admin.clients.credentials import CredentialsTab
from issuer.admin.clients.danger import DangerTab
from issuer.admin.clients.families import FamiliesTab
from issuer.admin.clients.listed import ClientList
from issuer.admin.clients.new import NewClientPage
from issuer.admin.clients.overview import OverviewTab
from issuer.admin.desk import Desk
from issuer.admin.view import View
from issuer.pages.gate import SIGNED_IN, needs
from issuer.registry.powers import Power

_ONE = "/clients/<client_id>"
# No database has a larger id.
_AUDIENCE = f"{_ONE}/access/<int(max=9223372036854775807):audience_id>"
_BOTH = ("GET", "POST")


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of clients."""
    change = needs(Power.CLIENTS.value)
    listed, overview, danger = ClientList(desk), OverviewTab(desk), DangerTab(desk)
    yield View("/clients", "list_clients", SIGNED_IN, listed.show)
    yield View("/clients/export", "export_clients", SIGNED_IN, listed.export)
    yield View("/clients/new", "add_client", change, NewClientPage(desk).show, _BOTH)
    yield View(_ONE, "show_client", SIGNED_IN, overview.show)
    yield View(f"{_ONE}/edit", "edit_client", change, overview.edit, _BOTH)
    yield View(f"{_ONE}/danger", "show_client_danger", SIGNED_IN, danger.show)
    yield View(f"{_ONE}/disable", "disable_client", change, danger.disable, ("POST",))
    yield View(f"{_ONE}/enable", "enable_client", change, danger.enable, ("POST",))
    remove = needs(Power.CLIENT_REMOVAL.value)
    yield View(f"{_ONE}/remove", "remove_client", remove, danger.remove, ("POST",))
    yield View(f"{_ONE}/activity", "show_client_activity", SIGNED_IN, ActivityTab(desk).show)
    yield from _list_access(desk)
    yield from _list_credentials(desk)


def _list_access(desk: Desk) -> Iterator[View]:
    tab, permit = AccessTab(desk), needs(Power.PERMISSIONS.value)
    change = needs(Power.CLIENTS.value)
    yield View(f"{_ONE}/access", "show_client_access", SIGNED_IN, tab.show)
    yield View(f"{_ONE}/access/export", "export_client_access", SIGNED_IN, tab.export)
    yield View(f"{_ONE}/access/new", "pick_audience", permit, tab.pick)
    yield View(f"{_ONE}/access/no-default", "clear_default_audience", change, tab.clear_default, ("POST",))
    yield View(_AUDIENCE, "show_permission", SIGNED_IN, tab.show_permission)
    yield View(f"{_AUDIENCE}/permit", "permit_audience", permit, tab.permit, ("POST",))
    yield View(f"{_AUDIENCE}/revoke", "revoke_audience", permit, tab.revoke, ("POST",))
    yield View(f"{_AUDIENCE}/default", "choose_default_audience", change, tab.choose_default, ("POST",))


def _list_credentials(desk: Desk) -> Iterator[View]:
    tab, families = CredentialsTab(desk), FamiliesTab(desk)
    change, end = needs(Power.CLIENT_SECRETS.value), needs(Power.FAMILIES.value)
    yield View(f"{_ONE}/credentials", "show_credentials", SIGNED_IN, tab.show)
    yield View(f"{_ONE}/credentials/new", "add_secret", change, tab.add, ("POST",))
    yield View(f"{_ONE}/credentials/<secret_id>/revoke", "revoke_secret", change, tab.revoke, ("POST",))
    yield View(f"{_ONE}/env", "send_client_env", needs(Power.CLIENTS.value), tab.send_env, ("POST",))
    yield View(f"{_ONE}/families", "show_families", SIGNED_IN, families.show)
    yield View(f"{_ONE}/families/end", "end_families", end, families.end_all, ("POST",))
    yield View(f"{_ONE}/families/<family_id>/end", "end_family", end, families.end, ("POST",))
