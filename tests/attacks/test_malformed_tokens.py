"""Tokens that are not ours, in every known way: each is rejected, and nothing else happens.

The cases are those of real advisories, named where one stands behind a test.
"""

import base64
import hashlib
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from issuer.entropy import Entropy
from issuer.errors import TokenRejected
from issuer.jose import keys, signatures, signing, strict_json
from issuer.jose.signing import Signer

_RSA = keys.make_signing_key("RS256", Entropy())
_EC = keys.make_signing_key("ES256", Entropy())
_HMAC = keys.make_signing_key("HS256", Entropy())
_STRANGER = keys.make_signing_key("ES256", Entropy())
_OURS = {key.kid: key for key in (_RSA, _EC, _HMAC)}
_ALL = frozenset({"RS256", "ES256", "HS256"})
_CLAIMS = {"iss": "https://issuer.example", "aud": "orders", "sub": "a", "exp": 1_800_000_900}
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _sign(header: bytes, payload: bytes, key: keys.SigningKey) -> str:
    """Sign any header and payload with one of our keys: what an attacker could never do."""
    signed = f"{_encode(header)}.{_encode(payload)}"
    signature = signatures.make_sign(key)(signed.encode())
    return f"{signed}.{_encode(signature)}"


def _sign_with_header(key: keys.SigningKey = _EC, **changes: object) -> str:
    header = {"alg": key.alg, "typ": "at+jwt", "kid": key.kid, **changes}
    return _sign(json.dumps(header).encode(), json.dumps(_CLAIMS).encode(), key)


def _unsigned(header: dict[str, object], signature: bytes = b"") -> str:
    segments = (json.dumps(header).encode(), json.dumps(_CLAIMS).encode(), signature)
    return ".".join(map(_encode, segments))


def _hmac_with(secret: bytes, kid: str) -> str:
    header = {"alg": "HS256", "typ": "at+jwt", "kid": kid}
    signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(_CLAIMS).encode())}"
    return f"{signed}.{_encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _verify(token: str, algs: frozenset[str] = _ALL) -> signing.VerifiedToken:
    return signing.verify_compact(token, find_key=_OURS.get, algs=algs, typ="at+jwt")


def _assert_rejected(token: str) -> None:
    with pytest.raises(TokenRejected):
        _verify(token)


_GOOD = signing.sign_claims(_CLAIMS, Signer(_EC), "at+jwt")
_GOOD_HEADER, _GOOD_PAYLOAD, _GOOD_SIGNATURE = _GOOD.split(".")


def test_the_untouched_token_is_accepted():
    assert _verify(_GOOD).claims == _CLAIMS


def test_the_means_of_these_tests_make_acceptable_tokens():
    assert _verify(_sign_with_header()).claims == _CLAIMS


# alg


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", "none ", "", "HS256 ", "es256", "ES512"])
@pytest.mark.parametrize("kid", [_RSA.kid, _EC.kid, _HMAC.kid], ids=["RSA", "EC", "HMAC"])
def test_alg_none_and_unknown_algs_are_rejected(alg, kid):
    """CVE-2026-28802; RFC 8725 §3.1."""
    _assert_rejected(_unsigned({"alg": alg, "typ": "at+jwt", "kid": kid}))


@pytest.mark.parametrize("alg", [None, 0, True, ["ES256"], {"ES256": 1}])
def test_alg_that_is_no_text_is_rejected(alg):
    _assert_rejected(_sign_with_header(alg=alg))


def test_missing_alg_is_rejected():
    header = json.dumps({"typ": "at+jwt", "kid": _EC.kid}).encode()

    _assert_rejected(_sign(header, json.dumps(_CLAIMS).encode(), _EC))


@pytest.mark.parametrize("key", [_RSA, _EC], ids=["RSA", "EC"])
@pytest.mark.parametrize(
    ("encoding", "format_"),
    [(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)],
    ids=["PEM", "DER"],
)
@pytest.mark.parametrize("tail", [b"", b"\n", b"\x00"], ids=["as is", "newline", "NUL"])
def test_hmac_with_our_public_key_is_rejected(key, encoding, format_, tail):
    """CVE-2024-37568, CVE-2022-29217, CVE-2017-11424: the public key taken as an HMAC secret."""
    secret = key.material.public_key.public_bytes(encoding, format_)

    _assert_rejected(_hmac_with(secret.rstrip(b"\n") + tail, key.kid))


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_hmac_with_our_pkcs1_public_key_is_rejected(encoding):
    secret = _RSA.material.public_key.public_bytes(encoding, PublicFormat.PKCS1)

    _assert_rejected(_hmac_with(secret, _RSA.kid))


