"""Only the right place accepts: tokens of each kind, in every spelling, at every endpoint and verifier.

Three things keep the kinds apart: `aud`, `typ` and the key. Each is tested alone, on tokens that are
right in the other two and signed with this server's real keys.
"""

import base64
import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import joserfc.errors
import joserfc.jwt
import jwt
import pytest
from authlib.oauth2.rfc6750.errors import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.jwk import KeySet

from issuer.errors import InvalidGrant
from issuer.model.audience import SigningAlg
from issuer.model.signing_key import KeyPurpose
from issuer.registry import audiences
from issuer.registry.audiences import AudienceChange
from tests.oauth.holders import (
    BILLING,
    INACTIVE,
    INTROSPECT,
    ORDERS,
    REVOKE,
    begin,
    claims_of,
    dump,
    forge,
    present,
    refresh,
    refresh_token_of,
    twin_of,
)
from tests.oauth.world import ISSUER, Answer, Credentials, World, assert_refused
from tests.peers.node import NodePeers, node_peers

__all__ = ["node_peers"]

ALGS = ["RS256", "ES256"]
BY_ALG = {"RS256": ORDERS, "ES256": BILLING}
_RUN_NODE = """
import { createLocalJWKSet, jwtVerify } from "jose";
const { keys, rules, tokens } = JSON.parse(process.argv[2]);
const found = createLocalJWKSet(keys);
const answers = {};
for (const [name, token] of Object.entries(tokens))
  answers[name] = await jwtVerify(token, found, rules).then((it) => it.payload, () => null);
console.log(JSON.stringify(answers));
"""


@pytest.fixture
def today(clock) -> None:
    """Let the clock stand at the time it is: other libraries look at their own."""
    clock.at = int(time.time())


@pytest.fixture
def holder(today, world: World, holder: Credentials) -> Credentials:
    """Give the holder of the other tests; tokens for billing are signed with ES256."""
    wanted = AudienceChange(signing_alg=SigningAlg.ES256)
    audiences.change_audience(world.registrar, BILLING, wanted)
    world.look()
    return holder


@pytest.fixture
def api(world: World, holder) -> Credentials:
    """Give the client that speaks for the service of orders and billing."""
    return world.add_client("Shop API", service="Shop")


@pytest.fixture
def pairs(world: World, holder: Credentials) -> dict[str, Answer]:
    """Give an access token with its refresh token for each algorithm."""
    return {alg: begin(world, holder, resource=BY_ALG[alg]) for alg in ALGS}


@pytest.fixture
def published(world: World) -> dict[str, Any]:
    """Give the JWKS that services fetch."""
    return _fetch_keys(world)


def _fetch_keys(world: World) -> dict[str, Any]:
    return world.send("GET", "/.well-known/jwks.json").json


# Each of the three alone


NO_ACCESS_TOKENS = {
    "aud alone": (KeyPurpose.TOKEN, "at+jwt", "refresh"),
    "typ alone": (KeyPurpose.TOKEN, "refresh+jwt", "own"),
    "key alone": (KeyPurpose.REFRESH, "at+jwt", "own"),
}


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("kept", NO_ACCESS_TOKENS)
def test_what_is_not_an_access_token_is_kept_from_services_by(
    world: World, api, pairs, loaded_keys, kept: str, alg: str
):
    purpose, typ, aud = NO_ACCESS_TOKENS[kept]
    own, published = BY_ALG[alg], _fetch_keys(world)
    of_family = {**claims_of(refresh_token_of(pairs[alg])), **pairs[alg].claims}
    claims = {**of_family, "aud": own if aud == "own" else aud}
    token = forge(loaded_keys, purpose, typ, claims, "HS256" if purpose is KeyPurpose.REFRESH else alg)

    answer = present(world, INTROSPECT, api, token)

    assert answer.body == INACTIVE
    assert [name for name, verify in VERIFIERS.items() if verify(token, published, own) is not None] == []


