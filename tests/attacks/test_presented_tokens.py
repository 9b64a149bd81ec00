"""Tokens made by strangers, at every endpoint of ours that takes one: nothing opens, nothing ends."""

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from issuer.errors import InvalidClient, InvalidGrant
from tests.oauth.holders import (
    CHALLENGE,
    INACTIVE,
    INTROSPECT,
    REVOKE,
    begin,
    claims_of,
    dump,
    holder,
    present,
    refresh,
    refresh_token_of,
)
from tests.oauth.world import FORM, Answer, Credentials, World, assert_refused

__all__ = ["holder"]

ENCODINGS = {
    "SPKI PEM": (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "SPKI DER": (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "PKCS1 PEM": (Encoding.PEM, PublicFormat.PKCS1),
    "PKCS1 DER": (Encoding.DER, PublicFormat.PKCS1),
}
SECRETS = [*ENCODINGS, "JWK", "empty"]


@pytest.fixture
def api(world: World, holder: Credentials) -> Credentials:
    """Give the client that speaks for the service of orders and billing."""
    return world.add_client("Shop API", service="Shop")


@pytest.fixture
def pair(world: World, holder: Credentials) -> Answer:
    """Give an access token and its refresh token."""
    return begin(world, holder)


def _secret_of(loaded_keys, name: str) -> bytes:
    key = next(one for one in loaded_keys if one.stored.alg == "RS256")
    if name == "JWK":
        return json.dumps(key.public_jwk, separators=(",", ":")).encode("ascii")
    return b"" if name == "empty" else key.verifying.material.public_key.public_bytes(*ENCODINGS[name])


def _kid_of(loaded_keys, alg: str) -> str:
    return next(one.stored.kid for one in loaded_keys if one.stored.alg == alg)


def _encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def _sign(header: dict[str, str], claims: dict, secret: bytes | None) -> str:
    """Return a token signed with HMAC; without a signature where there is no secret."""
    message = ".".join(_encode(json.dumps(part).encode("ascii")) for part in (header, claims))
    signature = b"" if secret is None else hmac.digest(secret, message.encode("ascii"), hashlib.sha256)
    return f"{message}.{_encode(signature)}"


def _assert_worthless(world: World, holder: Credentials, api: Credentials, tokens: list[str]) -> None:
    before = dump(world)
    for token in tokens:
        assert present(world, INTROSPECT, api, token).body == INACTIVE
        assert present(world, REVOKE, holder, token).body == b"{}"
        assert_refused(refresh(world, holder, token), InvalidGrant)
    assert dump(world) == before


@pytest.mark.parametrize("name", SECRETS)
def test_hmac_with_a_published_key_opens_nothing(world: World, holder, api, pair, loaded_keys, name: str):
    """CVE-2024-37568, CVE-2022-29217: what anybody can fetch, taken as an HMAC secret."""
    secret = _secret_of(loaded_keys, name)
    public, private = _kid_of(loaded_keys, "RS256"), _kid_of(loaded_keys, "HS256")
    of_access, of_refresh = pair.claims, claims_of(refresh_token_of(pair))

    tokens = [
        _sign({"alg": "HS256", "typ": typ, "kid": kid}, claims, secret)
        for typ, claims in (("at+jwt", of_access), ("refresh+jwt", of_refresh))
        for kid in (public, private)
    ]

    _assert_worthless(world, holder, api, tokens)


@pytest.mark.parametrize("alg", ["none", "None", "nOnE", "NONE", ""])
def test_unsigned_tokens_open_nothing(world: World, holder, api, pair, loaded_keys, alg: str):
    """CVE-2026-28802."""
    tokens = [
        _sign({"alg": alg, "typ": typ, "kid": _kid_of(loaded_keys, key)}, claims, None)
        for typ, claims, key in (
            ("at+jwt", pair.claims, "RS256"),
            ("refresh+jwt", claims_of(refresh_token_of(pair)), "HS256"),
        )
    ]

    _assert_worthless(world, holder, api, [*tokens, *(token.rpartition(".")[0] for token in tokens)])


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xfd").decode(),
        "Basic " + "A" * 5000,
        "Basic\tcm9ib3Q6eA==",
        "Bearer",
        "Bearer ",
        "Bearer\t",
        "Bearer x",
        "Bearer eyJhbGciOiJub25lIn0..",
        "bearer \xff",
    ],
    ids=ascii,
)
def test_a_malformed_authorization_header_proves_nothing_here_either(
    world: World, pair: Answer, path: str, header: str
):
    """CVE-2026-9803: a malformed header ends in a 500."""
    form = f"token={pair.token}".encode("ascii")

    answer = world.send("POST", path, data=form, content_type=FORM, headers={"Authorization": header})

    assert_refused(answer, InvalidClient, **CHALLENGE)
