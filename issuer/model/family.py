"""A family: one refresh token and all its successors; a generation is one of them."""

from dataclasses import dataclass
from enum import StrEnum

from issuer.model.client import ClientKey
from issuer.model.permission import SubjectKind
from issuer.model.token_plan import Grant, Subject


class EndReason(StrEnum):
    """Why a family gives no more tokens before its time."""

    REUSED = "reused"
    REVOKED = "revoked"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Family:
    """A family as stored. Times are epoch seconds. The tokens themselves are never stored.

    kid: of the HMAC key that signs the current generation. rotated_at: when that generation was made.
    expires_at: the absolute end. audiences, scopes: what was granted once; never grows.
    """

    id: str
    client_key: ClientKey
    subject: Subject
    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    issuer_scopes: tuple[str, ...]
    kid: str
    generation: int
    created_at: int
    rotated_at: int
    idle_seconds: int
    expires_at: int
    ended_at: int | None
    end_reason: EndReason | None

    @property
    def token_expires_at(self) -> int:
        """When the current generation expires: left idle, or with the family."""
        return min(self.rotated_at + self.idle_seconds, self.expires_at)


@dataclass(frozen=True, slots=True)
class Presented:
    """What a validly signed refresh token says of itself; none of it is looked up.

    issued_at, expires_at: of this generation.
    """

    family_id: str
    generation: int
    client_id: str
    subject: Subject
    grant: Grant
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Incident:
    """A refresh token that came back after it was spent: the family has ended at this.

    presented, stored: generations. rotated_at, rotated_from: when and from where the stored one was made.
    """

    at: int
    family_id: str
    client_key: ClientKey
    presented: int
    stored: int
    address: str
    request_id: str
    rotated_at: int
    rotated_from: str


SUBJECT_KINDS = frozenset(kind.value for kind in SubjectKind)
