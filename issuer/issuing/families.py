"""Families of refresh tokens: how one begins, how it moves on, and how it ends.

One statement decides the race for the next generation. What is refused uses up no generation and
ends no family; the one exception is a spent token that comes back: that ends the family, commits,
and is refused after (RFC 9700 §4.14.2).
"""

from typing import Final

from issuer.entropy import Entropy
from issuer.errors import InvalidGrant
from issuer.issuing import refresh_token
from issuer.issuing.keyring import Keyring
from issuer.issuing.record import Context, Recorder
from issuer.issuing.terms import Terms
from issuer.model.client import Client
from issuer.model.family import EndReason, Family, Incident, Presented
from issuer.model.signing_key import REFRESH_ALG, KeyPurpose
from issuer.model.token_plan import TokenPlan
from issuer.policy import lifetimes
from issuer.store import families
from issuer.store.db import Connection, Engine, writing

# A client whose answer was lost asks again; within this time it gets the same successor.
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

    def begin(self, plan: TokenPlan, now: int, context: Context) -> Family:
        """Return a new family that covers what is planned; it is stored when this returns.

        Raises TemporarilyUnavailable if the database is away.
        """
        lives = lifetimes.refresh_lifetimes(plan.audiences, self._terms.refresh)
        family = Family(
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
        with writing(self._engine) as connection:
            families.add_family(connection, family, context.address)
        return family

    def advance(self, presented: Presented, client: Client, now: int, context: Context) -> Family:
        """Return the family in the generation after the presented one; stored when this returns.

        Within the grace, the generation that another request has just made. Raises InvalidGrant for
        a family that is ended, another client's, younger than the token, or ended by this very reuse.
        """
        with writing(self._engine) as connection:
            family = families.change_generation(
                connection, presented.family_id, presented.generation, self._kid(now), now, context.address
            )
            if family is not None:
                return family
            stored = _check_alive(families.find_family(connection, presented.family_id), presented, client)
            is_last = stored.generation == presented.generation + 1
            if is_last and now - stored.rotated_at <= GRACE_SECONDS:
                return stored
            incident = _end_reused(connection, stored, presented, now, context)
        # Committed by now: the end of the family outlives the refusal.
        self._recorder.reused(incident, client)
        raise InvalidGrant(
            f"reuse: generation {presented.generation} of family {stored.id} was presented, "
            f"{stored.generation} is current; the family has ended"
        )

    def sign(self, family: Family, client: Client) -> str:
        """Return a family's current refresh token, the same bytes at every call."""
        return refresh_token.sign(family, self._terms.issuer_url, client.client_id, self._keyring)

    def _kid(self, now: int) -> str:
        return self._keyring.signer(KeyPurpose.REFRESH, REFRESH_ALG, now).kid


def _check_alive(stored: Family | None, presented: Presented, client: Client) -> Family:
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
