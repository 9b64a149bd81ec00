"""An audience: one identifier of a service, the value that stands in `aud`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from issuer.model.service import Service

AudienceId = NewType("AudienceId", int)
JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]

RESERVED_ACCESS = "access"
RESERVED_REFRESH = "refresh"
ADMIN_API_PATH = "/api/v1"


def own_jwks_path(audience_id: AudienceId) -> str:
    """Return where the key set of an audience with a key of its own is, below the issuer's URL."""
    return f"/.well-known/jwks/{audience_id}.json"


class AudienceState(StrEnum):
    """Whether tokens are issued for an audience; `deprecated` still issues and names a successor."""

    ACTIVE = "active"
    DEPRECATED = "deprecated"
    DISABLED = "disabled"
    REMOVED = "removed"


class AliasMode(StrEnum):
    """What an alias does until its date.

    accept: may be asked for, the primary identifier is emitted; after the date it is unknown.
    dual: is emitted beside the primary one; after the date it is accepted only.
    """

    ACCEPT = "accept"
    DUAL = "dual"


class SigningAlg(StrEnum):
    """Algorithms that sign what services verify (RFC 7518 §3.1)."""

    RS256 = "RS256"
    ES256 = "ES256"


class TokenTyp(StrEnum):
    """The header's `typ` of an access token: RFC 9068 §2.1, or `JWT` for verifiers that refuse it."""

    AT_JWT = "at+jwt"
    JWT = "JWT"


@dataclass(frozen=True, slots=True)
class Scope:
    """A permission name that one audience defines."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Alias:
    """Another spelling of an audience. until: epoch seconds, None for no end. canonical: as in Audience."""

    identifier: str
    canonical: str
    mode: AliasMode
    until: int | None


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """What a token for an audience looks like. Lifetimes are seconds; None takes the server's default."""

    access_token_seconds: int | None
    refresh_idle_seconds: int | None
    refresh_absolute_seconds: int | None
    signing_alg: SigningAlg
    typ: TokenTyp
    extra_claims: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Audience:
    """An audience as registered.

    identifier: the registered spelling, the only one a token carries beside its dual aliases.
    canonical: the identifier in the form under which two spellings are one (policy.identifiers).
    scopes: in the order of their names.
    successor: identifier of the audience that replaces a deprecated one, or None.
    is_reserved: one of the issuer's own three; locked.
    has_own_key: its tokens are signed with a key of its own, which stands in no other audience's key set.
    """

    id: AudienceId
    identifier: str
    canonical: str
    description: str
    service: Service
    scopes: tuple[Scope, ...]
    aliases: tuple[Alias, ...]
    policy: TokenPolicy
    state: AudienceState
    successor: str | None
    is_reserved: bool
    created_at: int
    version: int
    has_own_key: bool = False