NO_REFRESH_TOKENS = {
    "aud alone": (KeyPurpose.REFRESH, "HS256", "refresh+jwt", ORDERS),
    "aud alone, access": (KeyPurpose.REFRESH, "HS256", "refresh+jwt", "access"),
    "typ alone": (KeyPurpose.REFRESH, "HS256", "at+jwt", "refresh"),
    "typ alone, JWT": (KeyPurpose.REFRESH, "HS256", "JWT", "refresh"),
    "key alone, RS256": (KeyPurpose.TOKEN, "RS256", "refresh+jwt", "refresh"),
    "key alone, ES256": (KeyPurpose.TOKEN, "ES256", "refresh+jwt", "refresh"),
}


@pytest.mark.parametrize("kept", NO_REFRESH_TOKENS)
def test_what_is_not_a_refresh_token_is_kept_from_the_token_endpoint_by(
    world: World, holder, pairs, loaded_keys, kept: str
):
    purpose, alg, typ, aud = NO_REFRESH_TOKENS[kept]
    first = refresh_token_of(pairs["RS256"])
    before = dump(world)
    token = forge(loaded_keys, purpose, typ, {**claims_of(first), "aud": aud}, alg)

    assert_refused(refresh(world, holder, token), InvalidGrant)

    assert dump(world) == before


@pytest.mark.parametrize("alg", ALGS)
def test_what_is_neither_ends_nothing_when_it_is_revoked(world: World, holder, pairs, loaded_keys, alg: str):
    first = refresh_token_of(pairs[alg])
    before = dump(world)
    forgeries = [
        forge(loaded_keys, KeyPurpose.REFRESH, "refresh+jwt", {**claims_of(first), "aud": ORDERS}),
        forge(loaded_keys, KeyPurpose.REFRESH, "at+jwt", claims_of(first)),
        forge(loaded_keys, KeyPurpose.TOKEN, "refresh+jwt", claims_of(first), alg),
        forge(loaded_keys, KeyPurpose.TOKEN, "at+jwt", {**pairs[alg].claims, "aud": "refresh"}, alg),
        forge(loaded_keys, KeyPurpose.TOKEN, "refresh+jwt", pairs[alg].claims, alg),
        forge(loaded_keys, KeyPurpose.REFRESH, "at+jwt", pairs[alg].claims),
    ]

    answers = {present(world, REVOKE, holder, token).body for token in forgeries}

    assert answers == {b"{}"}
    assert dump(world) == before


def test_right_in_all_three_is_accepted(world: World, holder, api, pairs, published, loaded_keys):
    """So the tests above refuse for the one thing that they say."""
    access, first = pairs["RS256"], refresh_token_of(pairs["RS256"])
    token = forge(loaded_keys, KeyPurpose.TOKEN, "at+jwt", access.claims, "RS256")

    accepted = [name for name, verify in VERIFIERS.items() if verify(token, published, ORDERS) is not None]

    assert accepted == list(VERIFIERS)
    assert present(world, INTROSPECT, api, token).json["active"] is True
    forged = forge(loaded_keys, KeyPurpose.REFRESH, "refresh+jwt", claims_of(first))
    assert refresh(world, holder, forged).status == 200


def test_a_service_that_checks_nothing_but_the_signature_still_refuses_a_refresh_token(pairs, published):
    """No key that services can fetch, whatever the algorithm, verifies one."""
    first = refresh_token_of(pairs["RS256"])
    options = {"verify_aud": False, "verify_exp": False, "verify_iat": False}

    for jwk in published["keys"]:
        key = jwt.PyJWK(jwk).key
        with pytest.raises(jwt.InvalidTokenError):
            jwt.decode(first, key, algorithms=ALGS, options=options)
        with pytest.raises(joserfc.errors.JoseError):
            joserfc.jwt.decode(first, KeySet.import_key_set({"keys": [jwk]}), algorithms=[*ALGS, "HS256"])


# Every spelling, everywhere


def _json_of(token: str) -> str:
    protected, payload, signature = token.split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def _recode(token: str, alter: Callable[[bytes], bytes]) -> str:
    """Return the token with its payload written otherwise, under the old signature."""
    header, payload, signature = token.split(".")
    altered = alter(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"{header}.{base64.urlsafe_b64encode(altered).rstrip(b'=').decode()}.{signature}"


def _flip_spare_bits(token: str) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def _in_the_standard_alphabet(token: str) -> str:
    return ".".join(
        base64.b64encode(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))).decode()
        for segment in token.split(".")
    )


