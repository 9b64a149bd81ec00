"""Light or dark: the choice is a cookie, and the server renders it, so nothing flashes."""

from typing import Final

from flask import Response, current_app, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from issuer.errors import BadLink
from issuer.pages.return_path import find_return_path

COOKIE: Final = "issuer_theme"

# "system" leaves it to the browser and needs no cookie.
_CHOICES = ("system", "light", "dark")
_KEPT_SECONDS = 365 * 24 * 3600


def list_choices() -> tuple[str, ...]:
    """Return what may be chosen, in the order of the buttons."""
    return _CHOICES


def find_theme() -> str:
    """Return what the browser that asks has chosen; anything else it may send is `system`."""
    given = request.cookies.get(COOKIE, "")
    return given if given in _CHOICES else "system"


def choose() -> BaseResponse:
    """Answer a posted choice: keep it, and go back to the page it was made on."""
    wanted = request.form.get("theme", "")
    if wanted not in _CHOICES:
        raise BadLink("no such theme")
    base = request.script_root
    answer = redirect(find_return_path(request.form.get("next"), base) or f"{base}/", 303)
    _keep(answer, wanted)
    return answer


def _keep(answer: Response | BaseResponse, wanted: str) -> None:
    path = request.script_root or "/"
    if wanted == "system":
        answer.delete_cookie(COOKIE, path=path, samesite="Lax", httponly=True)
        return
    # The proxy before us may speak http to us where browsers speak https to it.
    is_https = current_app.config["SESSION_COOKIE_SECURE"]
    answer.set_cookie(
        COOKIE, wanted, _KEPT_SECONDS, path=path, secure=is_https, httponly=True, samesite="Lax"
    )
