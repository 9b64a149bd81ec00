"""Scopes: how they are written, which address the issuer, and which a token gets."""

import re
from collections.abc import Sequence
from typing import Final

from issuer.errors import InvalidScope, InvalidValue
from issuer.model.permission import Permission

OFFLINE_ACCESS: Final = "offline_access"
# They address the issuer, so no audience defines one and no service's token carries one.
ISSUER_SCOPES: Final = frozenset({OFFLINE_ACCESS, "openid", "profile", "email", "address", "phone"})
LONGEST: Final = 128

# RFC 6749 §3.3: %x21 / %x23-5B / %x5D-7E
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def check_scope_name(name: str) -> str:
    """Return `name` if an audience may define it (RFC 6749 §3.3); raises InvalidValue otherwise."""
    if _SCOPE_TOKEN.fullmatch(name) is None:
        raise InvalidValue("a scope holds printable ASCII without space, double quote and backslash")
    if len(name) > LONGEST:
        raise InvalidValue(f"a scope has at most {LONGEST} characters")
    if name in ISSUER_SCOPES:
        raise InvalidValue(f"the scope {name} addresses the issuer; no audience defines it")
    return name


def parse_scope(scope: str | None) -> frozenset[str]:
    """Return the scopes of a `scope` parameter; empty for None and for an empty value.

    scope: names separated by single spaces (RFC 6749 §3.3). Raises InvalidScope for anything else.
    """
    if not scope:
        return frozenset()
    names = scope.split(" ")
    if any(_SCOPE_TOKEN.fullmatch(name) is None for name in names):
        raise InvalidScope("the scope parameter is malformed")
    return frozenset(names)


def split_issuer_scopes(asked: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return (scopes of audiences, scopes that address the issuer)."""
    return asked - ISSUER_SCOPES, asked & ISSUER_SCOPES


def default_scopes(chosen: Sequence[Permission]) -> frozenset[str]:
    """Return what a request gets that names no scope: each permission's defaults, or all it permits.

    Defaults that are withdrawn since leave nothing, not all. A scope that two of the chosen audiences
    define is left out: in a joint token nobody could tell whose it is (RFC 9068 §3, §5).
    """
    given = frozenset(
        scope
        for permission in chosen
        for scope in _usable_scopes(permission) & (permission.default_scopes or permission.scopes)
    )
    if len(chosen) == 1:
        return given
    return frozenset(scope for scope in given if len(_definers(scope, chosen)) == 1)


def check_asked_scopes(
    asked: frozenset[str], chosen: Sequence[Permission], granted: Sequence[Permission] = ()
) -> frozenset[str]:
    """Return the asked scopes if each is defined by exactly one chosen audience and permitted there.

    granted: as in `still_permitted`, empty where a grant starts afresh. Raises InvalidScope with the
    first, in alphabetical order, that is not (RFC 6749 §5.2, RFC 9068 §3).
    """
    for scope in sorted(asked):
        definers = _definers(scope, granted or chosen)
        if not definers:
            raise InvalidScope(f"no audience of this token defines the scope {scope}")
        if len(definers) > 1:
            raise InvalidScope(f"several audiences define the scope {scope}")
        identifier = definers[0].audience.identifier
        if definers[0] not in chosen:
            raise InvalidScope(f"the scope {scope} is of {identifier}, which is not asked for")
        if scope not in _usable_scopes(definers[0]):
            raise InvalidScope(f"the scope {scope} is not permitted at {identifier}")
    return asked


def still_permitted(
    scopes: frozenset[str], chosen: Sequence[Permission], granted: Sequence[Permission]
) -> frozenset[str]:
    """Return the granted scopes that the chosen audiences still define and permit; the others drop out.

    granted: the permissions of all audiences of the grant, of which chosen are some. A grant holds names
    alone: one that a second audience of it defines since drops out, and one that its first audience
    defines no more is another's that does.
    """
    return frozenset(
        scope
        for scope in scopes
        if len(definers := _definers(scope, granted)) == 1
        and definers[0] in chosen
        and scope in _usable_scopes(definers[0])
    )


def defines_all(permission: Permission, scopes: frozenset[str]) -> bool:
    """Return whether the permission's audience defines every one of these scopes, permitted or not."""
    return scopes <= _defined_scopes(permission)


def _usable_scopes(permission: Permission) -> frozenset[str]:
    # A permission may name what its audience defines no more.
    return permission.scopes & _defined_scopes(permission)


def _defined_scopes(permission: Permission) -> frozenset[str]:
    return frozenset(scope.name for scope in permission.audience.scopes) - ISSUER_SCOPES


def _definers(scope: str, permissions: Sequence[Permission]) -> list[Permission]:
    return [one for one in permissions if any(defined.name == scope for defined in one.audience.scopes)]
