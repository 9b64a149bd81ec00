"""How a token is signed: by which algorithm, with which key, and whether it is what was signed."""

from typing import Final

from issuer.issuing.verdict.evidence import Evidence
from issuer.model.signing_key import REFRESH_ALG, TOKEN_ALGS, KeyPurpose, KeyState, StoredKey
from issuer.model.verdict import Check, CheckName, Expectation, Outcome

_SIGNATURE_BYTES: Final = {"RS256": 256, "ES256": 64, "HS256": 32}
# r and s as X.509 writes them; JWS wants 64 bytes (RFC 7518 §3.4).
_DER_BYTES: Final = range(68, 73)
_NO_HEADER: Final = "There is no header to be read."


def check_alg(evidence: Evidence, expectation: Expectation) -> Check:
    """Return whether the algorithm is one of this issuer, and its key's own (RFC 8725 §3.1)."""
    name = CheckName.ALG
    if evidence.reading.header is None:
        return _skipped(name, _NO_HEADER)
    accepted = (REFRESH_ALG,) if expectation.is_for_refresh else TOKEN_ALGS
    alg = evidence.header.get("alg")
    expected, actual = " or ".join(accepted), "none given" if alg is None else evidence.shown.short(alg)
    key = evidence.key
    if alg not in accepted:
        if isinstance(alg, str) and alg.lower() == "none":
            advice = "The token is not signed at all: anybody can write one; never accept it."
        else:
            advice = f"No token for this audience is signed so: pin the verifier to {expected}."
        return _failed(name, expected, actual, advice)
    if key is not None and key.alg != alg:
        return _failed(
            name, key.alg, actual, "The header names another algorithm than its key's: do not trust it."
        )
    return Check(name, Outcome.PASSED, expected, actual, _say_changed_alg(str(alg), expectation))


def check_kid(evidence: Evidence, expectation: Expectation) -> Check:
    """Return whether the key is one of this issuer, for this kind of token, and in use."""
    name, expected = CheckName.KID, "a key of this issuer that is in use"
    if evidence.reading.header is None:
        return _skipped(name, _NO_HEADER)
    kid, key = evidence.header.get("kid"), evidence.key
    if kid is None:
        return _failed(
            name, expected, "none", "The header names no key: every token of this issuer has a kid."
        )
    actual = evidence.shown.short(kid)
    if key is None:
        return _failed(
            name,
            expected,
            actual,
            "No key of this issuer ever had this kid: another issuer or another installation made the token; "
            "compare iss, and the address from which the service fetches its keys.",
        )
    state = key.state(evidence.grounds.now)
    actual = f"{actual}, {state}"
    advice = _judge_key(key, state, expectation)
    if advice:
        return _failed(name, expected, actual, advice)
    return Check(name, Outcome.PASSED, expected, actual)


def check_signature(evidence: Evidence, _expectation: Expectation) -> Check:
    """Return whether the key that the header names signed the token."""
    name, expected = CheckName.SIGNATURE, "made by the key that the header names"
    if evidence.is_signed is None:
        return _skipped(name, "There is no key to check the signature with.")
    if evidence.is_signed:
        return Check(name, Outcome.PASSED, expected, "made by it")
    size = evidence.reading.signature_bytes
    alg = evidence.key.alg if evidence.key is not None else ""
    whole = _SIGNATURE_BYTES.get(alg, 0)
    actual = f"{size} bytes" if size is not None else "not base64url"
    if size == 0:
        advice = "There is no signature: anybody can have written this; never accept it."
    elif size is not None and alg == "ES256" and size in _DER_BYTES:
        advice = (
            "The signature is in the form of X.509; JWS wants r and s side by side (RFC 7518 section 3.4)."
        )
    elif is_cut(evidence):
        advice = f"The signature has {size} of {whole} bytes: the token was cut off; copy it whole."
    elif size is not None and size > whole:
        advice = f"The signature has {size} bytes instead of {whole}: something was added to the token."
    else:
        advice = "Header or claims were altered after signing, or another key signed: do not trust the token."
    return _failed(name, expected, actual, advice)


def is_cut(evidence: Evidence) -> bool:
    """Return whether the signature is shorter than any of its key: the end of the token is missing."""
    size, key = evidence.reading.signature_bytes, evidence.key
    return size is not None and key is not None and 0 < size < _SIGNATURE_BYTES[key.alg]


def _say_changed_alg(alg: str, expectation: Expectation) -> str:
    wanted = expectation.audience.policy.signing_alg.value
    if expectation.is_for_refresh or alg == wanted:
        return ""
    return f"New tokens for this audience are signed with {wanted}: a verifier pinned to it refuses this one."


def _judge_key(key: StoredKey, state: KeyState, expectation: Expectation) -> str:
    """Return why a key of ours does not vouch for a token of this audience, "" if it does."""
    if expectation.is_for_refresh and key.purpose is KeyPurpose.TOKEN:
        return "This key signs access tokens, and the token endpoint takes refresh tokens only."
    if not expectation.is_for_refresh and key.purpose is KeyPurpose.REFRESH:
        return "This key signs refresh tokens and is never published: no service can verify the token."
    if key.audience_id not in {None, expectation.audience.id}:
        return "This key is another audience's own: it signs for that one alone, and vouches for no other."
    if state is KeyState.COMPROMISED:
        return "The key was declared compromised: nothing that it signed is good; ask for a new token."
    if state is KeyState.REMOVED:
        return "The key is retired for longer than any token lives: ask for a new token."
    return ""


def _failed(name: CheckName, expected: str, actual: str, advice: str) -> Check:
    return Check(name, Outcome.FAILED, expected, actual, advice)


def _skipped(name: CheckName, advice: str) -> Check:
    return Check(name, Outcome.SKIPPED, advice=advice)
