"""The checks of a token, one function each, in the order in which a verifier makes them (RFC 9068 §4).

A check says what it expects, what it found, and what to change. One that has nothing to look at is
skipped: an earlier one has failed.
"""

from collections.abc import Callable
from typing import Final

from issuer.issuing import refresh_token
from issuer.issuing.verdict import addressing, signed, standing, times
from issuer.issuing.verdict.addressing import Addressed
from issuer.issuing.verdict.evidence import Evidence
from issuer.jose import signing
from issuer.model.verdict import Check, CheckName, Expectation, Outcome
from issuer.policy import resemblance

_REQUIRED: Final = ("sub", "client_id", "jti")
_FORM: Final = f"three parts of base64url, JSON, at most {signing.MAX_TOKEN_CHARACTERS} characters"
_TYP_MEANINGS: Final = {
    refresh_token.TYP: (
        "This is a refresh token: it belongs at the token endpoint with grant_type=refresh_token and "
        "nowhere else; send the access token that came with it."
    ),
    "application/at+jwt": "RFC 9068 allows this spelling, but this issuer never writes it.",
    "at+jwt": "The audience is registered for typ JWT: let its verifier take at+jwt, or ask for a new token.",
    "jwt": (
        "The audience is registered for at+jwt: a token of typ JWT may be an ID token; "
        "send the access token, or one issued since the audience was changed."
    ),
}
_NO_HEADER = "There is no header to be read."
_NO_CLAIMS = "There are no claims to be read."


def make_checks(evidence: Evidence, expectation: Expectation) -> tuple[Check, ...]:
    """Return all checks of a token for one audience, in order."""
    return tuple(make(evidence, expectation) for make in _CHECKS)


def _parse(evidence: Evidence, _expectation: Expectation) -> Check:
    found = evidence.reading
    if not found.advice:
        return Check(CheckName.PARSE, Outcome.PASSED, _FORM)
    actual = "; ".join(filter(None, (found.problem, *found.wrappings)))
    return Check(CheckName.PARSE, Outcome.FAILED, _FORM, actual, found.advice)


def _typ(evidence: Evidence, expectation: Expectation) -> Check:
    name = CheckName.TYP
    if evidence.reading.header is None:
        return _skipped(name, _NO_HEADER)
    expected = refresh_token.TYP if expectation.is_for_refresh else expectation.audience.policy.typ.value
    typ = evidence.header.get("typ")
    if typ == expected:
        return Check(name, Outcome.PASSED, expected, expected)
    if typ is None:
        return _failed(name, expected, "none", "The header has no typ: no token of this issuer is without.")
    if expected == refresh_token.TYP:
        advice = "This is no refresh token; the token endpoint takes none but the one it gave."
    elif isinstance(typ, str) and typ.lower() == expected.lower():
        advice = f"Only the case of letters differs from {expected}; this issuer never writes it so."
    else:
        unknown = f"The token is of another kind; this audience takes {expected} only."
        advice = _TYP_MEANINGS.get(typ.lower() if isinstance(typ, str) else "", unknown)
    return _failed(name, expected, evidence.shown.short(typ), advice)


def _iss(evidence: Evidence, _expectation: Expectation) -> Check:
    name, expected = CheckName.ISS, evidence.grounds.issuer_url
    if evidence.reading.claims is None:
        return _skipped(name, _NO_CLAIMS)
    iss = evidence.claims.get("iss")
    if iss == expected:
        return Check(name, Outcome.PASSED, expected, expected)
    if iss is None:
        return _failed(
            name, expected, "none", "The token does not say who issued it: this issuer always does."
        )
    actual = evidence.shown.short(iss)
    differences = resemblance.find_differences(iss, expected) if isinstance(iss, str) else ()
    only = f" (only {resemblance.join_words(differences)})" if differences else ""
    return _failed(
        name,
        expected,
        actual,
        f"The token comes from {actual}, this issuer is {expected}{only}: ask this one for a token, or see "
        "which ISSUER_URL the server has.",
    )


def _aud(evidence: Evidence, expectation: Expectation) -> Check:
    name, expected = CheckName.AUD, expectation.spelling
    if evidence.reading.claims is None:
        return _skipped(name, _NO_CLAIMS)
    claims = evidence.claims
    aud = claims.get("aud")
    addressed = Addressed(aud, claims.get("client_id", claims.get("azp")), evidence.grounds.issuer_url)
    actual = "none" if aud is None else evidence.shown.short(aud)
    if expected in addressed.list_named():
        return Check(name, Outcome.PASSED, expected, actual)
    advice = addressing.advise(addressed, expectation, evidence.grounds.audiences, evidence.shown)
    return _failed(name, expected, actual, advice)


def _exp(evidence: Evidence, _expectation: Expectation) -> Check:
    if evidence.reading.claims is None:
        return _skipped(CheckName.EXP, _NO_CLAIMS)
    return times.check_exp(evidence.claims, evidence.grounds.now, evidence.shown)


def _iat(evidence: Evidence, _expectation: Expectation) -> Check:
    if evidence.reading.claims is None:
        return _skipped(CheckName.IAT, _NO_CLAIMS)
    return times.check_iat(evidence.claims, evidence.grounds.now, evidence.shown)


def _claims(evidence: Evidence, _expectation: Expectation) -> Check:
    name, expected = CheckName.CLAIMS, ", ".join(_REQUIRED)
    if evidence.reading.claims is None:
        return _skipped(name, _NO_CLAIMS)
    missing = [claim for claim in _REQUIRED if not isinstance(evidence.claims.get(claim), str)]
    if not missing:
        return Check(name, Outcome.PASSED, expected, "all there")
    advice = (
        "Every access token has them (RFC 9068 section 2.2): this may be an ID token; send the access token."
    )
    return _failed(name, expected, f"without {', '.join(missing)}", advice)


_Made = Callable[[Evidence, Expectation], Check]
_CHECKS: Final[tuple[_Made, ...]] = (
    _parse,
    _typ,
    signed.check_alg,
    signed.check_kid,
    signed.check_signature,
    _iss,
    _aud,
    _exp,
    _iat,
    _claims,
    standing.check_standing,
)


def _failed(name: CheckName, expected: str, actual: str, advice: str) -> Check:
    return Check(name, Outcome.FAILED, expected, actual, advice)


def _skipped(name: CheckName, advice: str) -> Check:
    return Check(name, Outcome.SKIPPED, advice=advice)
