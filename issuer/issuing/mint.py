"""Mint: sign a planned token and record it, in that order, before anyone sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.issuing import claims, client_credentials
from issuer.issuing.kept_plans import KeptPlans
from issuer.issuing.keyring import Keyring
from issuer.issuing.record import Context, Recorder
from issuer.jose import signing
from issuer.model.permission import ClientRecord
from issuer.model.signing_key import KeyPurpose
from issuer.model.token_plan import TargetRequest, TokenPlan
from issuer.policy.lifetimes import Lifetimes


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed access token and what the answer says of it. Its repr holds no token.

    token: compact JWS. scopes: sorted.
    """

    token: str
    lifetime_seconds: int
    scopes: Sequence[str]

    def __repr__(self) -> str:
        return f"AccessToken(lifetime_seconds={self.lifetime_seconds}, scopes={self.scopes!r})"


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What would be signed: header and claims."""

    header: dict[str, str]
    claims: claims.Claims


class Mint:
    """Plans, signs and records access tokens."""

    def __init__(
        self,
        issuer_url: str,
        bounds: Lifetimes,
        keyring: Keyring,
        recorder: Recorder,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._issuer_url = issuer_url
        self._bounds = bounds
        self._keyring = keyring
        self._recorder = recorder
        self._clock = clock
        self._entropy = entropy
        self._plans = KeptPlans(partial(client_credentials.plan, bounds=bounds))

    def mint_for_client(self, request: TargetRequest, record: ClientRecord, context: Context) -> AccessToken:
        """Return an access token for a client that asks for itself; it is recorded when this returns.

        Raises what `client_credentials.plan` raises, TemporarilyUnavailable if it cannot be recorded.
        """
        now = self._clock.now()
        return self._mint(self._plans.plan(request, record, now), now, context)

    def preview_for_client(self, request: TargetRequest, record: ClientRecord) -> Unsigned:
        """Return what `mint_for_client` would sign now; signs and records nothing. Raises the same."""
        now = self._clock.now()
        plan = client_credentials.plan(request, record, now, self._bounds)
        key = self._keyring.signer(KeyPurpose.TOKEN, plan.signing_alg, now)
        return Unsigned(
            {"alg": key.alg, "typ": plan.typ.value, "kid": key.kid},
            claims.access_token_claims(plan, self._issuer_url, self._entropy.identifier(), now),
        )

    def _mint(self, plan: TokenPlan, now: int, context: Context) -> AccessToken:
        key = self._keyring.signer(KeyPurpose.TOKEN, plan.signing_alg, now)
        jti = self._entropy.identifier()
        token = signing.sign_claims(
            claims.access_token_claims(plan, self._issuer_url, jti, now), key, plan.typ.value
        )
        self._recorder.issued(plan, jti, key.kid, now, context)
        return AccessToken(token, plan.lifetime_seconds, plan.scopes)