VARIANTS: Mapping[str, Callable[[str], str]] = {
    "cut": lambda token: token[:-1],
    "cut by a segment": lambda token: token.rpartition(".")[0],
    "without its signature": lambda token: token.rpartition(".")[0] + ".",
    "cut in front": lambda token: token[1:],
    "lengthened": lambda token: f"{token}A",
    "lengthened by a quantum": lambda token: f"{token}AAAA",
    "with a fourth segment": lambda token: f"{token}.AAAA",
    "padded": lambda token: f"{token}=",
    "padded twice": lambda token: f"{token}==",
    "with a space": lambda token: f"{token} ",
    "with a space in front": lambda token: f" {token}",
    "as Bearer": lambda token: f"Bearer {token}",
    "encoded twice": lambda token: base64.urlsafe_b64encode(token.encode()).decode(),
    "percent-encoded twice": lambda token: token.replace(".", "%2E"),
    "in the standard alphabet": _in_the_standard_alphabet,
    "with spare bits": _flip_spare_bits,
    "in other letters": str.swapcase,
    "as JSON": _json_of,
    "with spaces in the payload": lambda token: _recode(token, lambda octets: octets.replace(b",", b", ")),
    "with a claim twice": lambda token: _recode(token, lambda octets: octets[:-1] + b',"aud":"x"}'),
}


def _verify_with_pyjwt(token: str, published: dict[str, Any], aud: str) -> dict[str, Any] | None:
    try:
        header = jwt.get_unverified_header(token)
        key = jwt.PyJWKSet.from_dict(published)[header["kid"]]
        if header.get("typ") != "at+jwt":
            return None
        return jwt.decode(token, key, algorithms=ALGS, audience=aud, issuer=ISSUER)
    except (jwt.InvalidTokenError, KeyError):
        return None


def _verify_with_joserfc(token: str, published: dict[str, Any], aud: str) -> dict[str, Any] | None:
    rules = joserfc.jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": aud},
        exp={"essential": True},
    )
    try:
        decoded = joserfc.jwt.decode(token, KeySet.import_key_set(published), algorithms=ALGS)
        rules.validate(decoded.claims)
    except (joserfc.errors.JoseError, ValueError):
        return None
    return decoded.claims if decoded.header.get("typ") == "at+jwt" else None


class _Validator(JWTBearerTokenValidator):
    def __init__(self, published: dict[str, Any], aud: str) -> None:
        super().__init__(ISSUER, aud)
        self._published = published

    def get_jwks(self) -> KeySet:
        """Return what the issuer publishes."""
        return KeySet.import_key_set(self._published)


def _verify_with_authlib(token: str, published: dict[str, Any], aud: str) -> dict[str, Any] | None:
    validator = _Validator(published, aud)
    try:
        claims = validator.authenticate_token(token)
        validator.validate_token(claims, None, None)
    except (InvalidTokenError, joserfc.errors.JoseError, ValueError):
        return None
    return dict(claims)


VERIFIERS = {
    "PyJWT": _verify_with_pyjwt,
    "joserfc": _verify_with_joserfc,
    "Authlib": _verify_with_authlib,
}


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_access_token_in_another_spelling_opens_nothing_of_ours(
    world: World, holder, api, pairs, variant: str, alg: str
):
    """A verifier may be laxer than we are; what it reads is then the token's own claims."""
    token = VARIANTS[variant](pairs[alg].token)

    assert refresh(world, holder, token).json["error"] == "invalid_grant"
    assert present(world, INTROSPECT, api, token).body == INACTIVE
    assert present(world, REVOKE, holder, token).body == b"{}"

    assert present(world, INTROSPECT, api, pairs[alg].token).json["active"] is True
    published = _fetch_keys(world)
    read = [verify(token, published, BY_ALG[alg]) for verify in VERIFIERS.values()]
    assert [claims for claims in read if claims not in (None, pairs[alg].claims)] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_refresh_token_in_another_spelling_opens_nothing(
    world: World, holder, api, pairs, published, variant: str
):
    before = dump(world)
    first = refresh_token_of(pairs["RS256"])
    token = VARIANTS[variant](first)

    assert refresh(world, holder, token).json["error"] == "invalid_grant"
    assert present(world, INTROSPECT, api, token).body == INACTIVE
    assert present(world, REVOKE, holder, token).body == b"{}"

    assert dump(world) == before
    assert [name for name, verify in VERIFIERS.items() if verify(token, published, "refresh")] == []
    assert refresh(world, holder, first).status == 200


