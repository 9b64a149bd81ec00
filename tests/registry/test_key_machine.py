"""Keys under any sequence of acts: one signs in each line, and what it signed is verified until it ends.

Visited are the seconds at which anything changes, and the ones before them.
"""

import shutil
from collections import defaultdict
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from issuer.entropy import Entropy
from issuer.errors import Conflict
from issuer.issuing.keyring import Keyring
from issuer.model.audience import SigningAlg
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState, StoredKey
from issuer.registry import (
    audiences,
    key_lifetimes,
    key_rotation,
    key_upkeep,
    key_withdrawal,
    own_keys,
    permissions,
    signing_keys,
)
from issuer.registry.audiences import AudienceChange
from issuer.registry.key_steps import Waits
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.store import db
from issuer.store import signing_keys as rows
from tests.conftest import START, FixedClock, fresh_database_url

MASTER = (b"m" * 32,)
DAY = 86_400
# As short a wait as settings allow; caches are told to keep keys for less.
AHEAD, STALE, CACHE, EVERY = 961, 30, 900, 30 * DAY
REFRESH_SECONDS = 10 * DAY
LINES = (KeyLine(KeyPurpose.TOKEN, "ES256"), KeyLine(KeyPurpose.REFRESH, "HS256"))
STEPS = (1, 300, AHEAD - 1, AHEAD, AHEAD, DAY, 40 * DAY)
# The line of the audience is the one of which most can be said.
WHOSE = st.sampled_from([0, 1, 2, 2, 2])


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a registry on SQLite: each example begins with a copy of its file."""
    return fresh_database_url(request, tmp_path, "sqlite")


@pytest.fixture
def town(registrar, orders, robot, engine):
    """Give the path of a database with the first keys and an audience that a client may ask for."""
    with db.writing(engine) as connection:
        for line in LINES:
            life = DAY if line.purpose is KeyPurpose.TOKEN else REFRESH_SECONDS
            assert rows.add_key(connection, signing_keys.make_key(line, MASTER, Entropy(), START, life))
    audiences.change_audience(registrar, orders.identifier, AudienceChange(signing_alg=SigningAlg.ES256))
    permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(engine.url.database), audiences.find_audience(registrar, orders.identifier)


class KeyMachine(RuleBasedStateMachine):
    """An issuer whose keys are acted on; a service of an audience, and all others."""

    numbers = count()

    def __init__(self, path: Path, audience) -> None:
        super().__init__()
        copy = path.with_name(f"{next(self.numbers)}.sqlite")
        shutil.copyfile(path, copy)
        url = db.make_url_of(f"sqlite:///{copy}")
        self.engine = create_engine(url, **db.engine_options(url, 1))
        db.prepare_engine(self.engine)
        self.clock = FixedClock()
        self.audience = audience
        self.session = Session(self.engine)
        actor = Actor(ActorKind.TERMINAL, "alice")
        self.registrar = Registrar(
            self.session, actor, self.clock, Entropy(), "https://issuer.example/auth", DAY
        )
        self.keyring = Keyring(self.clock)
        self.keyring.load(self.engine, MASTER)
        self.life, self.refresh_life = 3600, REFRESH_SECONDS
        # The latest second at which a token of (whose, kid) is good.
        self.good_until: dict[tuple[int | None, str], int] = {}
        # The same of refresh tokens, by kid.
        self.refresh_until: dict[str, int] = {}
        # What was published of (whose), and since when caches were not overtaken by force.
        self.seen: dict[int | None, list[tuple[int, frozenset[str]]]] = defaultdict(list)
        self.forced_at = START
        self.look()

    @initialize(has_own_key=st.booleans())
    def begin(self, has_own_key):
        if has_own_key:
            self.give()
            self.step(AHEAD)

    def teardown(self) -> None:
        self.session.close()
        self.engine.dispose()

    @property
    def waits(self) -> Waits:
        return Waits(AHEAD, STALE, {KeyPurpose.TOKEN: self.life, KeyPurpose.REFRESH: self.refresh_life})

    def list_keys(self) -> tuple[StoredKey, ...]:
        return signing_keys.list_signing_keys(self.engine)

    def act(self, act, *, is_forced: bool = False) -> None:
        """Do something to keys that may be refused."""
        try:
            act()
        except Conflict:
            pass
        else:
            if is_forced:
                self.forced_at = self.clock.now()
                self.seen.clear()
        self.keyring.reload(self.engine)
        self.look()

    def find_line(self, whose: int) -> KeyLine:
        own = KeyLine(KeyPurpose.TOKEN, "ES256", self.audience.id)
        return (*LINES, own)[whose]

    # What is done.

    @rule(whose=WHOSE)
    def rotate(self, whose):
        line = self.find_line(whose)
        self.act(lambda: key_rotation.rotate(self.registrar, MASTER, [line], self.waits))

    @rule(whose=WHOSE)
    def rotate_now(self, whose):
        line = self.find_line(whose)
        self.act(lambda: key_rotation.rotate_now(self.registrar, MASTER, [line], self.waits), is_forced=True)

    @rule(which=st.sampled_from([0, 0, 0, 1, 2]))
    def retire(self, which):
        key = self.pick(which)
        self.act(lambda: key_withdrawal.retire(self.registrar, MASTER, key.kid, self.waits), is_forced=True)

    @rule(which=st.sampled_from([0, 0, 0, 1, 2]))
    def compromise(self, which):
        key = self.pick(which)
        self.act(
            lambda: key_withdrawal.compromise(self.registrar, MASTER, key.kid, self.waits), is_forced=True
        )

    def pick(self, which: int) -> StoredKey:
        """Return a key that is needed: those of the audience first, of those the ones that wait."""
        now = self.clock.now()
        living = [key for key in self.list_keys() if key.is_needed(now)]
        living.sort(key=lambda key: (key.audience_id is None, key.state(now) is not KeyState.PENDING))
        return living[min(which, len(living) - 1)]

    @rule()
    def keep(self):
        self.act(lambda: key_upkeep.keep(self.registrar, MASTER, self.waits, EVERY))

    @rule()
    def give(self):
        self.act(lambda: own_keys.give(self.registrar, MASTER, self.audience.identifier, self.waits))

    @rule()
    def give_up(self):
        self.act(lambda: own_keys.give_up(self.registrar, self.audience.identifier, self.waits))

    @rule(
        life=st.sampled_from([60, 3600, DAY]), refresh_life=st.sampled_from([DAY, REFRESH_SECONDS, 90 * DAY])
    )
    def allow(self, life, refresh_life):
        """Start the server with other longest lives of access and refresh tokens."""
        self.life, self.refresh_life = life, refresh_life
        self.act(lambda: key_lifetimes.align(self.engine, self.clock, self.waits.longest_seconds))

    @rule(seconds=st.sampled_from(STEPS))
    def step(self, seconds):
        end = self.clock.now() + seconds
        for at in sorted({*self.list_moments(end), end}):
            self.clock.at = at
            self.look()

    def list_moments(self, end: int):
        for key in self.list_keys():
            for at in (key.signs_from, key.signs_until, key.verify_until, key.shared_until):
                for near in (at - 1, at) if at else ():
                    if self.clock.now() < near < end:
                        yield near
        # Tokens are asked for and keys fetched in between as well.
        yield from range(self.clock.now() + CACHE // 2, min(end, self.clock.now() + 3 * CACHE), CACHE // 2)

    # What is so at every second.

    def look(self) -> None:
        """Ask for a token of each kind, fetch the keys, and verify all that is still good."""
        now = self.clock.now()
        stored = self.list_keys()
        for line in LINES:
            signing = [key for key in stored if key.line == line and key.state(now) is KeyState.ACTIVE]
            assert len(signing) == 1
            assert self.keyring.signer(line.purpose, line.alg, now).kid == signing[0].kid
        for whose in (None, self.audience.id):
            kid = self.keyring.signer(KeyPurpose.TOKEN, "ES256", now, whose).kid
            self.good_until[whose, kid] = max(self.good_until.get((whose, kid), 0), now + self.life)
        kid = self.keyring.signer(KeyPurpose.REFRESH, "HS256", now).kid
        self.refresh_until[kid] = max(self.refresh_until.get(kid, 0), now + self.refresh_life)
        self.verify(now, stored)

    def verify(self, now: int, stored: tuple[StoredKey, ...]) -> None:
        compromised = {key.kid for key in stored if key.compromised_at is not None}
        published = {
            None: frozenset(key["kid"] for key in self.keyring.list_published(now)),
            self.audience.id: frozenset(
                key["kid"] for key in self.keyring.list_published_for(self.audience.id, now)
            ),
        }
        for whose, kids in published.items():
            assert not kids & compromised
            if kids:
                lately = [each for each in self.seen[whose] if each[0] >= now - CACHE]
                self.seen[whose] = [*lately, (now, kids)]
            else:
                self.seen.pop(whose, None)
        for kid in compromised:
            assert self.keyring.find_verifying_key(kid, KeyPurpose.TOKEN, now) is None
            assert self.keyring.find_verifying_key(kid, KeyPurpose.REFRESH, now) is None
        for kid, until in self.refresh_until.items():
            is_good = until > now and kid not in compromised
            assert not is_good or self.keyring.find_verifying_key(kid, KeyPurpose.REFRESH, now) is not None
        for (whose, kid), until in list(self.good_until.items()):
            if until <= now or kid in compromised:
                del self.good_until[whose, kid]
                continue
            assert self.keyring.find_verifying_key(kid, KeyPurpose.TOKEN, now) is not None
            # Where an audience's own set is empty, its service fetches the shared one.
            fetched = self.seen[whose] if published[whose] else self.seen[None]
            for at, kids in fetched:
                assert at < now - CACHE or kid in kids

    @invariant()
    def an_own_key_signs_on_for_who_has_one(self):
        own = [key for key in self.list_keys() if key.audience_id == self.audience.id]
        now = self.clock.now()
        has_own_key = audiences.find_audience_by_id(self.registrar, self.audience.id).has_own_key
        assert len([key for key in own if key.signs_until is None]) == has_own_key
        assert len([key for key in own if key.state(now) is KeyState.ACTIVE]) <= 1
        assert not {key.kid for key in own} & {key["kid"] for key in self.keyring.list_published(now)}


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(15, 15), pytest.param(2000, 60, marks=pytest.mark.soak)],
    ids=["ordinary", "full"],
)
def test_whatever_is_done_one_key_signs_and_no_good_token_is_refused(town, examples, steps):
    run_state_machine_as_test(
        lambda: KeyMachine(*town),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )
