"""Trace: a preview with who decided each part of the token, or with what to change where it is refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from issuer.errors import TokenRefusal
from issuer.issuing import mends, provenance
from issuer.issuing.mends import Mend
from issuer.issuing.mint import Unsigned
from issuer.model.audience import JsonValue
from issuer.model.permission import ClientRecord
from issuer.model.token_plan import TargetRequest
from issuer.policy import scopes
from issuer.policy.lifetimes import Lifetimes


@dataclass(frozen=True, slots=True)
class Trace:
    """What a client would get for a request, or why nothing.

    record: None for an unknown client. unsigned: None where it is refused. origins: by the name of a claim
    or of a member of the header, whose word it is. response: of the token endpoint, without its tokens.
    refusal: what the endpoint answers, with the detail that it logs. mends: what to change, any of it.
    """

    record: ClientRecord | None
    unsigned: Unsigned | None = None
    origins: Mapping[str, str] = field(default_factory=dict)
    response: Mapping[str, JsonValue] = field(default_factory=dict)
    refusal: TokenRefusal | None = None
    mends: tuple[Mend, ...] = ()


def trace(
    show: Callable[[], Unsigned],
    client_id: str,
    request: TargetRequest,
    find_record: Callable[[str], ClientRecord | None],
    bounds: Lifetimes,
) -> Trace:
    """Return the trace of a request. show: the preview of it, which raises what the endpoint answers."""
    record = find_record(client_id)
    try:
        unsigned = show()
    except TokenRefusal as refusal:
        return Trace(record, refusal=refusal, mends=mends.advise(refusal, request, record))
    if record is None:  # Registered between the two looks.
        return Trace(None, unsigned, response=_describe_response(unsigned))
    origins = provenance.list_origins(unsigned.plan, request, record, bounds)
    return Trace(record, unsigned, origins, _describe_response(unsigned))


def _describe_response(unsigned: Unsigned) -> Mapping[str, JsonValue]:
    """Return the members of the answer (RFC 6749 §5.1), in its order."""
    plan = unsigned.plan
    members: dict[str, JsonValue] = {
        "access_token": "…",
        "token_type": "Bearer",
        "expires_in": plan.lifetime_seconds,
    }
    if scopes.OFFLINE_ACCESS in plan.issuer_scopes:
        members["refresh_token"] = "…"  # noqa: S105 - stands for one
    if plan.scopes:
        members["scope"] = " ".join(plan.scopes)
    return members
