"""The console's addresses: who may call each, and what the rail leads to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, current_app, request, url_for

from issuer.admin import (
    account,
    audit,
    closed,
    front,
    inspector,
    keys,
    new_user,
    preview,
    services,
    setup,
    sign_in,
    step_up,
    users,
)
from issuer.admin.audiences import views as audiences
from issuer.admin.clients import routes as clients
from issuer.admin.desk import Desk
from issuer.admin.view import View
from issuer.errors import Locked, TemporarilyUnavailable
from issuer.pages import gate, theme
from issuer.pages.gate import PUBLIC, Policies, Policy
from issuer.pages.page_user import CurrentUser, PageUser
from issuer.pages.return_path import current_address

BLUEPRINT: Final = "admin"
PREFIX: Final = "/admin"


@dataclass(frozen=True, slots=True)
class RailItem:
    """A line of the rail. endpoint: of the page; icon: its name in macros/icons.html."""

    endpoint: str
    label: str
    icon: str


@dataclass(frozen=True, slots=True)
class RailLink:
    """A line of the rail on one page. is_current: whether that page is it, or lies below it."""

    url: str
    label: str
    icon: str
    is_current: bool


RAIL: Final[tuple[RailItem, ...]] = (
    RailItem("admin.front", "Overview", "home"),
    RailItem("admin.list_services", "Services", "services"),
    RailItem("admin.list_audiences", "Audiences", "audiences"),
    RailItem("admin.list_clients", "Clients", "clients"),
    RailItem("admin.inspector", "Inspector", "inspector"),
    RailItem("admin.preview", "Preview", "preview"),
    RailItem("admin.keys", "Keys", "key"),
    RailItem("admin.audit", "Audit", "audit"),
    RailItem("admin.users", "Users", "users"),
)
# Addresses without a view of the desk. Needs no session: the sign-in page has the switch too. The form's
# token still has to be ours.
POLICIES: Final[dict[str, Policy]] = {"admin.choose_theme": PUBLIC}


def list_views(desk: Desk) -> Iterator[View]:
    """Yield every view of the console; one that is not here does not exist."""
    yield from front.list_views(desk)
    yield from account.list_views(desk)
    yield from setup.list_views(desk)
    yield from sign_in.list_views(desk)
    yield from step_up.list_views(desk)
    yield from new_user.list_views(desk)
    yield from users.list_views(desk)
    yield from inspector.list_views(desk)
    yield from preview.list_views(desk)
    yield from keys.list_views(desk)
    yield from audit.list_views(desk)
    yield from services.list_views(desk)
    yield from audiences.list_views(desk)
    yield from clients.list_views(desk)


def list_policies(views: Iterable[View]) -> Mapping[str, Policy]:
    """Return who may call each endpoint of the console."""
    return {**POLICIES, **{f"{BLUEPRINT}.{view.name}": view.policy for view in views}}


def make_blueprint(
    views: Iterable[View], policies: Policies, rail: Sequence[RailItem], current_user: CurrentUser
) -> Blueprint:
    """Return the console. policies: of all its endpoints; rail: in order, shown to those who may go there."""
    blueprint = Blueprint(BLUEPRINT, __name__, url_prefix=PREFIX)
    blueprint.add_url_rule("/theme", "choose_theme", theme.choose, methods=["POST"])
    for view in views:
        # The front page is found with a slash behind it, too: Flask's own redirect would lead to the host
        # that the request names.
        is_front = view.path == ""
        blueprint.add_url_rule(
            view.path, view.name, view.answer, methods=view.methods, strict_slashes=not is_front
        )

    def describe_shell() -> dict[str, object]:
        user = _find_shown_user(current_user)
        powers = user.powers if user else frozenset()
        path = request.script_root + request.path
        shown = [_link(item, path) for item in rail if user and _may_open(policies, item, powers)]
        return {"user": user, "rail": shown, "current_path": path, "current_address": current_address()}

    def describe_lost_shell() -> dict[str, object]:
        # An address below the console's that nothing answers belongs to no blueprint.
        is_lost = request.endpoint is None and f"{request.path}/".startswith(f"{PREFIX}/")
        return describe_shell() if is_lost else {}

    blueprint.register_error_handler(Locked, closed.show)
    blueprint.context_processor(describe_shell)
    blueprint.app_context_processor(describe_lost_shell)
    return blueprint


def _find_shown_user(current_user: CurrentUser) -> PageUser | None:
    """Return who is signed in; None where that cannot be told, so that the page that says so can be shown."""
    try:
        return gate.find_user(current_user)
    except TemporarilyUnavailable:
        return None


def _link(item: RailItem, current_path: str) -> RailLink:
    url = url_for(item.endpoint)
    # Everything lies below the console's own front page, so that one is current only where it is shown.
    is_section = not url.rstrip("/").endswith(PREFIX)
    is_current = current_path == url or (is_section and current_path.startswith(f"{url}/"))
    return RailLink(url, item.label, item.icon, is_current)


def _may_open(policies: Policies, item: RailItem, powers: frozenset[str]) -> bool:
    policy = policies[item.endpoint]
    return item.endpoint in current_app.view_functions and (not policy.power or policy.power in powers)
