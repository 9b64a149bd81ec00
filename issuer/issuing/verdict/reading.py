"""Reading: what a pasted text is, before anything of it is believed.

What is no token is never echoed: it may be a secret.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from issuer.issuing.verdict import wrappings
from issuer.jose import signing, unverified
from issuer.jose.unverified import Members, UnverifiedToken
from issuer.model.client import SECRET_PREFIX
from issuer.model.verdict import TokenKind

# Room for a token that was encoded twice; beyond it nothing is looked at.
LONGEST_TEXT: Final = 64 * 1024

CUT_OFF: Final = "The token is cut off: copy it whole, from its first character to its last."

_SECRET = re.compile(rf"(?<![A-Za-z0-9_-]){re.escape(SECRET_PREFIX)}")
_BASIC = re.compile(r"basic\s", re.IGNORECASE)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\"d\"\s*:\s*\"")
_JWE_DOTS = 4

_PROBLEMS: Final = {
    TokenKind.EMPTY: "There is nothing: give the token on standard input.",
    TokenKind.TOO_LONG: "It is longer than any token that a verifier would take.",
    TokenKind.CLIENT_SECRET: (
        "This is a client secret or Basic credentials, not a token: whoever saw it can ask for tokens. "
        "If it was shown to others, add a new secret and revoke this one."
    ),
    TokenKind.PRIVATE_KEY: "This is a private key, not a token; if it was shown to others, replace it.",
    TokenKind.ENCRYPTED: (
        "This token is encrypted (JWE, five parts): this issuer never encrypts, so another one made it. "
        "Ask this issuer's token endpoint for a token."
    ),
    TokenKind.OPAQUE: (
        "This is an opaque text without parts: every token of this issuer is a JWT, so it comes from "
        "elsewhere or is no token. Send the access_token of the token endpoint's answer."
    ),
    TokenKind.TRUNCATED: CUT_OFF,
    TokenKind.UNREADABLE: "The token is damaged: copy it whole, byte for byte, as it was issued.",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text turned out to be.

    kind: UNKNOWN where it is a token that can be read; who issued it is said later. token: the compact
    JWS without what was wrapped around it, None where there is none. wrappings: what was around it.
    problem: what is wrong with the form, "" if nothing is. advice: what to do about it.
    """

    kind: TokenKind
    token: str | None = field(default=None, repr=False)
    header: Members | None = None
    claims: Members | None = None
    signature_bytes: int | None = None
    wrappings: tuple[str, ...] = ()
    problem: str = ""
    advice: str = ""


def read(text: str) -> Reading:
    """Return what a text is; no text raises, and nothing of it is kept but what a token says."""
    if len(text) > LONGEST_TEXT:
        return _no_token(TokenKind.TOO_LONG, ())
    inner, names = wrappings.unwrap(text)
    if wrappings.is_compact(inner):
        return _read_compact(inner, names)
    return _no_token(_recognise(inner), names)


def _read_compact(token: str, names: tuple[str, ...]) -> Reading:
    if len(token) > signing.MAX_TOKEN_CHARACTERS:
        return _no_token(TokenKind.TOO_LONG, names)
    found = unverified.read(token)
    if found.header is None and found.claims is None and not token.startswith("ey"):
        return _no_token(TokenKind.OPAQUE, names)  # a host's name has the form, too
    kind = _judge_form(found)
    advice = _PROBLEMS.get(kind, "")
    if names and not advice:
        advice = f"Send the token alone; there is {' and '.join(names)}."
    return Reading(
        kind=kind,
        token=token,
        header=found.header,
        claims=found.claims,
        signature_bytes=found.signature_bytes,
        wrappings=names,
        problem=found.problem or ("the signature is missing" if kind is TokenKind.TRUNCATED else ""),
        advice=advice,
    )


def _judge_form(found: UnverifiedToken) -> TokenKind:
    if not found.problem:
        return TokenKind.TRUNCATED if _lacks_signature(found) else TokenKind.UNKNOWN
    # What is cut off at one end is whole at the other.
    return TokenKind.UNREADABLE if found.claims is None else TokenKind.TRUNCATED


def _lacks_signature(found: UnverifiedToken) -> bool:
    alg = (found.header or {}).get("alg")
    return found.signature_bytes == 0 and isinstance(alg, str) and alg.lower() != "none"


def _recognise(text: str) -> TokenKind:
    """Return what a text is that has not the form of a token."""
    if not text:
        return TokenKind.EMPTY
    if _SECRET.search(text) or _BASIC.match(text):
        return TokenKind.CLIENT_SECRET
    if _PRIVATE_KEY.search(text):
        return TokenKind.PRIVATE_KEY
    if text.count(".") == _JWE_DOTS and text.startswith("ey"):
        return TokenKind.ENCRYPTED
    if text.startswith("ey"):
        return TokenKind.TRUNCATED if text.count(".") < 2 else TokenKind.UNREADABLE
    return TokenKind.OPAQUE if text.isprintable() and "." not in text else TokenKind.UNREADABLE


def _no_token(kind: TokenKind, names: tuple[str, ...]) -> Reading:
    problem = {TokenKind.TRUNCATED: "there are fewer than two dots"}.get(kind, "it has not the form of a JWT")
    return Reading(kind, wrappings=names, problem=problem, advice=_PROBLEMS[kind])
