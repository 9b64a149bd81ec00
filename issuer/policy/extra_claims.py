"""Extra claims: what an audience adds to its tokens, the same in each."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from issuer.errors import InvalidValue
from issuer.model.audience import JsonValue
from issuer.policy import free_text

LARGEST_BYTES: Final = 2048
DEEPEST: Final = 5

_LARGEST_NUMBER = 2**63 - 1

# What this server writes, or may write one day, and what a service would take for the server's word.
RESERVED_CLAIMS: Final = frozenset(
    {
        *(
            "iss",
            "sub",
            "aud",
            "client_id",
            "exp",
            "iat",
            "nbf",
            "jti",
            "scope",
            "typ",
            "cnf",
            "act",
            "may_act",
        ),
        *("auth_time", "acr", "amr", "azp", "nonce", "at_hash", "c_hash", "sid"),
        *("family", "generation", "granted_aud", "tenant_id"),
    }
)


def check_extra_claims(claims: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Return the claims if an audience may add them to its tokens; raises InvalidValue otherwise.

    Reserved names are refused in any case of letters (RFC 9068 §2.2, RFC 7519 §4.1, RFC 8693 §4).
    """
    for name in claims:
        if not isinstance(name, str) or not name:
            raise InvalidValue("the name of an extra claim is a text that is not empty")
        if name.lower() in RESERVED_CLAIMS:
            raise InvalidValue(f"the claim {name} is written by the issuer alone")
    if _depth(claims, DEEPEST + 1) > DEEPEST:
        raise InvalidValue(f"extra claims are nested at most {DEEPEST} deep")
    _check_size(claims)
    for leaf in _list_leaves(claims):
        _check_leaf(leaf)
    return claims


def find_clash(claims: Mapping[str, JsonValue], others: Mapping[str, JsonValue]) -> str | None:
    """Return a claim to which two audiences give different values, so that no token could hold both."""
    clashing = (name for name, value in claims.items() if name in others and _differ(others[name], value))
    return min(clashing, default=None)


def _check_size(claims: Mapping[str, JsonValue]) -> None:
    try:
        written = json.dumps(dict(claims), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidValue("extra claims are JSON: no infinite number, no half of a character") from error
    if len(written) > LARGEST_BYTES:
        raise InvalidValue(f"extra claims have at most {LARGEST_BYTES} bytes as JSON")


def _check_leaf(leaf: object) -> None:
    if isinstance(leaf, str):
        # Terminals, logs and pages show them.
        free_text.check_text(leaf, "an extra claim", LARGEST_BYTES)
    if isinstance(leaf, int) and abs(leaf) > _LARGEST_NUMBER:
        raise InvalidValue(
            "a whole number of 64 bits at most is the same to every program (RFC 8259 section 6)"
        )


def _list_leaves(value: object) -> Iterator[object]:
    """Yield the names of members, and all values that hold no others."""
    if isinstance(value, Mapping):
        yield from value
        for part in value.values():
            yield from _list_leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _list_leaves(part)
    else:
        yield value


def _depth(value: object, bound: int) -> int:
    if bound == 0 or not isinstance(value, Mapping | list):
        return 0
    inner = value.values() if isinstance(value, Mapping) else value
    return 1 + max((_depth(part, bound - 1) for part in inner), default=0)


def _differ(one: JsonValue, other: JsonValue) -> bool:
    # As JSON: to Python, true equals 1 and 1.0 equals 1.
    return json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)
