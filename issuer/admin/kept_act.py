"""Kept act: what a kept form will do, to which thing and what ends with it, for the page that sends it on.

All is told by where the form is sent, which is where the page's own button sends it, and never by what it
holds: no field can make the page say one thing and do another.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from flask import render_template

from issuer.admin import kept_form
from issuer.admin.desk import Desk
from issuer.admin.kept_form import KeptForm
from issuer.errors import NotAllowed, NotFound
from issuer.registry import audiences, clients, services, users
from issuer.registry.listings import consequences, keys
from issuer.registry.listings.consequences import Consequences
from issuer.registry.registrar import Registrar

# As the button was called that somebody pressed, with what its page said round it. A dangerous act without
# fields is pressed again instead.
LABELS: Final = {
    "admin.add_client": "Register client",
    "admin.add_secret": "Make secret",
    "admin.compromise_key": "Withdraw key as stolen",
    "admin.edit_user": "Change role",
    "admin.new_user": "Add user",
    "admin.remove_audience": "Remove audience",
    "admin.remove_client": "Remove client",
    "admin.remove_service": "Remove service",
    "admin.rotate_key": "Publish the next key",
    "admin.rotate_key_now": "Sign with the next key now",
    "admin.set_password": "Set password",
}
# What takes no password is kept where a session has ended, or where somebody has signed in since.
EVERYDAY: Final = {
    "admin.add_alias": "Add alias",
    "admin.add_audience": "Register audience",
    "admin.add_scope": "Add scope",
    "admin.add_service": "Register service",
    "admin.deprecate_audience": "Deprecate audience",
    "admin.edit_audience": "Save description",
    "admin.edit_client": "Save changes",
    "admin.edit_scope": "Save description",
    "admin.edit_service": "Save changes",
    "admin.edit_token_policy": "Save token policy",
    "admin.grant_caller": "Save permission",
    "admin.permit_audience": "Save permission",
    "admin.remove_alias": "Remove alias",
    "admin.remove_scope": "Remove scope",
    "admin.rename_audience": "Rename audience",
    "admin.revoke_audience": "Revoke permission",
    "admin.revoke_caller": "Revoke permission",
}
PROVED: Final = "Your password was right."
_UNKNOWN: Final = "Go on"
# Which client or scope it is stands in the query of their addresses.
_OF_CLIENTS: Final = frozenset({"admin.grant_caller", "admin.revoke_caller"})
_OF_SCOPE: Final = "admin.edit_scope"
# Acts whose button looks dangerous on the page that they come from.
_DANGEROUS_LOOKS: Final = frozenset(
    {
        "admin.compromise_key",
        "admin.remove_audience",
        "admin.remove_client",
        "admin.remove_service",
        "admin.rotate_key_now",
    }
)


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends when something is removed. kind: "audience", "client" or "service"."""

    kind: str
    consequences: Consequences


@dataclass(frozen=True, slots=True)
class KeptAct:
    """What a button does. thing: the name of what it is done to, "" where the address leads to none.

    ends: what ends with it as it is now; None for an act that removes nothing, or of nothing.
    """

    label: str
    thing: str
    ends: Ends | None = None
    looks_dangerous: bool = False


def describe(desk: Desk, kept: KeptForm) -> KeptAct:
    """Return what a kept form will do. Does not check whether it may be done: whoever does it checks that."""
    label = LABELS.get(kept.endpoint) or EVERYDAY.get(kept.endpoint)
    if label is None:
        return KeptAct(_UNKNOWN, "")
    looks_dangerous = kept.endpoint in _DANGEROUS_LOOKS
    try:
        thing, ends = _find_thing(desk, kept), _find_ends(desk, kept)
    except (NotFound, NotAllowed):
        return KeptAct(label, "", looks_dangerous=looks_dangerous)
    return KeptAct(label, thing, ends, looks_dangerous)


def show(act: KeptAct, kept: KeptForm, why: str) -> str:
    """Return the page whose button sends a kept form on. why: it was held up, as a sentence."""
    return render_template(
        "admin/go_on.html", act=act, kept=kept, back_url=kept_form.find_page(kept), why=why
    )


def _find_ends(desk: Desk, kept: KeptForm) -> Ends | None:
    """Return what ends with a removal, in the numbers of its danger zone; raises NotFound, NotAllowed."""
    registrar, named = desk.registrar(), kept.arguments
    match kept.endpoint:
        case "admin.remove_audience":
            audience = audiences.find_audience_by_id(registrar, named["audience_id"])
            return Ends("audience", consequences.of_audience(registrar, audience.identifier))
        case "admin.remove_client":
            return Ends("client", consequences.of_client(registrar, named["client_id"]))
        case "admin.remove_service":
            service = services.find_service_by_id(registrar, named["service_id"])
            return Ends("service", consequences.of_service(registrar, service.name))
    return None


def _find_thing(desk: Desk, kept: KeptForm) -> str:
    """Return the registered name of what an address names; raises NotFound, NotAllowed."""
    registrar, named = desk.registrar(), kept.arguments
    match named:
        case {"audience_id": audience_id}:
            identifier = audiences.find_audience_by_id(registrar, audience_id).identifier
            return _find_beside(registrar, kept) + identifier
        case {"client_id": client_id}:
            return _name_client(registrar, client_id)
        case {"service_id": service_id}:
            return services.find_service_by_id(registrar, service_id).name
        case {"kid": kid}:
            keys.find_line(registrar, kid)
            return str(kid)
        case {"name": name}:
            return users.find_user(registrar, name).name
    return ""


def _find_beside(registrar: Registrar, kept: KeptForm) -> str:
    """Return what an address names beside an audience: a client or a scope, "" for nothing."""
    asked = dict(parse_qsl(kept.action.partition("?")[2]))
    if "client_id" in kept.arguments:
        return f"{_name_client(registrar, kept.arguments['client_id'])} at "
    if kept.endpoint in _OF_CLIENTS:
        return f"{_name_client(registrar, asked.get('client', ''))} at "
    return f"{asked.get('name', '')} of " if kept.endpoint == _OF_SCOPE else ""


def _name_client(registrar: Registrar, client_id: str) -> str:
    client = clients.find_client(registrar, client_id)
    return f"{client.name} ({client.client_id})"
