"""The gate: who may call which address. Nothing passes unless a policy says so.

One table for the whole server, by endpoint. What has no line in it is refused, whoever asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, flash, g, redirect, render_template, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.wrappers import Response as BaseResponse

from issuer.errors import Forbidden, SignInRequired
from issuer.pages import form_owner
from issuer.pages.page_user import CurrentUser, PageUser
from issuer.pages.return_path import current_address, find_return_path

SIGN_IN_PATH: Final = "/admin/sign-in"
STEP_UP_PATH: Final = "/admin/step-up"
# What a form of ours may be left open for; no session lives longer.
FORM_SECONDS: Final = 12 * 3600

_EXTENSION = "issuer-gate"
_CHANGES_NOTHING = frozenset({"GET", "HEAD"})
# A browser says where a request was made (Fetch Metadata); "none" is an address typed in or a bookmark.
_OWN_SITES = frozenset({"same-origin", "none"})
_CROSS_SITE = "The request was made by another site."
_ENDED = "Your session has ended; nothing was saved."


class Who(StrEnum):
    """Who may call an address."""

    MACHINES = "machines"
    EVERYONE = "everyone"
    SIGNED_IN = "signed in"


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may call an address. power: what their role must be allowed to, "" for any role."""

    who: Who
    power: str = ""


# Answers with its own authentication or has none to ask for; no cookie of ours means anything there.
MACHINES: Final = Policy(Who.MACHINES)
PUBLIC: Final = Policy(Who.EVERYONE)
SIGNED_IN: Final = Policy(Who.SIGNED_IN)
Policies = Mapping[str, Policy]


def needs(power: str) -> Policy:
    """Return the policy of an address for those whose role has a power."""
    return Policy(Who.SIGNED_IN, power)


class Gate:
    """Stands before every view. csrf: checks the token that our own forms carry."""

    def __init__(self, policies: Policies, current_user: CurrentUser, csrf: CSRFProtect) -> None:
        self._policies = policies
        self._current_user = current_user
        self._csrf = csrf

    def guard(self, app: Flask) -> None:
        """Stand before every view of an application."""
        app.extensions[_EXTENSION] = self
        app.before_request(self.admit)

    def find_policy(self, endpoint: str | None) -> Policy | None:
        """Return the policy of an endpoint, None if it has none."""
        return self._policies.get(endpoint or "")

    def list_endpoints(self) -> list[str]:
        """Return every endpoint that has a policy."""
        return list(self._policies)

    def admit(self) -> None:
        """Let the request pass.

        Raises Forbidden without a policy or a power, SignInRequired where nobody is signed in who has to be,
        CSRFError for a change that no form of ours asks for.
        """
        if request.endpoint is None:  # no such address or method: Flask says so
            return
        policy = self.find_policy(request.endpoint)
        if policy is None:
            raise Forbidden("this address has no policy")
        if policy.who is Who.MACHINES:
            return
        self._check_origin()
        if policy.who is Who.EVERYONE:
            return
        user = find_user(self._current_user)
        if user is None:
            raise SignInRequired("nobody is signed in")
        if policy.power and policy.power not in user.powers:
            raise Forbidden(f"this needs the power {policy.power}")
        form_owner.note_owner(user.name)

    def _check_origin(self) -> None:
        if request.method in _CHANGES_NOTHING:
            return
        if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES:
            raise CSRFError(_CROSS_SITE)
        self._csrf.protect()


def gate_of(app: Flask) -> Gate:
    """Return the gate of an application."""
    gate: Gate = app.extensions[_EXTENSION]
    return gate


def find_user(current_user: CurrentUser) -> PageUser | None:
    """Return who is signed in; asked once a request."""
    if "user" not in g:
        g.user = current_user(request)
    user: PageUser | None = g.user
    return user


def change_user(user: PageUser) -> None:
    """Let the rest of this request be of somebody who has just signed in."""
    g.user = user
    form_owner.note_owner(user.name)


def send_to_sign_in() -> BaseResponse:
    """Answer in place of what nobody is signed in for: with the page that asks who it is, and leads back.

    In place of a fragment a sentence stands where that would: to lead away from a page loses what is typed
    there. A form leads back to the page that it stood on, as in `send_to_step_up`.
    """
    if is_fragment():
        page = render_template("admin/signed_out.html", sign_in_url=request.script_root + SIGN_IN_PATH)
        return Response(page, 200)
    if request.method in _CHANGES_NOTHING:
        return redirect(_lead_aside(SIGN_IN_PATH, current_address()), 303)
    if ("warning", _ENDED) not in session.get("_flashes", ()):
        flash(_ENDED, "warning")
    return redirect(_lead_aside(SIGN_IN_PATH, find_page()), 303)


def send_to_step_up() -> BaseResponse:
    """Answer in place of what takes the password once more: with the page that asks for it.

    It leads back to where the request came from, not to what was to be changed: no change is kept in a link.
    """
    if is_fragment():
        # A fragment would show the form inside the page; htmx goes there as a whole instead.
        shown = _path_of(request.headers.get("HX-Current-URL", ""))
        return Response("", 200, {"HX-Redirect": _lead_aside(STEP_UP_PATH, shown)})
    if request.method in _CHANGES_NOTHING:
        return redirect(_lead_aside(STEP_UP_PATH, current_address()), 303)
    return redirect(_lead_aside(STEP_UP_PATH, find_page(), again="1"), 303)


def is_fragment() -> bool:
    """Return whether this request is for a part of a page that is open."""
    return "HX-Request" in request.headers


def find_page() -> str:
    """Return path and query of the page that this request's form stands on, "" if the browser does not say.

    Only its path is taken, so another site's is at most a page of ours that was not meant.
    """
    return _path_of(request.headers.get("Referer", ""))


def _lead_aside(path: str, wanted: str, **more: str) -> str:
    """Return the address of another page. wanted: where it leads back to, "" for nowhere."""
    base = request.script_root
    back = find_return_path(wanted, base)
    query = urlencode({**({"next": back} if back else {}), **more})
    return f"{base}{path}?{query}" if query else base + path


def _path_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        # No browser says so: a host that begins with a bracket and does not end with one.
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