@pytest.mark.parametrize("key", [_RSA, _EC], ids=["RSA", "EC"])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_hmac_with_our_public_jwk_is_rejected(key, separators):
    secret = json.dumps(keys.public_jwk(key), separators=separators).encode()

    _assert_rejected(_hmac_with(secret, key.kid))


@pytest.mark.parametrize("secret", [b"", b"\x00" * 32, _HMAC.kid.encode()], ids=["empty", "zeros", "kid"])
def test_hmac_with_a_guess_is_rejected(secret):
    _assert_rejected(_hmac_with(secret, _HMAC.kid))


def test_right_signature_under_another_keys_alg_is_rejected():
    _assert_rejected(_sign_with_header(_EC, alg="RS256"))


# kid and keys brought along


@pytest.mark.parametrize(
    "kid",
    ["", "unknown", _STRANGER.kid, _EC.kid + " ", _EC.kid.lower(), "../" + _EC.kid],
    ids=["empty", "unknown", "stranger", "blank", "lower case", "path"],
)
def test_unknown_kid_is_rejected(kid):
    """CVE-2026-27962: an unknown kid is an end, never a reason to look elsewhere."""
    _assert_rejected(_sign_with_header(kid=kid))


@pytest.mark.parametrize("kid", [None, 0, True, [_EC.kid], {"kid": _EC.kid}])
def test_kid_that_is_no_text_is_rejected(kid):
    _assert_rejected(_sign_with_header(kid=kid))


def test_missing_kid_is_rejected():
    header = json.dumps({"alg": "ES256", "typ": "at+jwt"}).encode()

    _assert_rejected(_sign(header, json.dumps(_CLAIMS).encode(), _EC))


@pytest.mark.parametrize("kid", [_EC.kid, _STRANGER.kid], ids=["ours", "stranger"])
@pytest.mark.parametrize(
    "brought",
    [
        {"jwk": keys.public_jwk(_STRANGER)},
        {"jku": "https://attacker.example/jwks.json"},
        {"x5u": "https://attacker.example/chain.pem"},
        {"x5c": [base64.b64encode(_STRANGER.material.as_der()).decode()]},
    ],
    ids=["jwk", "jku", "x5u", "x5c"],
)
def test_key_brought_along_is_never_used(kid, brought):
    """CVE-2018-0114, CVE-2026-27962."""
    _assert_rejected(_sign_with_header(_STRANGER, kid=kid, **brought))


def test_token_of_a_stranger_under_our_kid_is_rejected():
    _assert_rejected(_sign_with_header(_STRANGER, kid=_EC.kid))


# crit and other header members


@pytest.mark.parametrize("crit", [["bork"], [], "x", "", None, {}, 0, False, ["b64"], ["exp"], [[]]])
def test_crit_is_rejected_whatever_it_holds(crit):
    """CVE-2025-59420, CVE-2026-32597; the library lets an empty list pass."""
    _assert_rejected(_sign_with_header(crit=crit))


@pytest.mark.parametrize("member", ["b64", "zip", "enc", "cty", "p2c", "x5t", "unknown", "ALG", ""])
def test_any_other_header_member_is_rejected(member):
    _assert_rejected(_sign_with_header(**{member: "value"}))


@pytest.mark.parametrize("typ", [None, "", 0, True, ["at+jwt"], "JWT", "refresh+jwt", "at+JWT", "at+jwt\x00"])
def test_other_typ_is_rejected(typ):
    _assert_rejected(_sign_with_header(typ=typ))


def test_missing_typ_is_rejected():
    """The library's own check passes where `typ` is absent (RFC 9068 §4 demands it)."""
    header = json.dumps({"alg": "ES256", "kid": _EC.kid}).encode()

    _assert_rejected(_sign(header, json.dumps(_CLAIMS).encode(), _EC))


# shape


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é.é.é",
        "\x00.\x00.\x00",
        "\ud800.\ud800.\ud800",
        _GOOD_HEADER,
        f"{_GOOD_HEADER}.{_GOOD_PAYLOAD}",
        f"{_GOOD_HEADER}.{_GOOD_PAYLOAD}.",
        f".{_GOOD_PAYLOAD}.{_GOOD_SIGNATURE}",
        f"{_GOOD_HEADER}..{_GOOD_SIGNATURE}",
        f"{_GOOD}.",
        f".{_GOOD}",
        f"{_GOOD}.{_GOOD_SIGNATURE}",
        f"{_GOOD}..",
        f"{_GOOD_PAYLOAD}.{_GOOD_HEADER}.{_GOOD_SIGNATURE}",
        '{"payload":"e30","signatures":[]}',
        json.dumps({"protected": _GOOD_HEADER, "payload": _GOOD_PAYLOAD, "signature": _GOOD_SIGNATURE}),
    ],
)
def test_other_shapes_are_rejected(token):
    """CVE-2022-39227: compact only, JSON serialisations are not read."""
    _assert_rejected(token)


