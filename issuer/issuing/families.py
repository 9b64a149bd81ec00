"""Families of refresh tokens: how one begins, how it moves on, and how it ends.

One statement decides the race for the next generation. What is refused uses up no generation and
ends no family; the one exception is a spent token that comes back: that ends the family, commits,
and is refused after (RFC 9700 §4.14.2). So whatever else may fail, the record of the token among it,
stands in the transaction that moves the family on: if it fails, the family has not moved.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from issuer.entropy import Entropy
from issuer.errors import InvalidGrant
from issuer.issuing import refresh_token, unseen_keys
from issuer.issuing.keyring import Keyring
from issuer.issuing.record import Context, Recorder, Step
from issuer.issuing.terms import Terms
from issuer.model.client import Client
from issuer.model.family import EndReason, Family, Incident, Presented
from issuer.model.signing_key import REFRESH_ALG, KeyPurpose
from issuer.model.token_plan import TokenPlan
from issuer.policy import lifetimes
from issuer.store import families
from issuer.store.db import Connection, Engine, writing

# A client whose answer was lost asks again; within this time it gets the same successor. Counted both
# ways: of two machines the one that answers may be behind, and a clock set back must not revive a token.
GRACE_SECONDS: Final = 10


class Families:
    """Begins families and moves them on."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        recorder: Recorder,
        entropy: Entropy,
        terms: Terms,
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._recorder = recorder
        self._entropy = entropy
        self._terms = terms

    def draft(self, plan: TokenPlan, now: int) -> Family:
        """Return a new family that covers what is planned, not yet stored."""
        lives = lifetimes.refresh_lifetimes(plan.audiences, self._terms.refresh)
        return Family(
            id=self._entropy.identifier(),
            client_key=plan.client.key,
            subject=plan.subject,
            audiences=tuple(audience.identifier for audience in plan.audiences),
            scopes=plan.scopes,
            issuer_scopes=tuple(sorted(plan.issuer_scopes)),
            kid=self._kid(now),
            generation=1,
            created_at=now,
            rotated_at=now,
            idle_seconds=lives.idle_seconds,
            expires_at=now + lives.absolute_seconds,
            ended_at=None,
            end_reason=None,
        )

    @contextmanager
    def beginning(self, family: Family, context: Context) -> Iterator[Step]:
        """Store a drafted family when the block ends; give the step, for what belongs to it.

        Raises TemporarilyUnavailable if the database is away.
        """
        with writing(self._engine) as connection:
            families.add_family(connection, family, context.address)
            yield Step(family, connection)

    @contextmanager
    def advancing(self, presented: Presented, client: Client, now: int, context: Context) -> Iterator[Step]:
        """Give the step to the generation after the presented one.

        It commits when the block ends; if the block raises, nothing has happened. Within the grace it is
        the generation that another request has just made. Raises InvalidGrant for a family that is ended,
        another client's, younger than the token, or ended by this very reuse.
        """
        kid = self._kid(now)
        with writing(self._engine) as connection:
            moved = families.change_generation(connection, presented, client.key, kid, now, context.address)
            stored = moved or _find_alive(connection, presented, client)
            if moved is not None or _is_retry(stored, presented, now):
                yield Step(stored, connection)
                return
            incident = _end_reused(connection, stored, presented, now, context)
        # Committed by now: the end of the family outlives the refusal.
        self._recorder.reused(incident, client)
        raise InvalidGrant(
            f"reuse: generation {presented.generation} of family {stored.id} was presented, "
            f"{stored.generation} is current; the family has ended"
        )

    def read(self, token: str, now: int) -> Presented:
        """Return what a refresh token of ours says; raises as `refresh_token.read`.

        TemporarilyUnavailable instead for one whose key this process has not seen yet: a client that is
        told `invalid_grant` starts afresh.
        """
        try:
            return refresh_token.read(token, self._terms.issuer_url, self._keyring, now)
        except InvalidGrant:
            unseen_keys.refuse_unseen(token, self._keyring, self._engine, now)
            raise

    def sign(self, family: Family, client: Client) -> str:
        """Return a family's current refresh token, the same bytes at every call."""
        return refresh_token.sign(family, self._terms.issuer_url, client.client_id, self._keyring)

    def _kid(self, now: int) -> str:
        return self._keyring.signer(KeyPurpose.REFRESH, REFRESH_ALG, now).kid


def _find_alive(connection: Connection, presented: Presented, client: Client) -> Family:
    stored = families.find_family_to_change(connection, presented.family_id)
    if stored is None or stored.client_key != client.key:
        raise InvalidGrant(f"there is no family {presented.family_id} of this client")
    if stored.ended_at is not None:
        raise InvalidGrant(f"the family {stored.id} has ended: {stored.end_reason}")
    if presented.generation > stored.generation:
        raise InvalidGrant(
            f"state older than token (restored backup?): family {stored.id} is at generation "
            f"{stored.generation}, {presented.generation} was presented"
        )
    return stored


def _is_retry(stored: Family, presented: Presented, now: int) -> bool:
    is_last = stored.generation == presented.generation + 1
    return is_last and abs(now - stored.rotated_at) <= GRACE_SECONDS


def _end_reused(
    connection: Connection, stored: Family, presented: Presented, now: int, context: Context
) -> Incident:
    incident = Incident(
        at=now,
        family_id=stored.id,
        client_key=stored.client_key,
        presented=presented.generation,
        stored=stored.generation,
        address=context.address,
        request_id=context.request_id,
        rotated_at=stored.rotated_at,
        rotated_from=families.find_rotated_from(connection, stored.id),
    )
    families.change_ended(connection, stored.id, EndReason.REUSED, now)
    families.add_incident(connection, incident)
    return incident
