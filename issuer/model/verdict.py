"""A verdict: whether a service would accept a token, check by check, and what to change."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from issuer.model.audience import RESERVED_REFRESH, Audience, JsonValue
from issuer.model.client import ClientState
from issuer.model.family import EndReason


class TokenKind(StrEnum):
    """What a pasted text turned out to be."""

    ACCESS_TOKEN = "access_token"  # noqa: S105 - a kind, not a token
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a kind, not a token
    ID_TOKEN = "id_token"  # noqa: S105 - a kind, not a token
    OTHER_ISSUER = "other_issuer"
    UNKNOWN = "unknown"
    TRUNCATED = "truncated"
    UNREADABLE = "unreadable"
    ENCRYPTED = "encrypted"
    OPAQUE = "opaque"
    CLIENT_SECRET = "client_secret"  # noqa: S105 - a kind, not a secret
    PRIVATE_KEY = "private_key"
    EMPTY = "empty"
    TOO_LONG = "too_long"


class CheckName(StrEnum):
    """The checks, in the order in which they are made (RFC 9068 §4)."""

    PARSE = "parse"
    TYP = "typ"
    ALG = "alg"
    KID = "kid"
    SIGNATURE = "signature"
    ISS = "iss"
    AUD = "aud"
    EXP = "exp"
    IAT = "iat"
    CLAIMS = "claims"
    REVOKED = "revoked"


class Outcome(StrEnum):
    """How a check came out.

    skipped: nothing was there to be checked, since an earlier check failed.
    unknown: it could not be made just now. Neither lets a token pass.
    """

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One check. advice: what to change, in one sentence; or what to know; "" if nothing."""

    name: CheckName
    outcome: Outcome
    expected: str = ""
    actual: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The audience that a service is, and the spelling of it that its verifier compares with `aud`."""

    audience: Audience
    spelling: str

    @property
    def is_for_refresh(self) -> bool:
        """Whether it is the audience of refresh tokens, which is the token endpoint and no service."""
        return self.audience.is_reserved and self.audience.identifier == RESERVED_REFRESH


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a service would say to a token. Accepted only if every check passed."""

    expectation: Expectation
    checks: tuple[Check, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether the service would accept the token."""
        return all(check.outcome is Outcome.PASSED for check in self.checks)

    @property
    def reason(self) -> str:
        """Why not, in one sentence, and what to change; "" if the token is accepted."""
        for outcome in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.SKIPPED):
            for check in self.checks:
                if check.outcome is outcome:
                    return check.advice
        return ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database knows of a token of ours.

    client: None if there is no such client. is_revoked: by its jti. family: whether one is known under
    the token's family. generation: the family's current one.
    """

    client: ClientState | None
    is_revoked: bool = False
    has_family: bool = False
    end_reason: EndReason | None = None
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a text is and who would accept it. Holds no signature and nothing that could be used.

    header, claims: as they may be shown, None where unreadable. sentence: what the text is.
    """

    kind: TokenKind
    sentence: str
    header: Mapping[str, JsonValue] | None
    claims: Mapping[str, JsonValue] | None
    verdicts: tuple[Verdict, ...]
