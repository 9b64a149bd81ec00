"""Keys that were made elsewhere: which are taken, which are refused, and that no refusal tells of one."""

import base64
import json
import traceback

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.jwk import ECKey, OctKey, RSAKey

from issuer.errors import InvalidValue
from issuer.jose import import_key, keys
from issuer.jose.import_key import LARGEST_BYTES

RSA = rsa.generate_private_key(65_537, 2048)
P256 = ec.generate_private_key(ec.SECP256R1())
TRADITIONAL, PKCS8 = forms.PrivateFormat.TraditionalOpenSSL, forms.PrivateFormat.PKCS8
PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
RSA_JWK = RSAKey.import_key(RSA).as_dict(private=True)
EC_JWK = ECKey.import_key(P256).as_dict(private=True)
CRT = ("p", "q", "dp", "dq", "qi")


def pem(key, form=PKCS8, encryption=None) -> bytes:
    return key.private_bytes(forms.Encoding.PEM, form, encryption or forms.NoEncryption())


def public_pem(key) -> bytes:
    return key.public_key().public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)


def jwk(members, without=(), **others) -> bytes:
    kept = {name: value for name, value in members.items() if name not in without}
    return json.dumps(kept | others).encode()


def jwk_of(key) -> dict[str, str]:
    """Return what the library would, which warns of keys as weak as some here."""
    numbers = key.private_numbers()
    public = numbers.public_numbers
    values = {"n": public.n, "e": public.e, "d": numbers.d, "p": numbers.p, "q": numbers.q}
    values |= {"dp": numbers.dmp1, "dq": numbers.dmq1, "qi": numbers.iqmp}
    return {"kty": "RSA", **{name: number(value) for name, value in values.items()}}


def number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(256, "big").lstrip(b"\0")).rstrip(b"=").decode()


LOCKED = forms.BestAvailableEncryption(b"x")
SMALL = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - to be refused
CUBIC = rsa.generate_private_key(3, 2048)

# As `openssl genpkey -algorithm RSA-PSS` writes it: another algorithm than rsaEncryption, and no parameters.
_RSA_DER = RSA.private_bytes(forms.Encoding.DER, PKCS8, forms.NoEncryption())
PSS_DER = (
    _RSA_DER[:2]
    + (len(_RSA_DER) - 6).to_bytes(2, "big")
    + _RSA_DER[4:].replace(
        bytes.fromhex("300d06092a864886f70d0101010500"), bytes.fromhex("300b06092a864886f70d01010a"), 1
    )
)
PSS = b"-----BEGIN PRIVATE KEY-----\n" + base64.encodebytes(PSS_DER) + b"-----END PRIVATE KEY-----\n"

