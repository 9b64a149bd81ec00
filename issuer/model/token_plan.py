"""What a token request asks for, what an earlier grant covers, and the plan of the token."""

from collections.abc import Mapping
from dataclasses import dataclass

from issuer.model.audience import Audience, JsonValue, SigningAlg, TokenTyp
from issuer.model.client import Client
from issuer.model.permission import SubjectKind


@dataclass(frozen=True, slots=True)
class TargetRequest:
    """The targets and scopes that a request names, as sent.

    resources, audiences: every value of the parameters `resource` (RFC 8707 §2) and `audience`.
    scope: the parameter as sent, None if absent.
    """

    resources: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What was consented when a code or refresh token was given; never grows.

    audiences: registered spellings at that time. scopes: of those audiences.
    issuer_scopes: scopes that address the issuer (`offline_access`, `openid` …).
    """

    audiences: tuple[str, ...]
    scopes: frozenset[str]
    issuer_scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the token speaks of."""

    kind: SubjectKind
    sub: str
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class GrantedRequest:
    """What a request asks of what was granted before, and for whom."""

    request: TargetRequest
    subject: Subject
    grant: Grant


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """The decided token, before anything is signed.

    audiences: in order of registration. aud: what stands in the claim, dual aliases included, same order.
    scopes: sorted. issuer_scopes: asked scopes that address the issuer; never in a service's token.
    lifetime_seconds: of the access token. extra_claims: merged static claims of the audiences.
    """

    client: Client
    subject: Subject
    audiences: tuple[Audience, ...]
    aud: tuple[str, ...]
    scopes: tuple[str, ...]
    issuer_scopes: frozenset[str]
    lifetime_seconds: int
    signing_alg: SigningAlg
    typ: TokenTyp
    extra_claims: Mapping[str, JsonValue]
