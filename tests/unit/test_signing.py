"""Signing and verifying: the same tokens as the libraries', and only our own back."""

import base64
import json
import threading

import jwt as pyjwt
import pytest
from joserfc import jwt as joserfc_jwt

from issuer.entropy import Entropy
from issuer.errors import TokenRejected
from issuer.jose import keys, signing
from issuer.jose.keys import SigningKey
from issuer.jose.signing import Signer

_ALGS = ("RS256", "ES256", "HS256")
_KEYS = {alg: keys.make_signing_key(alg, Entropy()) for alg in _ALGS}
_CLAIMS = {
    "iss": "https://issuer.example",
    "sub": "billing-worker",
    "aud": ["orders", "billing"],
    "exp": 1_800_000_900,
    "iat": 1_800_000_000,
    "jti": "AAAAAAAAAAAAAAAAAAAAAA",
    "scope": "orders.read",
    "nested": {"list": [1, 2.5, None, True], "text": 'quote " back\\slash é 漢 \u2028'},
}


@pytest.fixture(params=_ALGS)
def key(request: pytest.FixtureRequest) -> SigningKey:
    """Give a key of each algorithm."""
    return _KEYS[request.param]


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _pyjwt_key(key: SigningKey):
    return key.material.public_key


def _verify(token: str, key: SigningKey, typ: str = "at+jwt") -> signing.VerifiedToken:
    return signing.verify_compact(token, find_key={key.kid: key}.get, algs=frozenset({key.alg}), typ=typ)


def test_header_is_exactly_alg_typ_and_kid(key):
    token = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt")

    header = json.loads(_decode(token.split(".")[0]))
    assert header == {"alg": key.alg, "typ": "at+jwt", "kid": key.kid}


def test_token_is_ascii_without_padding(key):
    token = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt")

    assert token.isascii()
    assert "=" not in token


def test_joserfc_reads_the_same_claims(key):
    token = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt")

    decoded = joserfc_jwt.decode(token, key.material, algorithms=[key.alg])
    assert decoded.claims == _CLAIMS
    assert decoded.header == {"alg": key.alg, "typ": "at+jwt", "kid": key.kid}


def test_pyjwt_reads_the_same_claims(key):
    token = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt")

    claims = pyjwt.decode(
        token,
        _pyjwt_key(key),
        algorithms=[key.alg],
        audience="orders",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims == _CLAIMS


@pytest.mark.parametrize("alg", ["RS256", "HS256"])
def test_token_is_byte_for_byte_the_librarys(alg):
    """RS256 and HS256 are deterministic (RFC 8017 §8.2, RFC 2104), so the whole token can be compared."""
    key, claims = _KEYS[alg], {"sub": "a", "aud": "b", "exp": 1}

    token = signing.sign_claims(claims, Signer(key), "at+jwt")

    header = {"alg": alg, "typ": "at+jwt", "kid": key.kid}
    assert token == joserfc_jwt.encode(header, claims, key.material, algorithms=[alg], default_type=None)


def test_es256_signature_is_64_bytes_raw():
    """RFC 7518 §3.4: r and s of 32 bytes each, not DER."""
    tokens = [signing.sign_claims({"jti": str(i)}, Signer(_KEYS["ES256"]), "JWT") for i in range(50)]

    assert {len(_decode(token.split(".")[2])) for token in tokens} == {64}


def test_one_signer_signs_several_types():
    signer = Signer(_KEYS["ES256"])

    tokens = [signing.sign_claims({}, signer, typ) for typ in ("at+jwt", "JWT", "at+jwt")]

    types = [json.loads(_decode(token.split(".")[0]))["typ"] for token in tokens]
    assert types == ["at+jwt", "JWT", "at+jwt"]


def test_one_signer_serves_many_threads():
    signer, tokens = Signer(_KEYS["HS256"]), []

    def sign(number: int) -> None:
        tokens.extend(signing.sign_claims({"jti": f"{number}.{i}"}, signer, f"t{i % 3}") for i in range(100))

    threads = [threading.Thread(target=sign, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    verified = [
        _verify(token, _KEYS["HS256"], json.loads(_decode(token.split(".")[0]))["typ"]) for token in tokens
    ]
    assert len({token.claims["jti"] for token in verified}) == 800


def test_claims_that_are_no_json_are_never_signed():
    with pytest.raises(ValueError, match="JSON"):
        signing.sign_claims({"exp": float("nan")}, Signer(_KEYS["HS256"]), "JWT")


def test_repr_of_a_signer_holds_no_key(key):
    assert repr(Signer(key)) == f"Signer(kid={key.kid!r}, alg={key.alg!r})"


def test_own_token_verifies(key):
    token = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt")

    verified = _verify(token, key)

    assert verified.claims == _CLAIMS
    assert verified.header == {"alg": key.alg, "typ": "at+jwt", "kid": key.kid}


def test_verifying_key_is_enough(key):
    token = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt")

    verifying = keys.make_verifying_key(key)

    assert _verify(token, verifying).claims == _CLAIMS


@pytest.mark.parametrize("alg", _ALGS)
def test_key_read_back_from_sealing_signs_and_verifies(alg):
    key = _KEYS[alg]
    imported = keys.import_private(alg, key.kid, keys.export_private(key))

    token = signing.sign_claims(_CLAIMS, Signer(imported), "at+jwt")

    assert _verify(token, key).claims == _CLAIMS


def test_expired_token_still_verifies_because_times_are_the_callers_business():
    token = signing.sign_claims({"exp": 1, "nbf": 2}, Signer(_KEYS["ES256"]), "JWT")

    assert _verify(token, _KEYS["ES256"], "JWT").claims["exp"] == 1


def test_algorithm_not_accepted_here_is_refused(key):
    token = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt")

    with pytest.raises(TokenRejected):
        signing.verify_compact(
            token,
            find_key={key.kid: key}.get,
            algs=frozenset(_ALGS) - {key.alg},
            typ="at+jwt",
        )


@pytest.mark.parametrize("other", ["JWT", "refresh+jwt", "AT+JWT", "application/at+jwt", "", "at+jwt "])
def test_other_type_is_refused(other):
    """RFC 8725 §3.11: the type asked for, in the one spelling that we sign."""
    token = signing.sign_claims(_CLAIMS, Signer(_KEYS["ES256"]), other)

    with pytest.raises(TokenRejected):
        _verify(token, _KEYS["ES256"], "at+jwt")


@pytest.mark.parametrize("name", ["exp", "nbf", "iat", "auth_time"])
@pytest.mark.parametrize("value", [True, 1.5, "1800000000", None, -1, 253_402_300_800, 10**400, [1], {}])
def test_time_claim_that_is_not_whole_seconds_is_refused(name, value):
    token = signing.sign_claims({name: value}, Signer(_KEYS["HS256"]), "JWT")

    with pytest.raises(TokenRejected):
        _verify(token, _KEYS["HS256"], "JWT")


def test_refusal_says_one_short_thing_without_the_token():
    token = signing.sign_claims({"sub": "somebody"}, Signer(_KEYS["HS256"]), "JWT")

    with pytest.raises(TokenRejected) as refusal:
        _verify(token, _KEYS["HS256"], "at+jwt")

    assert refusal.value.detail == "typ of another kind of token"
    assert (refusal.value.code, refusal.value.status) == ("invalid_token", 401)
