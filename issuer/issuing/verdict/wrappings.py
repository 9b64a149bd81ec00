"""Wrappings: what people paste around a token, taken off one by one and named."""

import base64
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from issuer.errors import TokenRejected
from issuer.jose import strict_json

_MOST = 8
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_LOOSE = re.compile(r"[A-Za-z0-9_+/-]+={0,2}\.[A-Za-z0-9_+/-]*={0,2}\.[A-Za-z0-9_+/-]*={0,2}")
_TOKEN_WITHIN = re.compile(r"ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_HEADER = re.compile(r"(?:authorization\s*:\s*)?(?:(?:bearer|dpop)\s+)?", re.IGNORECASE)
_PARAMETER = re.compile(r"(?:access_token|refresh_token|id_token|token)=", re.IGNORECASE)
_ENCODED = re.compile(r"[A-Za-z0-9_+/-]{24,}={0,2}")
# What no terminal shows, at the beginning of a file from elsewhere.
_BYTE_ORDER_MARK = "\ufeff"
_QUOTES = "\"'`"
_ANSWER_MEMBERS = ("access_token", "refresh_token", "id_token")

_Unwrap = Callable[[str], str | None]


def unwrap(text: str) -> tuple[str, tuple[str, ...]]:
    """Return what is inside, and the names of the wrappings that were taken off, outermost first.

    Any text may be given; what wears none of the wrappings comes back as it is.
    """
    names: list[str] = []
    while len(names) < _MOST:
        for name, take_off in _WRAPPINGS:
            inner = take_off(text)
            if inner is not None and inner != text:
                text = inner
                names.append(name)
                break
        else:
            break
    return text, tuple(dict.fromkeys(names))


def is_compact(text: str) -> bool:
    """Return whether a text has the form of a compact JWS: three parts of base64url, the first not empty."""
    return _COMPACT.fullmatch(text) is not None


def _strip_space(text: str) -> str | None:
    return text.strip().strip(_BYTE_ORDER_MARK).strip()


def _strip_header(text: str) -> str | None:
    found = _HEADER.match(text)
    return text[found.end() :] if found else None


def _strip_quotes(text: str) -> str | None:
    if len(text) > 1 and text[0] in _QUOTES and text[-1] == text[0]:
        return text[1:-1]
    return None


def _pick_from_answer(text: str) -> str | None:
    if not text.startswith("{"):
        return None
    try:
        answer = strict_json.parse_object(text.encode("utf-8", "replace"))
    except TokenRejected:
        return None
    tokens = (answer.get(name) for name in _ANSWER_MEMBERS)
    return next((token for token in tokens if isinstance(token, str)), None)


def _pick_from_form(text: str) -> str | None:
    found = _PARAMETER.match(text)
    return text[found.end() :].partition("&")[0] if found else None


def _decode_percent(text: str) -> str | None:
    return unquote(text) if "%" in text else None


def _join_lines(text: str) -> str | None:
    joined = "".join(text.split())
    return joined if _LOOSE.fullmatch(joined) else None


def _decode_base64(text: str) -> str | None:
    if _ENCODED.fullmatch(text) is None:
        return None
    padded = text.rstrip("=").replace("+", "-").replace("/", "_")
    try:
        decoded = base64.urlsafe_b64decode(padded + "=" * (-len(padded) % 4)).decode("ascii")
    except ValueError:
        return None
    return decoded if _TOKEN_WITHIN.search(decoded) else None


def _take_off_padding(text: str) -> str | None:
    if is_compact(text) or _LOOSE.fullmatch(text) is None:
        return None
    return text.replace("=", "").replace("+", "-").replace("/", "_")


_WRAPPINGS: Final[tuple[tuple[str, _Unwrap], ...]] = (
    ("white space around it", _strip_space),
    ("the word Bearer or the header's name before it", _strip_header),
    ("quotes around it", _strip_quotes),
    ("the whole answer of a token endpoint around it", _pick_from_answer),
    ("the name of a form parameter before it", _pick_from_form),
    ("percent-encoding, as in a URL", _decode_percent),
    ("line breaks or spaces inside it", _join_lines),
    ("a second encoding in base64", _decode_base64),
    ("padding, or the alphabet of plain base64", _take_off_padding),
)
