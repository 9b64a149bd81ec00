"""The addresses of audiences: the list, a new one, and each tab of one."""

from collections.abc import Iterator

from issuer.admin.audiences.activity import ActivityTab
from issuer.admin.audiences.aliases import AliasTab
from issuer.admin.audiences.clients import ClientTab
from issuer.admin.audiences.danger import DangerTab
from issuer.admin.audiences.listing import AudienceList
from issuer.admin.audiences.new import NewAudiencePage
from issuer.admin.audiences.overview import OverviewTab
from issuer.admin.audiences.scopes import ScopeTab
from issuer.admin.audiences.token_policy import TokenPolicyTab
from issuer.admin.desk import Desk
from issuer.admin.view import View
from issuer.pages.gate import SIGNED_IN, needs
from issuer.registry.powers import Power

_ONE = "/audiences/<int:audience_id>"
_FORM = ("GET", "POST")
_CHANGE = needs(Power.AUDIENCES.value)
_PERMIT = needs(Power.PERMISSIONS.value)
_ADD = needs(Power.NEW_AUDIENCES.value)
_KEYS = needs(Power.KEYS.value)
_REMOVE = needs(Power.AUDIENCE_REMOVAL.value)


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of audiences."""
    listing, new = AudienceList(desk), NewAudiencePage(desk)
    yield View("/audiences", "list_audiences", SIGNED_IN, listing.show)
    yield View("/audiences/export", "export_audiences", SIGNED_IN, listing.export)
    yield View("/audiences/new", "add_audience", _ADD, new.add, _FORM)
    yield View("/audiences/check", "check_audience", _ADD, new.check, ("POST",))
    overview = OverviewTab(desk)
    yield View(_ONE, "show_audience", SIGNED_IN, overview.show)
    yield View(f"{_ONE}/edit", "edit_audience", _CHANGE, overview.edit, _FORM)
    yield from _list_tabs(desk)


def _list_tabs(desk: Desk) -> Iterator[View]:
    scopes = ScopeTab(desk)
    yield View(f"{_ONE}/scopes", "show_scopes", SIGNED_IN, scopes.show)
    yield View(f"{_ONE}/scopes/new", "add_scope", _CHANGE, scopes.add, _FORM)
    yield View(f"{_ONE}/scopes/edit", "edit_scope", _CHANGE, scopes.edit, _FORM)
    yield View(f"{_ONE}/scopes/remove", "remove_scope", _CHANGE, scopes.remove, ("POST",))
    clients = ClientTab(desk)
    yield View(f"{_ONE}/clients", "show_callers", SIGNED_IN, clients.show)
    yield View(f"{_ONE}/clients/export", "export_callers", SIGNED_IN, clients.export)
    yield View(f"{_ONE}/clients/pick", "pick_caller", _PERMIT, clients.pick)
    yield View(f"{_ONE}/clients/grant", "grant_caller", _PERMIT, clients.grant, _FORM)
    yield View(f"{_ONE}/clients/revoke", "revoke_caller", _PERMIT, clients.revoke, _FORM)
    policy = TokenPolicyTab(desk)
    yield View(f"{_ONE}/token-policy", "show_token_policy", SIGNED_IN, policy.show)
    yield View(f"{_ONE}/token-policy/edit", "edit_token_policy", _CHANGE, policy.edit, _FORM)
    aliases = AliasTab(desk)
    yield View(f"{_ONE}/aliases", "show_aliases", SIGNED_IN, aliases.show)
    yield View(f"{_ONE}/aliases/new", "add_alias", _CHANGE, aliases.add, _FORM)
    yield View(f"{_ONE}/aliases/remove", "remove_alias", _CHANGE, aliases.remove, ("POST",))
    yield View(f"{_ONE}/rename", "rename_audience", _CHANGE, aliases.rename, _FORM)
    yield View(f"{_ONE}/activity", "show_audience_activity", SIGNED_IN, ActivityTab(desk).show)
    danger = DangerTab(desk)
    yield View(f"{_ONE}/danger", "show_audience_danger", SIGNED_IN, danger.show)
    yield View(f"{_ONE}/disable", "disable_audience", _CHANGE, danger.disable, ("POST",))
    yield View(f"{_ONE}/enable", "enable_audience", _CHANGE, danger.enable, ("POST",))
    yield View(f"{_ONE}/deprecate", "deprecate_audience", _CHANGE, danger.deprecate, _FORM)
    yield View(f"{_ONE}/key/own", "give_own_key", _KEYS, danger.give_own_key, ("POST",))
    yield View(f"{_ONE}/key/shared", "give_up_own_key", _KEYS, danger.give_up_own_key, ("POST",))
    yield View(f"{_ONE}/remove", "remove_audience", _REMOVE, danger.remove, ("POST",))
