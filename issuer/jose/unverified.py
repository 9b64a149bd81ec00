"""What a compact JWS says of itself, believed by nobody: for explaining a token, never for deciding."""

from dataclasses import dataclass
from typing import Any

from issuer.errors import TokenRejected
from issuer.jose import signing, strict_json

Members = dict[str, Any]  # Any: values of any JSON type


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What could be read. header, claims: None where unreadable.

    signature_bytes: how many, None if it is not base64url. problem: what is wrong with the form, "" if
    nothing is.
    """

    header: Members | None
    claims: Members | None
    signature_bytes: int | None
    problem: str


def read(token: str) -> UnverifiedToken:
    """Return what a compact JWS says; no text raises.

    token: of at most `signing.MAX_TOKEN_CHARACTERS`. Checks no signature, no algorithm and no claim.
    """
    if len(token) > signing.MAX_TOKEN_CHARACTERS or token.count(".") != 2:
        return UnverifiedToken(None, None, None, "it is not three parts with two dots between them")
    header, claims, signature = token.split(".")
    problems: list[str] = []
    read_header = _read_object(header, "header", problems)
    read_claims = _read_object(claims, "payload", problems)
    size = _measure(signature, problems)
    return UnverifiedToken(read_header, read_claims, size, "; ".join(problems))


def _read_object(segment: str, name: str, problems: list[str]) -> Members | None:
    try:
        return strict_json.parse_object(signing.from_base64url(segment))
    except TokenRejected as rejection:
        problems.append(f"the {name} is {rejection.detail}")
        return None


def _measure(segment: str, problems: list[str]) -> int | None:
    try:
        return len(signing.from_base64url(segment))
    except TokenRejected as rejection:
        problems.append(f"the signature is {rejection.detail}")
        return None
