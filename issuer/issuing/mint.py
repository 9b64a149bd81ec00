"""Mint: sign a planned token and record it, in that order, before anyone sees it."""

from dataclasses import dataclass

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.issuing import claims, client_credentials
from issuer.issuing.families import Families
from issuer.issuing.kept_plans import KeptPlans
from issuer.issuing.keyring import Keyring
from issuer.issuing.record import Context, Recorder
from issuer.issuing.terms import Terms
from issuer.jose import signing
from issuer.jose.signing import Signer
from issuer.model.permission import ClientRecord
from issuer.model.signing_key import KeyPurpose
from issuer.model.token_plan import TargetRequest, TokenPlan
from issuer.policy import scopes


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed access token, with what its record says of it. Its repr holds no token.

    token: compact JWS. kid: of the key that signed it.
    """

    token: str
    jti: str
    kid: str
    plan: TokenPlan

    def __repr__(self) -> str:
        return f"AccessToken(jti={self.jti!r}, kid={self.kid!r})"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token request gets. refresh: None where none goes with it. Its repr holds no token."""

    access: AccessToken
    refresh: str | None = None

    def __repr__(self) -> str:
        return f"Tokens({self.access!r}, refresh={'yes' if self.refresh else 'no'})"


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What would be signed: header and claims; and the plan that they are written from."""

    header: dict[str, str]
    claims: claims.Claims
    plan: TokenPlan


@dataclass(frozen=True, slots=True)
class WrittenPlan:
    """A plan, and the claims that all its tokens share, as `claims.write_fixed` gives them."""

    plan: TokenPlan
    claims: str


class Mint:
    """Plans, signs and records access tokens."""

    def __init__(
        self,
        terms: Terms,
        keyring: Keyring,
        families: Families,
        recorder: Recorder,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._terms = terms
        self._keyring = keyring
        self._families = families
        self._recorder = recorder
        self._clock = clock
        self._entropy = entropy
        self._plans = KeptPlans(self._plan)

    def mint_for_client(self, request: TargetRequest, record: ClientRecord, context: Context) -> Tokens:
        """Return the tokens of a client that asks for itself; they are recorded when this returns.

        A refresh token goes along only if the client was switched to it and asks for `offline_access`.

        Raises what `client_credentials.plan` raises, TemporarilyUnavailable if it cannot be recorded.
        """
        now = self._clock.now()
        written = self._plans.plan(request, record, now)
        plan = written.plan
        if scopes.OFFLINE_ACCESS in plan.issuer_scopes:
            return self._mint_with_family(written, now, context)
        access = self.sign(written, now)
        self._recorder.issued(plan, access.jti, access.kid, now, context)
        return Tokens(access)

    def preview_for_client(self, request: TargetRequest, record: ClientRecord) -> Unsigned:
        """Return what `mint_for_client` would sign now; signs and records nothing. Raises the same."""
        now = self._clock.now()
        plan = client_credentials.plan(request, record, now, self._terms.access)
        key = self._find_signer(plan, now)
        jti = self._entropy.identifier()
        family = self._entropy.identifier() if scopes.OFFLINE_ACCESS in plan.issuer_scopes else None
        return Unsigned(
            {"alg": key.alg, "typ": plan.typ.value, "kid": key.kid},
            claims.access_token_claims(plan, self._terms.issuer_url, jti, now, family),
            plan,
        )

    def write(self, plan: TokenPlan) -> WrittenPlan:
        """Return a plan made ready to be signed, any number of times."""
        return WrittenPlan(plan, claims.write_fixed(plan, self._terms.issuer_url))

    def sign(self, written: WrittenPlan, now: int, family_id: str | None = None) -> AccessToken:
        """Return the planned access token, signed; nobody may see it before it is recorded.

        family_id: of the refresh token that it comes with, or from.
        Raises TemporarilyUnavailable if no key signs its algorithm now.
        """
        plan = written.plan
        key = self._find_signer(plan, now)
        jti = self._entropy.identifier()
        content = claims.write_claims(written.claims, jti, now, now + plan.lifetime_seconds, family_id)
        return AccessToken(signing.sign_written(content, key, plan.typ), jti, key.kid, plan)

    def _find_signer(self, plan: TokenPlan, now: int) -> Signer:
        # Only a token for one audience alone may be signed with a key that is that audience's own.
        audience_id = plan.audiences[0].id if len(plan.audiences) == 1 else None
        return self._keyring.signer(KeyPurpose.TOKEN, plan.signing_alg, now, audience_id)

    def _plan(self, request: TargetRequest, record: ClientRecord, now: int) -> WrittenPlan:
        return self.write(client_credentials.plan(request, record, now, self._terms.access))

    def _mint_with_family(self, written: WrittenPlan, now: int, context: Context) -> Tokens:
        plan = written.plan
        family = self._families.draft(plan, now)
        tokens = Tokens(self.sign(written, now, family.id), self._families.sign(family, plan.client))
        access = tokens.access
        with self._families.beginning(family, context) as step:
            self._recorder.issued(plan, access.jti, access.kid, now, context, step)
        return tokens
