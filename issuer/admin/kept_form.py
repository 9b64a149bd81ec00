"""Kept form: what was typed into a form when the password had to be given in between.

It goes through the pages of the step-up and of signing in as hidden fields, never through an address, a log
or a table. A form that holds a password or a secret is not kept at all: then it has to be typed again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException

from issuer.pages import form_owner
from issuer.pages.return_path import current_address, find_return_path

# Names of fields that never come back in a page; every field for a password is among them.
SECRETS: Final = frozenset({"password", "repeated", "old", "new", "code", "secret", "token"})
ACTION: Final = "kept_action"
PREFIX: Final = "kept."

_CSRF = "csrf_token"
_MOST_FIELDS = 100
_MOST_CHARACTERS = 32 * 1024


@dataclass(frozen=True, slots=True)
class KeptForm:
    """Where a form was sent, and its fields in their order; a name may be there several times.

    endpoint, arguments: of the view that takes it. Any: as the routes convert them.
    """

    action: str
    fields: tuple[tuple[str, str], ...]
    endpoint: str
    arguments: Mapping[str, Any]

    @property
    def typed(self) -> list[tuple[str, str]]:
        """Names in words and values of what somebody may have typed, those left empty not among them."""
        return [
            (name.replace("_", " ").capitalize(), value)
            for name, value in self.fields
            if value and name not in _HIDDEN
        ]


# What the page put there, which button was pressed, and what was searched for in the form.
_HIDDEN: Final = frozenset({"version", "form_id", "act", "q"})


def find_interrupted() -> KeptForm | None:
    """Return the form of this request, None where there is none, nothing was typed, or it holds a secret."""
    if request.method != "POST" or request.files or "HX-Request" in request.headers:
        return None
    fields = tuple((name, value) for name, value in _list_fields() if name != _CSRF)
    if not fields or any(value for name, value in fields if _is_secret(name)):
        return None
    return _make(current_address(), fields)


def find_carried() -> KeptForm | None:
    """Return the form that the page of a password carries; None where it carries none that is ours."""
    fields = tuple(
        (name.removeprefix(PREFIX), value) for name, value in _list_fields() if name.startswith(PREFIX)
    )
    return _make(request.form.get(ACTION, ""), fields)


def find_page(kept: KeptForm) -> str:
    """Return the page that a form stood on: where it was sent, if that can be opened."""
    return url_for("admin.front") if _match(kept.action, "GET") is None else kept.action


def find_owner() -> str | None:
    """Return the user on whose page the form of this request stood, None where that is not known."""
    return form_owner.find_owner(request.form.get(_CSRF, ""))


def _list_fields() -> Iterable[tuple[str, str]]:
    return ((name, value) for name, values in request.form.lists() for value in values)


def _is_secret(name: str) -> bool:
    return name in SECRETS or any(word in name.lower() for word in ("password", "secret"))


def _make(action: str, fields: tuple[tuple[str, str], ...]) -> KeptForm | None:
    characters = sum(len(name) + len(value) for name, value in fields)
    if len(fields) > _MOST_FIELDS or characters > _MOST_CHARACTERS:
        return None
    found = _find_view(action)
    return None if found is None else KeptForm(action, fields, *found)


def _find_view(action: str) -> tuple[str, Mapping[str, Any]] | None:
    """Return endpoint and arguments of the view of the console that takes a form there, None for none."""
    if find_return_path(action, request.script_root) is None:
        return None
    found = _match(action, "POST")
    return found if found is not None and found[0].startswith("admin.") else None


def _match(action: str, method: str) -> tuple[str, Mapping[str, Any]] | None:
    # As the server reads it, which decodes a path before it is matched.
    path = unquote(action.partition("?")[0].removeprefix(request.script_root))
    try:
        endpoint, arguments = current_app.url_map.bind("").match(path, method=method)
    except HTTPException:
        return None
    return str(endpoint), arguments