@pytest.mark.parametrize("alg", ALGS)
@pytest.mark.parametrize("aud", ["refresh", ORDERS, BILLING])
def test_a_refresh_token_passes_no_verifier(pairs, published, alg: str, aud: str):
    first = refresh_token_of(pairs[alg])

    assert [name for name, verify in VERIFIERS.items() if verify(first, published, aud)] == []


@pytest.mark.parametrize("alg", ALGS)
def test_an_access_token_passes_its_own_service_alone(world: World, holder, pairs, published, alg: str):
    token, others = pairs[alg].token, {"refresh", "access", ORDERS, BILLING} - {BY_ALG[alg]}

    assert [verify(token, published, BY_ALG[alg]) for verify in VERIFIERS.values()] == [pairs[alg].claims] * 3
    assert [aud for aud in others for verify in VERIFIERS.values() if verify(token, published, aud)] == []
    assert_refused(refresh(world, holder, token), InvalidGrant)


def test_the_other_spelling_of_an_ecdsa_signature_is_the_same_token_everywhere(
    world: World, holder, api, pairs, published
):
    """(r, n-s): no verifier tells the two apart, so nothing of ours may hang on the string."""
    token = twin_of(pairs["ES256"].token)
    expected = pairs["ES256"].claims

    assert [verify(token, published, BILLING) for verify in VERIFIERS.values()] == [expected] * 3
    assert present(world, INTROSPECT, api, token).json["jti"] == expected["jti"]
    assert_refused(refresh(world, holder, token), InvalidGrant)
    present(world, REVOKE, holder, token)
    assert present(world, INTROSPECT, api, pairs["ES256"].token).body == INACTIVE


@pytest.mark.parametrize("rules", ["every check", "the signature alone"])
def test_node_reads_access_tokens_and_no_refresh_token(
    pairs, published, loaded_keys, node_peers: NodePeers, tmp_path: Path, rules: str
):
    access, first = pairs["RS256"], refresh_token_of(pairs["RS256"])
    of_refresh = claims_of(first)
    tokens = {
        "access": access.token,
        "refresh": first,
        "aud": forge(loaded_keys, KeyPurpose.TOKEN, "at+jwt", {**of_refresh, "aud": "refresh"}, "RS256"),
        "typ": forge(loaded_keys, KeyPurpose.TOKEN, "refresh+jwt", access.claims, "RS256"),
        "key": forge(loaded_keys, KeyPurpose.REFRESH, "at+jwt", access.claims),
        **{f"access {name}": alter(access.token) for name, alter in VARIANTS.items()},
        **{f"refresh {name}": alter(first) for name, alter in VARIANTS.items()},
    }
    asked = {"issuer": ISSUER, "audience": ORDERS, "typ": "at+jwt", "algorithms": ALGS}

    read = _run_node(
        node_peers,
        tmp_path,
        {"keys": published, "rules": asked if rules == "every check" else {}, "tokens": tokens},
    )

    accepted = {name: claims for name, claims in read.items() if claims is not None}
    assert accepted.pop("access") == access.claims
    if rules == "the signature alone":
        # Signed with a published key by us alone; what keeps these two apart is what was not checked.
        assert {"aud", "typ"} <= set(accepted)
        accepted = {name: claims for name, claims in accepted.items() if name not in {"aud", "typ"}}
    assert [name for name in accepted if name == "key" or name.startswith("refresh")] == []
    assert [name for name, claims in accepted.items() if claims != access.claims] == []


def _run_node(peers: NodePeers, folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    module = folder / "swapped_tokens.mjs"
    module.write_text(_RUN_NODE)
    run = subprocess.run(
        [peers.node, str(peers.place(module)), json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(run.stdout)