TAKEN = {
    "RSA, PKCS 8": (pem(RSA), "RS256"),
    "RSA, PKCS 1": (pem(RSA, TRADITIONAL), "RS256"),
    "RSA, JWK": (jwk(RSA_JWK, use="sig", alg="RS256", kid="mine", key_ops=["sign", "verify"]), "RS256"),
    "RSA, JWK without primes": (jwk(RSA_JWK, without=CRT), "RS256"),
    "P-256, PKCS 8": (pem(P256), "ES256"),
    "P-256, SEC 1": (pem(P256, TRADITIONAL), "ES256"),
    "P-256, SEC 1 after its parameters": (PARAMETERS + pem(P256, TRADITIONAL), "ES256"),
    "P-256, JWK": (b"\n " + jwk(EC_JWK) + b"\n", "ES256"),
    "Windows line ends": (pem(P256).replace(b"\n", b"\r\n"), "ES256"),
}
REFUSED = {
    "nothing": (b"", "neither PEM nor a JWK"),
    "a word": (b"secret-word", "neither PEM nor a JWK"),
    "DER": (RSA.private_bytes(forms.Encoding.DER, PKCS8, forms.NoEncryption()), "neither PEM nor a JWK"),
    "too long": (b" " * LARGEST_BYTES + pem(P256), "at most 65536 bytes"),
    "public, PEM": (public_pem(RSA), "public key only"),
    "public, JWK": (jwk(RSA_JWK, without=("d", *CRT)), "public key only"),
    "a certificate": (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "public key only"),
    "encrypted, PKCS 8": (pem(RSA, PKCS8, LOCKED), "encrypted"),
    "encrypted, traditional": (pem(P256, TRADITIONAL, LOCKED), "encrypted"),
    "OpenSSH": (pem(P256, forms.PrivateFormat.OpenSSH), "PKCS 8, PKCS 1 or SEC 1"),
    "two, PEM": (pem(RSA) + pem(P256), "more than one key"),
    "key and certificate": (pem(P256) + public_pem(P256), "more than one key"),
    "a set": (json.dumps({"keys": [EC_JWK]}).encode(), "more than one key"),
    "a list": (json.dumps([EC_JWK]).encode(), "more than one key"),
    "HMAC": (jwk(OctKey.generate_key(256).as_dict(private=True)), "HMAC"),
    "Ed25519, PEM": (pem(ed25519.Ed25519PrivateKey.generate()), "Only RSA keys and keys on the curve P-256"),
    "Ed25519, JWK": (b'{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}', "Only RSA keys and keys on the"),
    "P-384, PEM": (pem(ec.generate_private_key(ec.SECP384R1())), "Only RSA keys and keys on the curve P-256"),
    "P-384, JWK": (jwk(EC_JWK, crv="P-384"), "Only RSA keys and keys on the curve P-256"),
    "secp256k1": (pem(ec.generate_private_key(ec.SECP256K1())), "Only RSA keys and keys on the curve P-256"),
    "no kty": (jwk(EC_JWK, without=("kty",)), "Only RSA keys"),
    "small": (pem(SMALL), "from 2048 to 4096 bits"),
    "small, JWK": (jwk(jwk_of(SMALL)), "from 2048 to 4096 bits"),
    "exponent 3": (pem(CUBIC), "public exponent"),
    "exponent 3, JWK": (jwk(jwk_of(CUBIC)), "public exponent"),
    "huge, JWK": (jwk(RSA_JWK, without=CRT, n="f" * 30_000), "from 2048 to 4096 bits"),
    "three primes": (jwk(RSA_JWK, oth=[]), "two primes"),
    "some primes": (jwk(RSA_JWK, without=("qi",)), "two primes"),
    "for encryption": (jwk(RSA_JWK, use="enc"), "not for signing"),
    "for verifying": (jwk(RSA_JWK, key_ops=["verify"]), "not for signing"),
    "operations that are a word": (jwk(RSA_JWK, key_ops="sign"), "not for signing"),
    "for PSS, PEM": (PSS, "RSASSA-PSS only"),
    "for PSS, PEM after a word": (b"my key\r\n" + PSS, "RSASSA-PSS only"),
    "for PS256": (jwk(RSA_JWK, alg="PS256"), "another algorithm than RS256"),
    "another private half, EC": (jwk(EC_JWK, d=number(7)), "damaged"),
    "another private half, RSA": (jwk(RSA_JWK, d=number(7)), "damaged"),
    "another private half, RSA without primes": (jwk(RSA_JWK, without=CRT, d=number(7)), "damaged"),
    "a point off the curve": (jwk(EC_JWK, x=number(7)), "damaged"),
    "a member that is a number": (jwk(RSA_JWK, n=7), "damaged"),
    "a member that is no number": (jwk(EC_JWK, x="$$"), "damaged"),
    "no y": (jwk(EC_JWK, without=("y",)), "damaged"),
    "PEM that was cut": (pem(RSA)[:400] + b"\n-----END PRIVATE KEY-----\n", "damaged"),
    "PEM without an end": (pem(RSA)[:400], "damaged"),
    "a member twice": (b'{"kty":"EC",' + jwk(EC_JWK)[1:], "each member once"),
    "JSON that was cut": (jwk(EC_JWK)[:-5], "each member once"),
    "nested": (b'{"a":' * 500 + b"1" + b"}" * 500, "each member once"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_fit_key_is_taken(name):
    text, alg = TAKEN[name]

    key = import_key.import_key(text)

    native = RSA if alg == "RS256" else P256
    assert key.alg == alg
    assert key.kid == key.material.thumbprint()
    assert key.material.private_key.private_numbers() == native.private_numbers()


def test_what_was_taken_is_stored_and_published_like_a_key_made_here():
    key = import_key.import_key(jwk(EC_JWK, kid="mine", x5c=["AA"], note="private"))

    assert keys.import_private("ES256", key.kid, keys.export_private(key)).kid == key.kid
    published = keys.public_jwk(key)
    assert set(published) == {"kid", "use", "alg", "kty", "crv", "x", "y"}
    assert published["kid"] == ECKey.import_key(P256).thumbprint()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_fit_is_refused_and_nothing_of_it_told(name):
    text, reason = REFUSED[name]

    with pytest.raises(InvalidValue) as refused:
        import_key.import_key(text)

    assert reason in refused.value.detail
    told = "".join(traceback.format_exception(refused.value, chain=True)) + repr(refused.value.args)
    values = [part for part in text.decode("latin-1").replace('"', "\n").split("\n") if len(part) > 15]
    private = [part for part in values if "-----" not in part and part.strip()]
    assert not [part for part in private if part in told]
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
