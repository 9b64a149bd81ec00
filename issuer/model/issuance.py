"""An issuance: what is remembered of one issued token; never the token."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issuance:
    """One issued token. at, exp: epoch seconds. scope: as in the claim, "" if it has none."""

    jti: str
    at: int
    client_id: str
    sub: str
    aud: tuple[str, ...]
    scope: str
    grant_type: str
    kid: str
    exp: int
    request_id: str
