"""Kept act: what a kept form will do and to which thing, for the page that sends it on.

Both are told by where the form is sent, which is where the page's own button sends it, and never by what it
holds: no field can make the page say one thing and do another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from issuer.admin.desk import Desk
from issuer.admin.kept_form import KeptForm
from issuer.errors import NotAllowed, NotFound
from issuer.registry import audiences, clients, services, users
from issuer.registry.listings import keys

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
_UNKNOWN: Final = "Go on"


@dataclass(frozen=True, slots=True)
class KeptAct:
    """What a button does. thing: the name of what it is done to, "" where the address leads to none."""

    label: str
    thing: str


def describe(desk: Desk, kept: KeptForm) -> KeptAct:
    """Return what a kept form will do. Does not check whether it may be done: whoever does it checks that."""
    label = LABELS.get(kept.endpoint)
    if label is None:
        return KeptAct(_UNKNOWN, "")
    try:
        return KeptAct(label, _find_thing(desk, kept.arguments))
    except (NotFound, NotAllowed):
        return KeptAct(label, "")


def _find_thing(desk: Desk, named: Mapping[str, Any]) -> str:  # Any: as the routes convert them
    """Return the registered name of what the variables of an address name; raises NotFound, NotAllowed."""
    registrar = desk.registrar()
    match named:
        case {"audience_id": audience_id}:
            return audiences.find_audience_by_id(registrar, audience_id).identifier
        case {"client_id": client_id}:
            client = clients.find_client(registrar, client_id)
            return f"{client.name} ({client.client_id})"
        case {"service_id": service_id}:
            return services.find_service_by_id(registrar, service_id).name
        case {"kid": kid}:
            keys.find_line(registrar, kid)
            return str(kid)
        case {"name": name}:
            return users.find_user(registrar, name).name
    return ""
