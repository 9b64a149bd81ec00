"""Where somebody goes on after signing in: an address of the console itself, or nowhere.

What follows `next=` was written by whoever made the link. An open redirect lends our name to another
site (CWE-601), so what is taken is listed, not what is refused.
"""

import re
from urllib.parse import quote, unquote

from flask import request

_LONGEST = 2000
_PATH = r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*"
_QUERY = r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
_SHAPE = re.compile(_PATH + _QUERY)
_UNQUOTED = "/:@!$&'()*+,=~"
_ENCODED = re.compile(r"%(?![0-9A-Fa-f]{2})")


def find_return_path(text: str | None, base: str) -> str | None:
    """Return `text` if it is a path below `/admin` of this server, with or without a query, else None.

    base: the issuer's own path, "" or such as `/auth`. Never an absolute address, none that a browser or a
    proxy may read as another one.
    """
    if not text or len(text) > _LONGEST or not _SHAPE.fullmatch(text) or _ENCODED.search(text):
        return None
    path = unquote(text.partition("?")[0])
    if not _is_plain(path) or _has_control(unquote(text)):
        return None
    return text if path == f"{base}/admin" or path.startswith(f"{base}/admin/") else None


def current_address() -> str:
    """Return the address of this request, as a link to it is written."""
    path = quote(request.script_root + request.path, safe=_UNQUOTED)
    query = request.query_string.decode("latin-1")
    return f"{path}?{query}" if query else path


def _is_plain(path: str) -> bool:
    """Return whether a decoded path has one reading: no empty or dot segments, nothing encoded twice."""
    segments = path.split("/")[1:]
    inner = segments[:-1] if segments[-1] == "" else segments
    # "%" is left of what was encoded twice; a proxy may end a path at ";".
    return not any(part in {"", ".", ".."} or set(part) & set("\\%;") for part in inner)


def _has_control(text: str) -> bool:
    return any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)
