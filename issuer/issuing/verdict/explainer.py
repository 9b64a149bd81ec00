"""Explaining with the registry at hand: what the terminal and the pages ask."""

from issuer.clock import Clock
from issuer.issuing.keyring import Keyring
from issuer.issuing.verdict import explain
from issuer.issuing.verdict.evidence import Grounds
from issuer.model.verdict import Explanation, Standing
from issuer.store import audiences, clients, families, revocations, signing_keys
from issuer.store.db import Engine, reading


class Explainer:
    """Says what a token is and who would accept it. keyring: loaded."""

    def __init__(self, issuer_url: str, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._issuer_url = issuer_url
        self._engine = engine
        self._keyring = keyring
        self._clock = clock

    def explain(self, text: str, spelling: str | None = None) -> Explanation:
        """Return what a pasted text is, with the verdict of one audience, or of every active service's.

        text: anything; nothing of it is logged or stored. spelling: what the service compares with `aud`.
        Raises NotFound if no audience bears it, TemporarilyUnavailable if the database is away.
        """
        grounds = self._find_grounds()
        if spelling is None:
            expectations = explain.list_expectations(grounds.audiences)
        else:
            expectations = (explain.find_expectation(grounds.audiences, spelling),)
        return explain.explain(text, grounds, expectations)

    def _find_grounds(self) -> Grounds:
        with reading(self._engine) as connection:
            keys = signing_keys.list_keys(connection)
            registered = audiences.list_audiences(connection)
        now = self._clock.now()
        return Grounds(self._issuer_url, self._keyring, keys, registered, self._find_standing, now)

    def _find_standing(self, client_id: str, jti: str, family_id: str | None) -> Standing:
        with reading(self._engine) as connection:
            client = clients.find_client(connection, client_id)
            is_revoked = revocations.is_revoked(connection, jti, None)
            family = None if family_id is None else families.find_family(connection, family_id)
        return Standing(
            client=None if client is None else client.state,
            is_revoked=is_revoked,
            has_family=family is not None,
            end_reason=None if family is None else family.end_reason,
            generation=None if family is None else family.generation,
        )
