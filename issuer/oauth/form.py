"""The form of a token request: checked whole before anything of it is used.

POST only, urlencoded only, nothing from the query, nothing repeated but `resource` and `audience`
(RFC 6749 §3.2, RFC 8707 §2), everything within limits that are checked before parsing.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from issuer.answers import Environ
from issuer.errors import InvalidRequest, MethodNotAllowed, RequestTooLarge, UnsupportedMediaType
from issuer.model.token_plan import TargetRequest

LONGEST_BODY: Final = 64 * 1024
LONGEST_VALUE: Final = 16 * 1024
MOST_PARAMETERS: Final = 100
MOST_KEPT: Final = 1024
LONGEST_KEPT: Final = 1024

_MOST_LENGTH_DIGITS = 9
_FORM_TYPE = "application/x-www-form-urlencoded"
_REPEATABLE = ("resource", "audience")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# All that a body may name and still be kept, beside its targets: nothing of it is secret.
_KEPT = frozenset({"grant_type", "scope"})


@dataclass(frozen=True, slots=True)
class Form:
    """A request's parameters. Parameters without a value are left out, as if never sent.

    single: every parameter but `resource` and `audience`, by name. targets: those two, and the scope.
    """

    single: Mapping[str, str]
    targets: TargetRequest


class KeptForms:
    """The forms that were answered last: a client asks for its token in the same words again and again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[bytes, Form] = {}

    def parse(self, body: bytes) -> Form:
        """Return what `parse_form` returns; raises what it raises."""
        return self._kept.get(body) or parse_form(body)

    def keep(self, body: bytes, form: Form) -> None:
        """Remember what a body says, unless it may hold a secret or a token, or is long.

        Called for known clients alone: nobody else makes the server remember.
        """
        if body in self._kept or len(body) > LONGEST_KEPT or not form.single.keys() <= _KEPT:
            return
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[body] = form


def read_body(environ: Environ) -> bytes:
    """Return the body of a request that says it is a form.

    Raises MethodNotAllowed, UnsupportedMediaType, RequestTooLarge or InvalidRequest.
    """
    if environ["REQUEST_METHOD"] != "POST":
        raise MethodNotAllowed(f"method {environ['REQUEST_METHOD'][:16]!r}")
    if environ.get("QUERY_STRING"):
        raise InvalidRequest("the request has a query; parameters belong in the body")
    media_type = environ.get("CONTENT_TYPE", "")
    if media_type != _FORM_TYPE and media_type.split(";", 1)[0].strip().lower() != _FORM_TYPE:
        raise UnsupportedMediaType("the body is not declared as a form")
    return _read_body(environ)


def parse_form(body: bytes) -> Form:
    """Return the form that `body` encodes; raises RequestTooLarge or InvalidRequest."""
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not percent-encoded") from error
    # Of ASCII, all but control characters is printable; to ask so takes a tenth of the time.
    if not text.isprintable():
        raise InvalidRequest("the body holds a control character")
    pairs = text.split("&") if text else []
    if len(pairs) > MOST_PARAMETERS:
        raise RequestTooLarge("too many parameters")
    single: dict[str, str] = {}
    several: dict[str, list[str]] = {name: [] for name in _REPEATABLE}
    for pair in pairs:
        name, _, raw = pair.partition("=")
        name, value = _decode(name), _decode(raw)
        if name in several:
            several[name].append(value)
        elif name in single:
            raise InvalidRequest("a parameter is repeated")
        elif name:
            single[name] = value
    single = {name: value for name, value in single.items() if value}
    resources, audiences = (tuple(value for value in several[name] if value) for name in _REPEATABLE)
    return Form(single, TargetRequest(resources, audiences, single.get("scope")))


def decode_component(raw: str) -> str:
    """Return the text that one urlencoded component stands for (RFC 6749 appendix B).

    Raises InvalidRequest for broken escapes, bytes that are not UTF-8, and control characters.
    """
    text = _unescape(raw) if "%" in raw or "+" in raw else raw
    if _CONTROL.search(text):
        raise InvalidRequest("a parameter holds a control character")
    return text


def _unescape(raw: str) -> str:
    if _BROKEN_ESCAPE.search(raw):
        raise InvalidRequest("a percent sign is not followed by two hexadecimal digits")
    try:
        return unquote_to_bytes(raw.replace("+", " ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest("a parameter is not UTF-8") from error


def _decode(raw: str) -> str:
    if len(raw) > LONGEST_VALUE:
        raise RequestTooLarge("a parameter is too long")
    # What stands for itself was looked through with the whole body.
    return decode_component(raw) if "%" in raw or "+" in raw else raw


def _read_body(environ: Environ) -> bytes:
    declared = environ.get("CONTENT_LENGTH") or ""
    if declared and not (declared.isascii() and declared.isdigit()):
        raise InvalidRequest("the content length is not a number")
    if len(declared) > _MOST_LENGTH_DIGITS or (declared and int(declared) > LONGEST_BODY):
        raise RequestTooLarge("the body is too long")
    # A chunked body has no length: one byte over the limit tells enough.
    body: bytes = environ["wsgi.input"].read(int(declared) if declared else LONGEST_BODY + 1)
    if len(body) > LONGEST_BODY:
        raise RequestTooLarge("the body is too long")
    if declared and len(body) < int(declared):
        # What is missing may be the very scope or resource that narrows the request.
        raise InvalidRequest("the body ends before its declared length")
    return body
