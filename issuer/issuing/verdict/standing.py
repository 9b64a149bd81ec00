"""Standing: whether a token that was issued is still worth something."""

from typing import Final

from issuer.issuing.verdict.evidence import Evidence
from issuer.model.audience import Audience, AudienceState
from issuer.model.client import ClientState
from issuer.model.service import ServiceState
from issuer.model.verdict import Check, CheckName, Expectation, Outcome, Standing

_EXPECTED: Final = "not revoked; client, service and audience active"
_LIVE_STATES: Final = frozenset({AudienceState.ACTIVE, AudienceState.DEPRECATED})


def check_standing(evidence: Evidence, expectation: Expectation) -> Check:
    """Return whether anything was taken back: audience, service, client, the token, its family.

    Services that verify by themselves do not see this; introspection does.
    """
    gone = _judge_audience(expectation.audience)
    if gone is not None:
        return _failed(*gone)
    if evidence.is_signed is not True:
        advice = "Only a token that this issuer signed can have been revoked."
        return Check(CheckName.REVOKED, Outcome.SKIPPED, _EXPECTED, advice=advice)
    if evidence.standing is None:
        advice = (
            "Whether it is revoked cannot be said: the database does not answer, or the token has no jti."
        )
        return Check(CheckName.REVOKED, Outcome.UNKNOWN, _EXPECTED, "unknown", advice)
    gone = (
        _judge_client(evidence.standing)
        or _judge_token(evidence.standing)
        or _judge_family(evidence, expectation)
    )
    if gone is not None:
        return _failed(*gone)
    return Check(CheckName.REVOKED, Outcome.PASSED, _EXPECTED, "as expected")


def _judge_audience(audience: Audience) -> tuple[str, str] | None:
    if audience.state not in _LIVE_STATES:
        return (
            f"the audience is {audience.state}",
            f"No token opens the audience {audience.identifier}, which is {audience.state}.",
        )
    service = audience.service
    if service.state is not ServiceState.ACTIVE:
        return f"the service is {service.state}", f"No token opens {service.name}, which is {service.state}."
    return None


def _judge_client(standing: Standing) -> tuple[str, str] | None:
    if standing.client is ClientState.ACTIVE:
        return None
    if standing.client is None:
        return (
            "the client is not registered",
            "The database does not know the client: is it the one of this issuer?",
        )
    return (
        f"the client is {standing.client}",
        f"The client is {standing.client}: its tokens are worth nothing.",
    )


def _judge_token(standing: Standing) -> tuple[str, str] | None:
    if not standing.is_revoked:
        return None
    return "the token is revoked", "The client gave the token up: ask for a new one."


def _judge_family(evidence: Evidence, expectation: Expectation) -> tuple[str, str] | None:
    standing = evidence.standing
    if standing is None:
        return None
    if standing.end_reason is not None:
        return (
            f"its family has ended: {standing.end_reason}",
            "The refresh token that it belongs to was revoked or came back after it was spent: start afresh.",
        )
    if not expectation.is_for_refresh:
        return None
    presented = evidence.claims.get("generation")
    if not standing.has_family:
        return "its family is not known", "The family is over or was lost with a backup: start afresh."
    if presented != standing.generation:
        return (
            f"generation {evidence.shown.short(presented)}, current is {standing.generation}",
            "The refresh token is spent: use its successor; sending this one ends the family.",
        )
    return None


def _failed(actual: str, advice: str) -> Check:
    return Check(CheckName.REVOKED, Outcome.FAILED, _EXPECTED, actual, advice)
