"""The addresses of the pages that are looked at in every theme and width, by the names of their pictures.

What stands in braces is filled in by the test that visits them.
"""

from collections.abc import Iterator
from typing import Final

from werkzeug.routing import Map, Rule

SERVICES: Final = {
    "services": "/admin/services",
    "services-none": "/admin/services?q=nothing-like-that",
    "service-new": "/admin/services/new",
    "service": "{service}",
    "service-edit": "{service}/edit",
    "audiences": "/admin/audiences",
    "audience-new": "/admin/audiences/new?preset=mcp",
    "overview": "{orders}",
    "overview-long": "{long}",
    "overview-reserved": "/admin/audiences/2",
    "audience-edit": "{orders}/edit",
    "scopes": "{orders}/scopes",
    "scopes-none": "{empty}/scopes",
    "scope-new": "{orders}/scopes/new",
    "scope-edit": "{orders}/scopes/edit?name=orders:read",
    "clients": "{orders}/clients",
    "clients-none": "{empty}/clients",
    "pick": "{orders}/clients/pick",
    "grant": "{orders}/clients/grant?client={client}",
    "revoke": "{orders}/clients/revoke?client={client}",
    "token-policy": "{orders}/token-policy",
    "token-policy-edit": "{orders}/token-policy/edit",
    "aliases": "{orders}/aliases",
    "alias-new": "{orders}/aliases/new",
    "rename": "{orders}/rename",
    "activity": "{orders}/activity?span=week",
    "activity-none": "{empty}/activity",
    "danger": "{orders}/danger",
    "deprecate": "{orders}/deprecate",
}
CLIENTS: Final = {
    "list": "/admin/clients",
    "list-nothing": "/admin/clients?q=nothing-like-that",
    "new": "/admin/clients/new",
    "overview": "{page}",
    "edit": "{page}/edit",
    "access": "{page}/access",
    "pick": "{page}/access/new",
    "permission": "{page}/access/{orders}",
    "credentials": "{page}/credentials",
    "families": "{page}/families",
    "activity": "{page}/activity",
    "danger": "{page}/danger",
}
INSPECTED: Final = {
    "keys": "/admin/keys",
    "key": "/admin/keys/by-id/{kid}",
    "key-refresh": "/admin/keys/by-id/{hidden_kid}",
    "rotation": "/admin/keys/rotation?alg=ES256",
    "rotation-new": "/admin/keys/rotation?alg=RS256",
    "rotation-refresh": "/admin/keys/rotation?alg=HS256",
    "audit": "/admin/audit",
    "audit-nothing": "/admin/audit?actor=nobody",
    # Of an event whose target has a page: that one, and the link to all that happened to it, are near.
    "audit-event": "/admin/audit/{event}",
    "inspector": "/admin/inspector",
    "preview": "/admin/preview",
    "preview-token": "/admin/preview?client_id={client}&resource=https://orders.example&scope=orders:read",
    "preview-refused": "/admin/preview?client_id={client}&resource=https://stock-01.example/&scope=x",
}
USERS: Final = {
    "front": "/admin",
    "refusals": "/admin/refusals",
    "step-up": "/admin/step-up?next=/admin/users&again=1",
    "account": "/admin/account",
    "own-password": "/admin/account/password",
    "users": "/admin/users",
    "users-none": "/admin/users?q=nobody",
    "user": "/admin/users/by-name/{long}",
    "user-removed": "/admin/users/by-name/rem",
    "user-services": "/admin/users/by-name/dan",
    "edit-user": "/admin/users/by-name/dan/edit",
    "set-password": "/admin/users/by-name/dan/password",
    "new-user": "/admin/users/new",
}
SIGN_IN: Final = "/admin/sign-in?next=/admin/users"
# Reached by a link that only a fresh server has.
SETUP: Final = "/admin/setup"


def is_page(rule: Rule) -> bool:
    """Return whether a rule is that of a page of the console: not a download, not a form's target."""
    is_ours = rule.endpoint.startswith("admin.") and not rule.endpoint.endswith("export")
    return is_ours and "GET" in (rule.methods or ()) and not rule.endpoint.startswith("admin.export_")


def list_visited(addresses: Map) -> Iterator[str]:
    """Yield the endpoint of every address here."""
    audience, client = "/admin/audiences/1", "/admin/clients/robot"
    of_audience = {"orders": audience, "long": audience, "empty": audience, "client": "robot"}
    adapter = addresses.bind("console.example")
    for pages, places in (
        (SERVICES, {"service": "/admin/services/1", **of_audience}),
        (CLIENTS, {"page": client, "orders": "1"}),
        (INSPECTED, {"kid": "k", "hidden_kid": "k", "client": "robot", "event": "1"}),
        (USERS, {"long": "alice"}),
        ({"sign-in": SIGN_IN, "setup": SETUP}, {}),
    ):
        for path in pages.values():
            endpoint, _ = adapter.match(path.format(**places).partition("?")[0])
            yield endpoint