@pytest.mark.parametrize(
    "token",
    [
        "." * 1_000_000,
        _GOOD_HEADER * 100_000,
        "a" * 5_000_000,
        f"{_GOOD_HEADER}.{'A' * 16_384}.{_GOOD_SIGNATURE}",
    ],
    ids=["dots", "header", "text", "payload"],
)
def test_oversized_tokens_cost_nothing(token):
    """CVE-2025-61920, CVE-2025-30204: refused by length before anything is split or decoded."""
    started = time.process_time()

    _assert_rejected(token)

    assert time.process_time() - started < 0.5


def test_token_over_16_kilobytes_is_rejected_even_if_signed_by_us():
    token = signing.sign_claims({**_CLAIMS, "filler": "x" * 13_000}, Signer(_EC), "at+jwt")

    _assert_rejected(token)


def test_token_just_under_16_kilobytes_is_accepted():
    token = signing.sign_claims({**_CLAIMS, "filler": "x" * 11_500}, Signer(_EC), "at+jwt")

    assert _verify(token).claims["aud"] == "orders"


# base64url


@pytest.mark.parametrize("tail", ["=", "==", "\n", " ", "\t", "\r\n", "A", "AA", "AAAA", "\x00", "%3D", "é"])
def test_extended_token_is_rejected(tail):
    """CVE-2026-27840; a widespread library takes a token with `==` behind it."""
    _assert_rejected(_GOOD + tail)


@pytest.mark.parametrize("front", [" ", "\n", "\ufeff", "=", "Bearer ", "\x00"])
def test_prefixed_token_is_rejected(front):
    _assert_rejected(front + _GOOD)


@pytest.mark.parametrize("cut", [1, 2, 3, 4, 10, 43, 85, 86])
def test_truncated_token_is_rejected(cut):
    _assert_rejected(_GOOD[:-cut])


@pytest.mark.parametrize("segment", [0, 1, 2])
@pytest.mark.parametrize("inserted", [" ", "\n", "=", "+", "/", "!", "\x7f"])
def test_foreign_character_within_a_segment_is_rejected(segment, inserted):
    segments = _GOOD.split(".")
    segments[segment] = segments[segment][:4] + inserted + segments[segment][4:]

    _assert_rejected(".".join(segments))


