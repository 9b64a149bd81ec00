"""The first keys: made once, in one transaction, sealed, and never beside keys that do not open."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import Engine, delete, select, update

from issuer.entropy import Entropy
from issuer.errors import UnusableKey, WrongMasterKey
from issuer.jose import keys, sealing
from issuer.model.audit_event import ActorKind
from issuer.model.signing_key import KeyPurpose, KeyState, StoredKey
from issuer.registry import signing_keys
from issuer.store import audit, registry_version
from issuer.store.db import reading, writing
from issuer.store.registry_version import ConcernKind
from issuer.store.tables import AuditEventRow, Base, SigningKeyRow

_MASTER = b"m" * 32
_OTHER = b"o" * 32
_LONGEST = {KeyPurpose.TOKEN: 86_400, KeyPurpose.REFRESH: 90 * 86_400}
_KINDS = {(KeyPurpose.TOKEN, "RS256"), (KeyPurpose.TOKEN, "ES256"), (KeyPurpose.REFRESH, "HS256")}


@pytest.fixture
def make(engine, clock):
    """Give the function that makes the first keys, under a master key."""

    def make_first_keys(*master_keys: bytes) -> None:
        signing_keys.make_first_keys(engine, master_keys or (_MASTER,), clock, Entropy(), _LONGEST)

    return make_first_keys


def _dump(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with reading(engine) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in Base.metadata.sorted_tables
        }


def _events(engine: Engine):
    with reading(engine) as connection:
        return audit.list_events(connection, limit=100)


def _change(engine: Engine, kid: str, **values: object) -> None:
    with writing(engine) as connection:
        connection.execute(update(SigningKeyRow).where(SigningKeyRow.kid == kid).values(**values))


def _find(engine: Engine, alg: str) -> StoredKey:
    return next(key for key in signing_keys.list_signing_keys(engine) if key.alg == alg)


def test_one_key_of_each_kind_is_made(engine, make):
    make()

    stored = signing_keys.list_signing_keys(engine)
    assert {(key.purpose, key.alg) for key in stored} == _KINDS
    assert len(stored) == 3


def test_first_keys_are_published_and_sign_at_once(engine, clock, make):
    make()

    for key in signing_keys.list_signing_keys(engine):
        assert key.created_at == key.published_at == key.signs_from == clock.now()
        assert (key.signs_until, key.verify_until, key.compromised_at) == (None, None, None)
        assert key.longest_lifetime_seconds == _LONGEST[key.purpose]
        assert key.state(clock.now()) is KeyState.ACTIVE


def test_public_jwk_is_stored_of_token_keys_only(engine, make):
    make()

    public = {key.alg: key.public_jwk for key in signing_keys.list_signing_keys(engine)}
    assert public["HS256"] is None
    assert set(public["RS256"]) == {"kid", "use", "alg", "kty", "n", "e"}
    assert set(public["ES256"]) == {"kid", "use", "alg", "kty", "crv", "x", "y"}


def test_stored_keys_open_under_the_master_key(engine, make):
    make()

    for stored in signing_keys.list_signing_keys(engine):
        assert stored.master_key_id == sealing.master_key_id(_MASTER)
        assert sealing.open_key(stored, (_MASTER,)).kid == stored.kid


def test_each_key_has_its_audit_event(engine, clock, make):
    make()

    events = _events(engine)
    stored = {key.kid: key for key in signing_keys.list_signing_keys(engine)}
    assert {event.target for event in events} == set(stored)
    for event in events:
        key = stored[event.target]
        assert (event.actor.kind, event.actor.name) == (ActorKind.SYSTEM, "first start")
        assert (event.action, event.target_kind, event.at) == ("key.added", "key", clock.now())
        assert event.before is None
        assert event.after == {"purpose": key.purpose.value, "alg": key.alg, "signs_from": clock.now()}


def test_registry_version_says_that_keys_changed(engine, make):
    with reading(engine) as connection:
        before = registry_version.find_version(connection)

    make()

    with reading(engine) as connection:
        changes = registry_version.list_changes(connection, before)
    assert [(change.version, change.kind) for change in changes] == [(before + 1, ConcernKind.KEYS)]


def test_second_start_changes_nothing(engine, make):
    make()
    before = _dump(engine)

    make()

    assert _dump(engine) == before


def test_second_start_with_a_new_master_key_in_front_changes_nothing(engine, make):
    make(_MASTER)
    before = _dump(engine)

    make(_OTHER, _MASTER)

    assert _dump(engine) == before


def test_only_the_missing_key_is_made(engine, make):
    make()
    gone = _find(engine, "ES256")
    with writing(engine) as connection:
        connection.execute(delete(SigningKeyRow).where(SigningKeyRow.kid == gone.kid))
    kept = {key.kid for key in signing_keys.list_signing_keys(engine)}

    make()

    stored = signing_keys.list_signing_keys(engine)
    assert {(key.purpose, key.alg) for key in stored} == _KINDS
    assert kept < {key.kid for key in stored}


def test_wrong_master_key_is_refused_and_writes_nothing(engine, make):
    make(_MASTER)
    before = _dump(engine)

    with pytest.raises(WrongMasterKey) as refusal:
        make(_OTHER)

    assert "ISSUER_MASTER_KEY does not open the signing keys" in refusal.value.detail
    assert _dump(engine) == before


def test_wrong_master_key_makes_no_missing_key_either(engine, make):
    make(_MASTER)
    gone = _find(engine, "RS256")
    with writing(engine) as connection:
        connection.execute(delete(SigningKeyRow).where(SigningKeyRow.kid == gone.kid))
    before = _dump(engine)

    with pytest.raises(WrongMasterKey):
        make(_OTHER)

    assert _dump(engine) == before


def test_keys_that_another_start_made_meanwhile_must_open_too(engine, make, monkeypatch):
    make_signing_key = keys.make_signing_key

    def overtaken(alg: str, entropy: Entropy) -> keys.SigningKey:
        monkeypatch.setattr(keys, "make_signing_key", make_signing_key)
        make(_OTHER)
        return make_signing_key(alg, entropy)

    monkeypatch.setattr(keys, "make_signing_key", overtaken)

    with pytest.raises(WrongMasterKey):
        make(_MASTER)
    assert len(signing_keys.list_signing_keys(engine)) == 3
    assert len(_events(engine)) == 3


def test_start_that_was_overtaken_adds_nothing(engine, make, monkeypatch):
    make_signing_key = keys.make_signing_key

    def overtaken(alg: str, entropy: Entropy) -> keys.SigningKey:
        monkeypatch.setattr(keys, "make_signing_key", make_signing_key)
        make(_MASTER)
        return make_signing_key(alg, entropy)

    monkeypatch.setattr(keys, "make_signing_key", overtaken)

    make(_MASTER)

    assert len(signing_keys.list_signing_keys(engine)) == 3
    assert len(_events(engine)) == 3


def test_swapped_sealed_bytes_are_noticed(engine, make):
    make()
    rsa, ec = _find(engine, "RS256"), _find(engine, "ES256")
    _change(engine, rsa.kid, sealed=ec.sealed)
    _change(engine, ec.kid, sealed=rsa.sealed)

    with pytest.raises(WrongMasterKey):
        make()


def test_row_given_another_purpose_is_noticed(engine, make):
    make()
    _change(engine, _find(engine, "HS256").kid, purpose="token")

    with pytest.raises(WrongMasterKey):
        make()


def test_row_given_another_algorithm_is_noticed(engine, make):
    make()
    _change(engine, _find(engine, "ES256").kid, alg="HS256")

    with pytest.raises(UnusableKey):
        make()


@pytest.mark.parametrize(
    "ended",
    [{"signs_until": 2, "verify_until": 3}, {"signs_until": 2, "compromised_at": 2}],
    ids=["removed", "compromised"],
)
def test_key_that_is_no_longer_needed_need_not_open(ended, engine, make):
    """Its private part may have been erased."""
    make()
    _change(engine, _find(engine, "ES256").kid, sealed=b"", **ended)

    make()

    open_kinds = [
        (key.purpose, key.alg) for key in signing_keys.list_signing_keys(engine) if key.signs_until is None
    ]
    assert len(open_kinds) == 3
    assert set(open_kinds) == _KINDS


def test_retired_key_must_still_open(engine, clock, make):
    make()
    _change(engine, _find(engine, "ES256").kid, sealed=b"", signs_until=2, verify_until=clock.now() + 1)

    with pytest.raises(WrongMasterKey):
        make()


def test_database_holds_no_private_key_in_clear(engine, make):
    make()

    dump = repr(_dump(engine)).encode()
    for stored in signing_keys.list_signing_keys(engine):
        exported = keys.export_private(sealing.open_key(stored, (_MASTER,)))
        assert exported not in stored.sealed
        assert exported[-24:] not in stored.sealed
    assert b"BEGIN" not in dump
    assert b"PRIVATE" not in dump
    assert not [
        member for member in ("d", "p", "q", "dp", "dq", "qi", "oth", "k") if f"'{member}'" in dump.decode()
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_file_holds_no_private_key_in_clear(engine, make):
    """The bytes of the file and of its log are searched."""
    make()
    secrets = [
        keys.export_private(sealing.open_key(stored, (_MASTER,)))
        for stored in signing_keys.list_signing_keys(engine)
    ]
    path = engine.url.database

    written = b"".join(_read(path + end) for end in ("", "-wal", "-shm"))

    assert _find(engine, "ES256").kid.encode() in written
    assert not [
        word for word in (b"-----BEGIN", b"PRIVATE", b'"d":', b'"d" :', b'"k":', _MASTER) if word in written
    ]
    assert not [secret for secret in secrets if secret[-24:] in written]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path with a suffix of its own
            return file.read()
    except FileNotFoundError:
        return b""


# Many processes at once

_STARTER = """
import functools, sys
from sqlalchemy import create_engine
from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.errors import TemporarilyUnavailable
from issuer.jose import keys
from issuer.model.signing_key import KeyPurpose
from issuer.registry import signing_keys
from issuer.store import db

