"""Identifiers of audiences: what may be one, and when two spellings are the same one.

An identifier with a colon is a URI (RFC 3986), one without is a plain name. Only http and https
URIs have more than one spelling: scheme and host in any case, a default port, an empty path for `/`.
Nothing else is folded: `/mcp` and `/mcp/` stay two, and so do `%41` and `A`.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from issuer.errors import InvalidValue

LONGEST: Final = 255

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_HIGHEST_PORT = 65535
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Possessive: askers send anything, and a pattern that gives back what it took is quadratic on it.
_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+):"
    r"(?://(?P<authority>[^/?#]*+))?+"
    r"(?P<path>(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*+)"
    r"(?P<query>\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*+)?+"
)
_HOST_AND_PORT = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]++\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*+)(?::(?P<port>[0-9]*+))?+"
)


@dataclass(frozen=True, slots=True)
class Uri:
    """The parts of a URI without fragment and user-info. port and query as written, "" if absent."""

    scheme: str
    host: str
    port: str
    path: str
    query: str
    has_authority: bool


def parse_uri(text: str) -> Uri:
    """Return the parts of an absolute URI without fragment, user-info or space (RFC 3986 §3, §4.3).

    Raises InvalidValue with the part that is wrong.
    """
    if "#" in text:
        raise InvalidValue("an identifier has no fragment (the part from # on)")
    found = _URI.fullmatch(text)
    if found is None:
        raise InvalidValue("this is no absolute URI: a character or the scheme is not allowed (RFC 3986)")
    authority = found["authority"]
    if authority is not None and "@" in authority:
        raise InvalidValue("an identifier has no user-info (the part before @)")
    place = _HOST_AND_PORT.fullmatch(authority or "")
    if place is None or not _is_host(place["host"]) or not _is_port(place["port"] or ""):
        raise InvalidValue("the host or the port of this URI is not valid (RFC 3986 §3.2)")
    if not (place["host"] or found["path"] or found["query"]):
        raise InvalidValue("this URI is a scheme and nothing else")
    return Uri(
        scheme=found["scheme"],
        host=place["host"],
        port=place["port"] or "",
        path=found["path"],
        query=found["query"] or "",
        has_authority=authority is not None,
    )


def check_identifier(text: str) -> str:
    """Return `text` if it may be registered as an identifier, unchanged.

    Raises InvalidValue with what is wrong. Does not check whether it is free or reserved.
    """
    if not text:
        raise InvalidValue("an identifier has at least one character")
    if len(text) > LONGEST:
        raise InvalidValue(f"an identifier has at most {LONGEST} characters")
    if any(not "!" <= character <= "~" for character in text):
        raise InvalidValue("an identifier holds printable ASCII only, and no space")
    if ":" not in text:
        _check_plain_name(text)
        return text
    uri = parse_uri(text)
    if uri.scheme.lower() in _DEFAULT_PORTS:
        _check_web_uri(uri)
    return text


def canonical_form(text: str) -> str:
    """Return the form under which no two identifiers may be registered.

    text: an identifier that passed `check_identifier`. http and https URIs as the module says; plain
    names in lower case; everything else as it stands.
    """
    if ":" not in text:
        return text.lower()
    return comparison_form(text)


def comparison_form(text: str) -> str:
    """Return the form in which an asked spelling is compared with registered ones.

    text: anything. Only http and https URIs change; what is no URI comes back as it stands, so that
    it equals nothing but itself.
    """
    if text[:4].lower() != "http":
        return text
    try:
        uri = parse_uri(text)
    except InvalidValue:
        return text
    scheme = uri.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not uri.host:
        return text
    port = "" if uri.port in {"", _DEFAULT_PORTS[scheme]} else f":{uri.port}"
    return f"{scheme}://{uri.host.lower()}{port}{uri.path or '/'}{uri.query}"


def is_absolute_uri(text: str) -> bool:
    """Return whether `text` may stand in the `resource` parameter (RFC 8707 §2)."""
    if len(text) > LONGEST:
        return False
    try:
        parse_uri(text)
    except InvalidValue:
        return False
    return True


def is_under_issuer(text: str, issuer_url: str) -> bool:
    """Return whether an identifier is an address of the issuer: at its origin, under its path.

    text: an identifier that passed `check_identifier`. Stricter than comparison: what servers and
    proxies take for the same address counts as the same, so that no spelling of an endpoint becomes
    an audience. Host: percent-encoding, a dot at the end, notations of IPv6. Port: leading zeros.
    Path: case, percent-encoding (repeated, too), dot segments, empty segments, `;` parameters.
    """
    if ":" not in text:
        return False
    there, here = parse_uri(text), parse_uri(issuer_url)
    if _folded_origin(there) != _folded_origin(here):
        return False
    return _folded_path(there.path).startswith(_folded_path(here.path))


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return True
    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return True


def _is_port(port: str) -> bool:
    return int(port.lstrip("0")[:6] or "0") <= _HIGHEST_PORT


def _check_plain_name(text: str) -> None:
    if _PLAIN_NAME.fullmatch(text) is None:
        raise InvalidValue(
            "a name without a colon holds letters, digits, dot, underscore and hyphen, "
            "and begins with a letter or digit"
        )


def _check_web_uri(uri: Uri) -> None:
    if not uri.has_authority or not uri.host:
        raise InvalidValue(f"a {uri.scheme.lower()} URI needs // and a host")
    if "%" in uri.host:
        raise InvalidValue("a host is written without percent-encoding")
    if uri.port.startswith("0"):
        raise InvalidValue("a port does not begin with 0")


def _folded_origin(uri: Uri) -> tuple[str, str, str]:
    scheme = uri.scheme.lower()
    if uri.host.startswith("["):
        host = ipaddress.IPv6Address(uri.host[1:-1]).compressed
    else:
        host = unquote(uri.host).lower().rstrip(".")
    return scheme, host, uri.port.lstrip("0") or _DEFAULT_PORTS.get(scheme, "")


def _folded_path(path: str) -> str:
    """Return the segments that count, each followed by a slash, so that a prefix ends where one ends."""
    kept: list[str] = []
    for segment in _decoded(path).lower().replace("\\", "/").split("/"):
        name = segment.partition(";")[0]
        if name == "..":
            kept = kept[:-1]
        elif name not in {"", "."}:
            kept.append(name)
    return "".join(f"{name}/" for name in kept)


def _decoded(text: str) -> str:
    decoded = unquote(text)
    while decoded != text:
        text, decoded = decoded, unquote(decoded)
    return text