def test_spare_bits_in_the_signature_are_rejected():
    """RFC 4648 §3.5: 64 bytes leave four spare bits in the last character; only one spelling is right."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(_GOOD[-1])
    twin = _GOOD[:-1] + alphabet[last + 1]

    assert _decode(twin.split(".")[2]) == _decode(_GOOD_SIGNATURE)
    _assert_rejected(twin)


@pytest.mark.parametrize("place", range(0, len(_GOOD), 7))
def test_altered_character_is_rejected(place):
    altered = "A" if _GOOD[place] != "A" else "B"

    _assert_rejected(_GOOD[:place] + altered + _GOOD[place + 1 :])


# JSON

_HEADER = {"alg": "ES256", "typ": "at+jwt", "kid": _EC.kid}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{",
        b"{}{}",
        b"{} x",
        b'{"aud":"access","aud":"refresh"}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":[{"b":1,"b":2}]}',
        b'{"aud":1,"\\u0061ud":2}',
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b'{"a":-Infinity}',
        b'{"exp":1e999}',
        b'{"exp":1e3}',
        b'{"a":' + b"9" * 5000 + b"}",
        b"{'a':1}",
        b'{"a":"\n"}',
        b'{"a":1,}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-32"),
        b"\x00",
    ],
)
def test_payload_that_is_no_strict_json_object_is_rejected_even_if_signed_by_us(payload):
    _assert_rejected(_sign(json.dumps(_HEADER).encode(), payload, _EC))


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"ES256"',
        b"\xef\xbb\xbf" + json.dumps(_HEADER).encode(),
        json.dumps(_HEADER).encode("utf-16"),
        json.dumps(_HEADER).encode().replace(b"at+jwt", b"at+jwt\xff"),
        b'{"alg":"none",' + json.dumps(_HEADER).encode()[1:],
        json.dumps(_HEADER).encode()[:-1] + b',"alg":"ES256"}',
        json.dumps(_HEADER).encode()[:-1] + b',"k\\u0069d":"x"}',
        json.dumps(_HEADER).encode() + b"x",
    ],
    # The default ids hold the kid, which is another in every test process (pytest-xdist compares them).
    ids=[
        "empty",
        "null",
        "array",
        "no member",
        "text",
        "byte order mark",
        "UTF-16",
        "no UTF-8",
        "alg twice",
        "alg twice, the other last",
        "kid twice, once escaped",
        "rest",
    ],
)
def test_header_that_is_no_strict_json_object_is_rejected_even_if_signed_by_us(header):
    _assert_rejected(_sign(header, json.dumps(_CLAIMS).encode(), _EC))


@pytest.mark.parametrize(
    "nested",
    [b"[" * 6000, b'{"a":' * 2400, b"[" * 17 + b"]" * 17, b'{"a":' * 17 + b"1" + b"}" * 17],
    ids=["open lists", "open objects", "17 lists", "17 objects"],
)
def test_deep_nesting_is_rejected_without_recursing(nested):
    _assert_rejected(f"{_encode(nested)}.e30.AA")
    _assert_rejected(_sign(json.dumps(_HEADER).encode(), b'{"a":' + nested + b"}", _EC))


def test_brackets_within_text_do_not_nest():
    payload = json.dumps({"a": '[{"\\' * 40 + '"]}'}).encode()

    assert strict_json.parse_object(payload) == {"a": '[{"\\' * 40 + '"]}'}


@pytest.mark.parametrize("text", [b'{"a":"' + b'\\"' * 5000, b'"' * 10_000, b"\\" * 10_000, b"[]" * 5000])
def test_hostile_json_costs_linear_time(text):
    started = time.process_time()

    with pytest.raises(TokenRejected):
        strict_json.parse_object(text)

    assert time.process_time() - started < 0.5


def test_sixteen_levels_are_read():
    text = b'{"a":' * 15 + b"{}" + b"}" * 15

    assert strict_json.parse_object(text)["a"]


# signatures


@pytest.mark.parametrize(
    ("r", "s"),
    [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (_P256_ORDER, _P256_ORDER),
        (_P256_ORDER, 0),
        (_P256_ORDER + 1, 1),
        (2**256 - 1, 2**256 - 1),
    ],
)
def test_degenerate_ecdsa_signature_is_rejected(r, s):
    """CVE-2022-21449."""
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")

    _assert_rejected(f"{_GOOD_HEADER}.{_GOOD_PAYLOAD}.{_encode(signature)}")


def test_der_signature_is_rejected():
    """RFC 7518 §3.4: raw r and s only."""
    raw = _decode(_GOOD_SIGNATURE)
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))

    _assert_rejected(f"{_GOOD_HEADER}.{_GOOD_PAYLOAD}.{_encode(der)}")


@pytest.mark.parametrize("signature", [b"", b"\x00", b"\x00" * 63, b"\x00" * 64, b"\x00" * 65, b"\x00" * 128])
def test_signature_of_zeros_is_rejected(signature):
    _assert_rejected(f"{_GOOD_HEADER}.{_GOOD_PAYLOAD}.{_encode(signature)}")


@pytest.mark.parametrize("key", [_RSA, _EC, _HMAC], ids=["RS256", "ES256", "HS256"])
@pytest.mark.parametrize("length", [0, 1, 31, 33, 255, 257, 1024])
def test_signature_of_another_length_is_rejected(key, length):
    header, payload, signature = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt").split(".")
    resized = (_decode(signature) * 33)[:length]

    _assert_rejected(f"{header}.{payload}.{_encode(resized)}")


@pytest.mark.parametrize("key", [_RSA, _EC, _HMAC], ids=["RS256", "ES256", "HS256"])
def test_signature_of_another_token_is_rejected(key):
    header, _, signature = signing.sign_claims(_CLAIMS, Signer(key), "at+jwt").split(".")
    payload = _encode(json.dumps({**_CLAIMS, "aud": "billing"}).encode())

    _assert_rejected(f"{header}.{payload}.{signature}")


def test_the_other_valid_ecdsa_signature_names_the_same_token():
    """(r, n-s) verifies as well as (r, s): so a token is remembered by jti, never by its string."""
    raw = _decode(_GOOD_SIGNATURE)
    s = _P256_ORDER - int.from_bytes(raw[32:], "big")
    twin = f"{_GOOD_HEADER}.{_GOOD_PAYLOAD}.{_encode(raw[:32] + s.to_bytes(32, 'big'))}"

    assert twin != _GOOD
    assert _verify(twin).claims == _CLAIMS