LONGEST = {KeyPurpose.TOKEN: 86400, KeyPurpose.REFRESH: 86400}
entropy = Entropy()

def start():
    # Whoever waits for SQLite's lock over 2 s is refused; its supervisor starts it again.
    try:
        signing_keys.make_first_keys(engine, (b"m" * 32,), Clock(), entropy, LONGEST)
    except TemporarilyUnavailable:
        start()

# The race is for the rows: from the second trial on each process has its own keys at hand.
keys.make_signing_key = functools.cache(keys.make_signing_key)
keys.make_signing_key("RS256", entropy)
url = db.make_url_of(sys.argv[1])
engine = create_engine(url, **db.engine_options(url, 2))
db.prepare_engine(engine)
print("ready", flush=True)
for line in sys.stdin:
    start()
    print("made", flush=True)
"""


@contextmanager
def _starters(url: str, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _STARTER, url],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(count)
        ]
        assert [process.stdout.readline() for process in started] == ["ready\n"] * count
        yield started


def _start_at_once(started: list[subprocess.Popen[str]]) -> list[str]:
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.stdout.readline() for process in started]


def _empty(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.execute(delete(SigningKeyRow))
        connection.execute(delete(AuditEventRow))


def _race(engine: Engine, url: str, processes: int, trials: int) -> None:
    outcomes = []
    with _starters(url, processes) as started:
        for _ in range(trials):
            _empty(engine)
            answers = set(_start_at_once(started))
            stored = signing_keys.list_signing_keys(engine)
            kinds = sorted((key.purpose.value, key.alg) for key in stored)
            added = {event.target for event in _events(engine)}
            outcomes.append((answers, kinds, added == {key.kid for key in stored}))

    expected = ({"made\n"}, sorted((purpose.value, alg) for purpose, alg in _KINDS), True)
    assert outcomes == [expected] * trials


def test_eight_starts_at_once_make_one_set_of_keys(engine, database_url):
    _race(engine, database_url, processes=8, trials=20)


@pytest.mark.soak
def test_sixteen_starts_at_once_make_one_set_of_keys(engine, database_url):
    _race(engine, database_url, processes=16, trials=100)
