"""What the parts of a token say, in plain words: one note for each member of header and claims."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeGuard

from issuer.issuing.verdict.shown import LAST_SECOND
from issuer.model.audience import Audience, JsonValue
from issuer.model.client import Client
from issuer.model.signing_key import KeyPurpose
from issuer.pages import words
from issuer.registry.listings.keys import KeyRow

Members = Mapping[str, JsonValue]
_Tell = Callable[[JsonValue], str]

_MOST_NAMES: Final = 20

_ALGS: Final = {
    "RS256": "RSA with SHA-256: anybody can verify it with the published key.",
    "ES256": "ECDSA on P-256: anybody can verify it with the published key.",
    "HS256": "HMAC: only who has the secret can verify it, and that is this issuer.",
}
_TYPS: Final = {
    "at+jwt": "An access token (RFC 9068).",
    "refresh+jwt": "A refresh token: for the token endpoint alone.",
    "jwt": "Any JWT: an access token for verifiers that refuse at+jwt, or an ID token.",
}
_PLAIN: Final = {
    "jti": "Its number: the log names it, never the token.",
    "scope": "What the holder may do there, if the service agrees.",
    "family": "The refresh token that it came with, and all of its successors.",
    "generation": "Which of its family it is; only the newest is taken.",
    "granted_aud": "The audiences that it may be exchanged for.",
    "tenant_id": "The tenant of the client or user.",
    "nonce": "An ID token's answer to its request.",
    "azp": "Who asked for it, in tokens of OpenID Connect.",
}
_TIMES: Final = {
    "iat": "Issued",
    "nbf": "Good from",
    "exp": "Good until",
    "auth_time": "The user gave the password",
}


@dataclass(frozen=True, slots=True)
class Note:
    """One member of a token. value: as JSON has it, a text without its quotes. note: "" for none."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Background:
    """What the notes are written on. bearers: audiences that bear a name in `aud`. client: of the token."""

    issuer_url: str
    now: int
    keys: tuple[KeyRow, ...]
    bearers: tuple[Audience, ...]
    client: Client | None


def note_header(header: Members, background: Background) -> list[Note]:
    """Return the members of a header with their notes."""
    told: dict[str, _Tell] = {
        "alg": lambda value: _ALGS.get(str(value), "This issuer signs nothing so."),
        "typ": lambda value: _TYPS.get(str(value).lower(), "This issuer makes no token of this type."),
        "kid": lambda value: _tell_key(value, background),
    }
    return _note_members(header, told)


def note_claims(claims: Members, background: Background) -> list[Note]:
    """Return the claims with their notes."""
    told: dict[str, _Tell] = {
        "iss": lambda value: _tell_issuer(value, background),
        "sub": lambda value: _tell_subject(value, claims),
        "aud": lambda value: _tell_audiences(value, background),
        "client_id": lambda value: _tell_client(value, background),
        **{name: partial(_tell_time, name, claims, background.now) for name in _TIMES},
    }
    return _note_members(claims, told, "A claim of the audience's own, or one unknown here.")


def _note_members(members: Members, told: Mapping[str, _Tell], otherwise: str = "") -> list[Note]:
    return [
        Note(name, _show(value), told[name](value) if name in told else _PLAIN.get(name, otherwise))
        for name, value in members.items()
    ]


def _show(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tell_key(kid: JsonValue, background: Background) -> str:
    row = next((row for row in background.keys if row.key.kid == kid), None)
    if row is None:
        return "No key of this issuer."
    signs = (
        "access tokens" if row.key.purpose is KeyPurpose.TOKEN else "refresh tokens, and is never published"
    )
    return f"A key of this issuer, {row.state.value}: it signs {signs}."


def _tell_issuer(iss: JsonValue, background: Background) -> str:
    if iss == background.issuer_url:
        return "This issuer."
    return f"Another issuer: this one is {background.issuer_url}."


def _tell_subject(sub: JsonValue, claims: Members) -> str:
    return "The client itself." if sub == claims.get("client_id") else "Whom it speaks of."


def _tell_client(client_id: JsonValue, background: Background) -> str:
    client = background.client
    if client is None or client.client_id != client_id:
        return "No client of this issuer."
    return f"The client {client.name}, {client.state.value}."


def _tell_audiences(aud: JsonValue, background: Background) -> str:
    names = aud if isinstance(aud, list) else [aud]
    return " ".join(_tell_audience(name, background.bearers) for name in names[:_MOST_NAMES])


def _tell_audience(name: JsonValue, bearers: Iterable[Audience]) -> str:
    for audience in bearers:
        if name == audience.identifier:
            return f"{_show(name)}: of the service {audience.service.name}, {audience.state.value}."
        if any(name == alias.identifier for alias in audience.aliases):
            return (
                f"{_show(name)}: an alias of {audience.identifier}, of the service {audience.service.name}."
            )
    return f"{_show(name)}: registered to nobody."


def _tell_time(name: str, claims: Members, now: int, value: JsonValue) -> str:
    if not _is_time(value):
        return "Not a time in whole seconds since 1970."
    when = f"{words.relative(value, now)}, {words.exact_time(value)}"
    issued = claims.get("iat")
    if name == "exp" and _is_time(issued) and value >= issued:
        return f"{_TIMES[name]}: {when}; it lives for {words.duration(value - issued)}."
    return f"{_TIMES[name]}: {when}."


def _is_time(value: JsonValue) -> TypeGuard[int]:
    # bool is an int to Python, and true would be the second 1.
    return type(value) is int and 0 <= value <= LAST_SECOND
