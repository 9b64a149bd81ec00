"""Explaining with the registry at hand: what the terminal and the pages ask."""

from issuer.clock import Clock
from issuer.issuing.keyring import Keyring
from issuer.issuing.verdict import explain, survey
from issuer.issuing.verdict import reading as pasted
from issuer.issuing.verdict.addressing import Addressed
from issuer.issuing.verdict.evidence import Grounds
from issuer.issuing.verdict.survey import Reach, Survey
from issuer.model.audience import Audience
from issuer.model.signing_key import StoredKey
from issuer.model.verdict import Expectation, Explanation, Standing
from issuer.store import addressees, audiences, clients, families, registry_version, revocations, signing_keys
from issuer.store.addressees import Addressee
from issuer.store.db import Connection, Engine, reading


class Explainer:
    """Says what a token is and who would accept it. keyring: loaded."""

    def __init__(self, issuer_url: str, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._issuer_url = issuer_url
        self._engine = engine
        self._keyring = keyring
        self._clock = clock
        # The registry's version and its spellings: to read ten thousand takes longer than all the rest.
        self._spelled: tuple[int, tuple[Addressee, ...]] = (-1, ())

    def explain(self, text: str, spelling: str | None = None) -> Explanation:
        """Return what a pasted text is, with the verdict of one audience, or of every active service's.

        text: anything; nothing of it is logged or stored. spelling: what the service compares with `aud`.
        Raises NotFound if no audience bears it, TemporarilyUnavailable if the database is away.
        """
        with reading(self._engine) as connection:
            keys = signing_keys.list_keys(connection)
            registered = audiences.list_audiences(connection)
        grounds = self._make_grounds(keys, registered)
        if spelling is None:
            expectations = explain.list_expectations(grounds.audiences)
        else:
            expectations = (explain.find_expectation(grounds.audiences, spelling),)
        return explain.explain(text, grounds, expectations)

    def survey(self, text: str, reach: Reach) -> Survey:
        """Return what a pasted text is, with the verdicts of the services it concerns, and of some others.

        Few statements, however many services there are; their spellings are kept in memory as long as the
        registry stays as it is. text: anything, as for `explain`.
        Raises TemporarilyUnavailable if the database is away.
        """
        aud = (pasted.read(text).claims or {}).get("aud")
        names = Addressed(aud, None, self._issuer_url).list_named()
        with reading(self._engine) as connection:
            keys = signing_keys.list_keys(connection)
            found = survey.choose(names, self._list_addressees(connection), reach)
            wanted = found.bearers.union(found.audience_ids)
            by_id = {one.id: one for one in audiences.list_audiences_of(connection, wanted)}
        # The others bear no name of the token, so the reasons do not hang on them.
        bearers = tuple(by_id[audience_id] for audience_id in sorted(found.bearers))
        expected = (by_id[audience_id] for audience_id in found.audience_ids)
        expectations = [Expectation(audience, audience.identifier) for audience in expected]
        explanation = explain.explain(text, self._make_grounds(keys, bearers), expectations)
        return survey.divide(explanation, found, bearers)

    def _list_addressees(self, connection: Connection) -> tuple[Addressee, ...]:
        # Whoever changes a service, an audience or a spelling raises the version in the same transaction.
        version = registry_version.find_version(connection)
        known, spelled = self._spelled
        if known != version:
            spelled = addressees.list_addressees(connection)
            self._spelled = (version, spelled)
        return spelled

    def _make_grounds(self, keys: tuple[StoredKey, ...], registered: tuple[Audience, ...]) -> Grounds:
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
