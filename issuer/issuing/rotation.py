"""Refresh: one token in, its one successor and an access token out (RFC 6749 §6).

Decided first, on what the token itself says and the registry in memory; then the family moves on.
"""

from issuer.clock import Clock
from issuer.errors import InvalidGrant, UnauthorizedClient
from issuer.issuing.families import Families
from issuer.issuing.kept_plans import KeptPlans
from issuer.issuing.mint import Mint, Tokens, WrittenPlan
from issuer.issuing.record import Context, Recorder
from issuer.issuing.terms import Terms
from issuer.model.client import Client, GrantType
from issuer.model.family import Presented
from issuer.model.permission import ClientRecord, SubjectKind
from issuer.model.token_plan import GrantedRequest, TargetRequest
from issuer.policy import token_plan


class Rotation:
    """Exchanges refresh tokens."""

    def __init__(
        self,
        terms: Terms,
        families: Families,
        mint: Mint,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._terms = terms
        self._families = families
        self._mint = mint
        self._recorder = recorder
        self._clock = clock
        self._plans = KeptPlans(self._plan)

    def rotate(self, token: str, request: TargetRequest, record: ClientRecord, context: Context) -> Tokens:
        """Return the successor of a refresh token and an access token for what the request asks.

        Raises InvalidGrant for a token that is not this client's, expired, ended or spent; what
        `token_plan.plan_token` raises for what is asked; TemporarilyUnavailable if the database is away.
        """
        now = self._clock.now()
        presented = self._check(token, record.client, now)
        written = self._decide(request, presented, record, now)
        access = self._mint.sign(written, now, presented.family_id)
        with self._families.advancing(presented, record.client, now, context) as step:
            refresh = self._families.sign(step.family, record.client)
            self._recorder.issued(access.plan, access.jti, access.kid, now, context, step)
        return Tokens(access, refresh)

    def _decide(
        self, request: TargetRequest, presented: Presented, record: ClientRecord, now: int
    ) -> WrittenPlan:
        asked = GrantedRequest(request, presented.subject, presented.grant)
        if presented.subject.kind is SubjectKind.CLIENT:
            return self._plans.plan(asked, record, now)
        # One of many users comes back once in a lifetime of his token: by then his plan would be gone.
        return self._plan(asked, record, now)

    def _plan(self, asked: GrantedRequest, record: ClientRecord, now: int) -> WrittenPlan:
        plan = token_plan.plan_token(
            asked.request,
            record,
            asked.subject,
            now,
            bounds=self._terms.access,
            issuer_scopes=asked.grant.issuer_scopes,
            grant=asked.grant,
        )
        return self._mint.write(plan)

    def _check(self, token: str, client: Client, now: int) -> Presented:
        if GrantType.REFRESH_TOKEN not in client.grant_types:
            raise UnauthorizedClient(f"{client.client_id} is not registered for refresh_token")
        presented = self._families.read(token, now)
        if presented.client_id != client.client_id:
            raise InvalidGrant(f"the refresh token was issued to another client than {client.client_id}")
        if presented.expires_at <= now:
            raise InvalidGrant(f"the refresh token of family {presented.family_id} has expired")
        _check_switch(presented, client)
        return presented


def _check_switch(presented: Presented, client: Client) -> None:
    # A client's own families live on an admin's switch; off, they give nothing more.
    if presented.subject.kind is SubjectKind.CLIENT and not client.may_use_offline_access:
        raise InvalidGrant(f"{client.client_id} may no longer use offline_access")
