"""Resemblance: how an identifier differs from one that it nearly is.

Services compare `aud` byte for byte, so what people read past opens or closes a door.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from issuer.errors import InvalidValue
from issuer.policy import edit_distance, identifiers

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_SHORTEST_WITH_TWO_SLIPS = 8
_SHORTEST_WITH_ONE_SLIP = 4


class Difference(StrEnum):
    """In what two identifiers differ; the value completes "only … differs"."""

    SLASH = "the trailing slash"
    CASE = "the case of letters"
    ENCODING = "the percent-encoding"
    SCHEME = "the scheme"
    PORT = "the port"
    DEFAULT_PORT = "a port that is the default anyway"
    WWW = "the www. of the host"
    SLIP = "a character or two"
    PATH = "the path"
    QUERY = "the query"


# Nobody means two things by them: the same address, written in another way.
SPELLING_DIFFERENCES = frozenset(
    {
        Difference.SLASH,
        Difference.CASE,
        Difference.ENCODING,
        Difference.SCHEME,
        Difference.DEFAULT_PORT,
        Difference.WWW,
    }
)
_MOST_TOGETHER = 2


@dataclass(frozen=True, slots=True)
class _Parts:
    """What of an identifier can differ by itself. A plain name is all path."""

    scheme: str
    host: str
    port: str
    path: str
    query: str


def find_differences(one: str, other: str) -> tuple[Difference, ...]:
    """Return in what alone two identifiers differ; empty if they are equal or have little in common.

    Any text may be given. Two differences are told only where both are ones of spelling.
    """
    left, right = _split(one), _split(other)
    # A name such as api.example.com is the address of that host without its scheme.
    if not left.scheme or not right.scheme:
        left, right = _as_named(left, right), _as_named(right, left)
    found = tuple(dict.fromkeys(_list_differences(left, right)))
    if None in found or len(found) > _MOST_TOGETHER:
        return ()
    told = tuple(difference for difference in found if difference is not None)
    if len(told) > 1 and not SPELLING_DIFFERENCES.issuperset(told):
        return ()
    return told


def make_sieve(one: str) -> Callable[[str], bool]:
    """Return what lets through all that differ from one as `find_differences` tells, and few others.

    For long lists: it takes a hundredth of the time of the comparison. Any text may be given; two plain
    names that differ in percent-encoding alone may be left out.
    """
    parts = _split(one)
    host = (parts.host or one.partition("/")[0]).lower().removeprefix("www.")
    # Of a plain name only an address has it for its host; otherwise `orders` would let all orders through.
    wanted = host if parts.host else f"//{host}"
    tail = parts.path + (f"?{parts.query}" if parts.query else "") if parts.host else ""

    def may_resemble(other: str) -> bool:
        if host and wanted in other.lower():
            return True
        is_as_long = abs(len(one) - len(other)) <= edit_distance.FARTHEST
        # A slip in the host leaves all behind it as it is.
        return is_as_long and other.endswith(tail)

    return may_resemble


def fold(text: str) -> str:
    """Return what identifiers share that differ in nothing but spelling, a port or a `www.`; any text."""
    parts = _split(text)
    if not parts.host:
        return text.lower().rstrip("/")
    path = unquote(parts.path).lower().rstrip("/")
    return f"{parts.host.lower().removeprefix('www.')}{path}{parts.query.lower()}"


def is_slip(one: str, other: str) -> bool:
    """Return whether two words are one with a slip: long enough for it to be none by chance.

    Words that differ in digits, or in a short word between marks (eu and us, dev and qa), were meant so.
    """
    slips = edit_distance.count_slips(one, other)
    shortest = min(len(one), len(other))
    if slips > edit_distance.FARTHEST or shortest < _SHORTEST_WITH_ONE_SLIP:
        return False
    if slips > 1 and shortest < _SHORTEST_WITH_TWO_SLIPS:
        return False
    return not _is_meant(one, other)


def find_nearest(wanted: str, names: Iterable[str]) -> str | None:
    """Return the name that somebody who wrote `wanted` most likely meant; None if none is near enough.

    For the words of a refusal alone: nothing is ever done with a name that was not written.
    """
    near = [name for name in names if name == wanted or _is_near(find_differences(wanted, name))]
    return min(near, key=lambda name: (edit_distance.count_slips(wanted, name), name), default=None)


def suggest(wanted: str, names: Iterable[str]) -> str:
    """Return "; did you mean …?" as the end of a sentence that refuses a name; empty if none is near."""
    nearest = find_nearest(wanted, names)
    return "" if nearest is None else f"; did you mean {nearest}?"


def join_words(differences: tuple[Difference, ...]) -> str:
    """Return differences as words: "the scheme and the trailing slash"."""
    return " and ".join(difference.value for difference in differences)


def _is_near(differences: tuple[Difference, ...]) -> bool:
    return bool(differences) and (SPELLING_DIFFERENCES | {Difference.SLIP}).issuperset(differences)


def _split(text: str) -> _Parts:
    try:
        uri = identifiers.parse_uri(text)
    except InvalidValue:
        return _Parts("", "", "", text, "")
    if not uri.has_authority:
        return _Parts(uri.scheme, "", "", uri.path, uri.query)
    return _Parts(uri.scheme, uri.host, uri.port, uri.path, uri.query)


def _as_named(parts: _Parts, other: _Parts) -> _Parts:
    """Return a plain name as host and path, where the other one is an address."""
    if parts.scheme or not other.host or parts.path[:1] == "/":
        return parts
    host, slash, path = parts.path.partition("/")
    return _Parts("", host, other.port, slash + path, "")


def _list_differences(left: _Parts, right: _Parts) -> list[Difference | None]:
    """Return what differs, part by part; None for more than can be told."""
    found: list[Difference | None] = []
    if left.scheme != right.scheme:
        found.append(_differ_in_scheme(left.scheme, right.scheme))
    if left.host != right.host:
        found.append(_differ_in_host(left.host, right.host))
    if left.port != right.port:
        found.append(_differ_in_port(left, right))
    if left.path != right.path:
        found.append(_differ_in_path(left, right))
    if left.query != right.query:
        found.append(Difference.QUERY)
    return found


def _differ_in_scheme(one: str, other: str) -> Difference | None:
    if one.lower() == other.lower():
        return Difference.CASE
    return Difference.SCHEME if {one.lower(), other.lower()} <= {"", "http", "https"} else None


def _differ_in_host(one: str, other: str) -> Difference | None:
    one, other = one.lower(), other.lower()
    if one == other:
        return Difference.CASE
    if one.removeprefix("www.") == other.removeprefix("www."):
        return Difference.WWW
    return Difference.SLIP if is_slip(one, other) else None


def _differ_in_port(left: _Parts, right: _Parts) -> Difference | None:
    one, other = (parts.port or _DEFAULT_PORTS.get(parts.scheme.lower(), "") for parts in (left, right))
    if one == other:
        return Difference.DEFAULT_PORT
    # http on 80 and https on 443 are told by the scheme.
    is_default = {left.port, right.port} <= {"", *_DEFAULT_PORTS.values()}
    return Difference.DEFAULT_PORT if is_default else Difference.PORT


def _differ_in_path(left: _Parts, right: _Parts) -> Difference | None:
    one, other = left.path, right.path
    if one.rstrip("/") == other.rstrip("/"):
        return Difference.SLASH
    if one.lower() == other.lower():
        return Difference.CASE
    if unquote(one) == unquote(other):
        return Difference.ENCODING
    if is_slip(one.strip("/"), other.strip("/")):
        return Difference.SLIP
    return Difference.PATH if left.host else None


def _is_meant(one: str, other: str) -> bool:
    if _without_digits(one) == _without_digits(other):
        return True
    left, right = _list_words(one), _list_words(other)
    if len(left) != len(right):
        return False
    unlike = [(mine, yours) for mine, yours in zip(left, right, strict=True) if mine != yours]
    return all(max(len(mine), len(yours)) < _SHORTEST_WITH_ONE_SLIP for mine, yours in unlike)


def _without_digits(text: str) -> str:
    return "".join(character for character in text if not character.isdigit())


def _list_words(text: str) -> list[str]:
    return "".join(character if character.isalnum() else " " for character in text).split()
