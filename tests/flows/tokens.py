"""Tokens that a service must refuse: signed with the server's own keys, each wrong in one thing only."""

import base64
import json
import time
from collections.abc import Callable, Mapping

from issuer import config
from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.issuing.keyring import Keyring
from issuer.jose import keys, signing
from issuer.jose.signing import Signer
from issuer.model.signing_key import KeyPurpose
from tests.flows import shop

HOUR = 3600

Claims = dict[str, object]

# What is wrong, in the words of the tests; `forge` makes each.
WRONG = (
    "of another service",
    "expired",
    "signed with a key that was never published",
    "of another typ",
    "a refresh token",
    "of another issuer",
    "without aud",
    "tampered with",
    "signed with nothing",
    "signed with the public key as a secret",
)


class Forge:
    """Signs what it is told with the keys that a server signs with, read from its database."""

    def __init__(self, environment: Mapping[str, str], alg: str) -> None:
        settings = config.load_settings(environ=environment)
        keyring = Keyring(Clock())
        with shop.opened(environment) as engine:
            keyring.load(engine, settings.master_key)
        now = int(time.time())
        self._alg = alg
        self._signer = keyring.signer(KeyPurpose.TOKEN, alg, now)
        self._refresh_signer = keyring.signer(KeyPurpose.REFRESH, "HS256", now)
        self._public = next(key for key in keyring.list_published(now) if key["alg"] == alg)
        past = {"iat": now - 2 * HOUR, "exp": now - HOUR}
        self._faults: Mapping[str, Callable[[Claims, str], str]] = {
            "of another service": lambda claims, typ: self.sign({**claims, "aud": shop.BILLING}, typ),
            "expired": lambda claims, typ: self.sign({**claims, **past}, typ),
            "signed with a key that was never published": lambda claims, typ: signing.sign_claims(
                claims, self._unpublished(), typ
            ),
            "of another typ": lambda claims, _typ: self.sign(claims, "logout+jwt"),
            "a refresh token": lambda claims, _typ: signing.sign_claims(
                claims, self._refresh_signer, "refresh+jwt"
            ),
            "of another issuer": lambda claims, typ: self.sign({**claims, "iss": "https://no.invalid"}, typ),
            "without aud": lambda claims, typ: self.sign(
                {name: value for name, value in claims.items() if name != "aud"}, typ
            ),
            "tampered with": self._tampered,
            "signed with nothing": self._unsigned,
            "signed with the public key as a secret": self._confused,
        }

    def sign(self, claims: Mapping[str, object], typ: str) -> str:
        """Return claims as the server would sign them."""
        return signing.sign_claims(claims, self._signer, typ)

    def make(self, wrong: str, claims: Mapping[str, object], typ: str) -> str:
        """Return a token that differs from the right one by what is wrong with it.

        claims, typ: of the right token.
        """
        return self._faults[wrong](dict(claims), typ)

    def _tampered(self, claims: Claims, typ: str) -> str:
        header, payload, _ = self.sign(claims, typ).split(".")
        return ".".join((header, payload, self.sign({**claims, "aud": shop.BILLING}, typ).split(".")[2]))

    def _unpublished(self) -> Signer:
        # Under the kid of the published key: otherwise a verifier need not even look at the signature.
        key = keys.make_signing_key(self._alg, Entropy())
        return Signer(keys.SigningKey(self._signer.kid, key.alg, key.material))

    def _unsigned(self, claims: Claims, typ: str) -> str:
        return _encode({"alg": "none", "typ": typ, "kid": self._signer.kid}) + "." + _encode(claims) + "."

    def _confused(self, claims: Claims, typ: str) -> str:
        # RFC 8725 §2.1: the public key taken for an HMAC secret.
        secret = self._public.get("n", self._public.get("x", "")).encode("ascii")[:32]
        material = keys.import_private("HS256", self._signer.kid, secret)
        return signing.sign_claims(claims, Signer(material), typ)


def _encode(content: Mapping[str, object]) -> str:
    text = json.dumps(content).encode("ascii")
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode("ascii")
