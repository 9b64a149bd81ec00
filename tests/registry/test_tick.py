"""The tick: what has expired goes, what still counts stays, and one process at a time is at it."""

import re
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, func, insert, select, text

from issuer.model.auth_failure import FailureKey, Failures, Unwritten
from issuer.model.family import EndReason
from issuer.model.web_session import ABSOLUTE_SECONDS
from issuer.registry import tick
from issuer.registry.tick import BATCH_ROWS, Keeping, Ticker
from issuer.store import auth_failures, db, leases
from issuer.store.tables import (
    AuditEventRow,
    AuthFailureRow,
    FamilyRow,
    IncidentRow,
    IssuanceRow,
    JwksFetchRow,
    RefusalRow,
    RegistryChangeRow,
    RevokedTokenRow,
    SignInFailureRow,
    SigningKeyRow,
    UsageRow,
    WebSessionRow,
)
from tests.conftest import START

DAY = 86_400
# What the settings allow, and what a key that has ended was once allowed: the longer counts.
ACCESS_SECONDS, ONCE_ACCESS_SECONDS = DAY, 3 * DAY
KEEPING = Keeping.of_days(ACCESS_SECONDS, issuance_days=90, usage_days=400)
SWEPT = {
    RevokedTokenRow: "revoked_tokens",
    FamilyRow: "families",
    RegistryChangeRow: "registry_changes",
    IssuanceRow: "issuances",
    UsageRow: "usage",
    AuthFailureRow: "auth_failures",
    SignInFailureRow: "sign_in_failures",
    WebSessionRow: "web_sessions",
    RefusalRow: "refusals",
    JwksFetchRow: "jwks_fetches",
}
# Long after everything that is kept for any reason.
AGES_AGO = START - 1000 * DAY


@pytest.fixture
def ticker(engine, clock, entropy) -> Ticker:
    return Ticker(engine, clock, entropy, KEEPING)


@pytest.fixture
def store(engine, robot):
    """Give the function that adds rows to a table; the key `k1` and the client `robot` are there."""
    key = {
        "kid": "k1",
        "purpose": "refresh",
        "alg": "HS256",
        "public_jwk": None,
        "sealed": b"",
        "master_key_id": "m",
        "created_at": 0,
        "published_at": 0,
        "signs_from": 0,
        "longest_lifetime_seconds": 90 * DAY,
    }
    ended = {"kid": "k0", "purpose": "token", "alg": "ES256", "longest_lifetime_seconds": ONCE_ACCESS_SECONDS}
    with db.writing(engine) as connection:
        connection.execute(insert(SigningKeyRow).values(key))
        connection.execute(insert(SigningKeyRow).values({**key, **ended}))

    def add(table, rows):
        if rows:
            with db.writing(engine) as connection:
                connection.execute(insert(table), rows)

    return add


@pytest.fixture
def families(store, robot):
    """Give the function that adds families, each told by when it was ended (or None) and expires."""

    def add(*times):
        store(
            FamilyRow,
            [
                {
                    "id": f"family-{number}",
                    "client_key": robot.key,
                    "sub": robot.client_id,
                    "subject_kind": "client",
                    "granted_aud": ["a"],
                    "granted_scopes": [],
                    "kid": "k1",
                    "generation": 1,
                    "created_at": 0,
                    "rotated_at": 0,
                    "idle_seconds": 60,
                    "ended_at": ended_at,
                    "end_reason": None if ended_at is None else EndReason.REVOKED.value,
                    "expires_at": expires_at,
                }
                for number, (ended_at, expires_at) in enumerate(times)
            ],
        )

    return add


@pytest.fixture
def revoked(store, robot):
    """Give the function that adds revoked tokens, each told by when it expires."""

    def add(*times):
        row = {"client_key": robot.key, "revoked_at": 0}
        store(
            RevokedTokenRow,
            [{"jti": f"jti-{number}", "expires_at": at, **row} for number, at in enumerate(times)],
        )

    return add


@pytest.fixture
def issued(store):
    """Give the function that adds rows of issued tokens, each told by when it was issued and expires."""
    row = {
        "client_id": "c",
        "sub": "c",
        "aud": ["a"],
        "scope": "",
        "grant_type": "g",
        "kid": "k",
        "request_id": "",
    }

    def add(*times):
        store(
            IssuanceRow,
            [{"jti": f"jti-{number}", "at": at, "exp": exp, **row} for number, (at, exp) in enumerate(times)],
        )

    return add


@pytest.fixture
def used(store):
    """Give the function that adds counts, each told by the hour it is of."""
    row = {"audience_id": 1, "grant_type": "g", "outcome": "issued", "count": 1, "last_at": 0, "max_exp": 0}

    def add(*hours):
        store(UsageRow, [{"hour": at, "client_key": number, **row} for number, at in enumerate(hours)])

    return add


@pytest.fixture
def left(engine):
    """Give the function that returns a column of the rows that are there."""

    def find(column):
        with db.reading(engine) as connection:
            return set(connection.execute(select(column)).scalars())

    return find


def count(engine, table) -> int:
    with db.reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_clock_of_another_zone_forgets_no_revoked_token_that_others_take_for_alive(ticker, revoked, left):
    """UTC+14 is the farthest; introspection elsewhere asks whether a jti that has not expired is listed."""
    revoked(START - 14 * 3600)

    ticker.tick()

    assert left(RevokedTokenRow.jti) == {"jti-0"}


def test_a_revoked_token_goes_a_day_after_it_expired(ticker, revoked, left):
    revoked(START - tick.MARGIN_SECONDS - 1, START - tick.MARGIN_SECONDS, START, START + 1)

    removed = ticker.tick()

    assert removed["revoked_tokens"] == 1
    assert left(RevokedTokenRow.jti) == {"jti-1", "jti-2", "jti-3"}


def test_a_family_goes_when_no_access_token_of_it_can_live(ticker, families, left):
    """A day after the longest life that any key was ever allowed to sign for."""
    last = START - ONCE_ACCESS_SECONDS - tick.MARGIN_SECONDS
    later = START + 90 * DAY
    families(
        (None, last - 1), (None, last), (last - 1, later), (last, later), (None, later), (None, START - 1)
    )

    removed = ticker.tick()

    assert removed["families"] == 2
    assert left(FamilyRow.id) == {"family-1", "family-3", "family-4", "family-5"}


def test_the_setting_counts_where_no_key_was_allowed_as_much(engine, clock, entropy, families, left):
    longer = Keeping(access_token_seconds=10 * DAY, issuance_seconds=DAY, usage_seconds=DAY)
    families((None, START - 11 * DAY - 1), (None, START - 11 * DAY))

    Ticker(engine, clock, entropy, longer).tick()

    assert left(FamilyRow.id) == {"family-1"}


def test_incidents_and_audit_events_stay(engine, ticker, families, store, robot):
    families((AGES_AGO, AGES_AGO))
    incident = {"client_key": robot.key, "presented": 1, "stored": 2, "address": "", "request_id": ""}
    times = {"at": AGES_AGO, "rotated_at": AGES_AGO, "rotated_from": "", "family_id": "family-0"}
    store(IncidentRow, [{**incident, **times}])
    events = count(engine, AuditEventRow)

    ticker.tick()

    assert count(engine, FamilyRow) == 0
    assert count(engine, IncidentRow) == 1
    assert count(engine, AuditEventRow) == events > 0


def test_changes_of_the_registry_go_after_an_hour_but_never_the_newest(engine, ticker, clock, orders, left):
    """Who has not looked for so long takes the gap for "anything"; who is up to date sees none."""
    before = count(engine, RegistryChangeRow)
    newest = max(left(RegistryChangeRow.version))
    clock.step(tick.CHANGE_SECONDS + 1)

    removed = ticker.tick()

    assert removed["registry_changes"] == before - 1 > 0
    assert left(RegistryChangeRow.version) == {newest}


def test_changes_of_the_last_hour_stay(engine, ticker, clock, robot, left):
    clock.step(tick.CHANGE_SECONDS)

    removed = ticker.tick()

    assert removed["registry_changes"] == 0
    assert len(left(RegistryChangeRow.version)) > 0


def test_rows_of_issued_tokens_go_after_their_days_but_not_before_they_expire(ticker, issued, left):
    cut = START - 90 * DAY
    issued((cut - 1, cut), (cut, cut), (cut - 1, START + 1), (cut - 1, START))

    removed = ticker.tick()

    assert removed["issuances"] == 2
    assert left(IssuanceRow.jti) == {"jti-1", "jti-2"}


def test_counts_go_after_their_days(ticker, used, left):
    cut = START - 400 * DAY
    used(cut - 1, cut, START)

    removed = ticker.tick()

    assert removed["usage"] == 1
    assert left(UsageRow.client_key) == {1, 2}


def test_failures_go_when_they_no_longer_matter(engine, ticker, left):
    cut = START - 3600
    with db.writing(engine) as connection:
        for client_key, at in enumerate((cut - 1, cut, START)):
            failed = {FailureKey(client_key, "192.0.2.1"): Unwritten(Failures(9, at))}
            auth_failures.add_failures(connection, failed)

    removed = ticker.tick()

    assert removed["auth_failures"] == 1
    assert left(AuthFailureRow.client_key) == {1, 2}


def test_failures_to_sign_in_go_when_they_no_longer_matter(store, ticker, left):
    cut = START - 3600
    store(
        SignInFailureRow,
        [
            {"canonical": str(number), "network": "", "failures": 9, "last_at": at}
            for number, at in enumerate((cut - 1, cut, START))
        ],
    )

    removed = ticker.tick()

    assert removed["sign_in_failures"] == 1
    assert left(SignInFailureRow.canonical) == {"1", "2"}


def test_sessions_go_a_day_after_they_could_last_live(store, ticker, left, add_user):
    user, cut = add_user("alice"), START - ABSOLUTE_SECONDS - DAY
    seen = {"last_seen_at": 1, "stepped_up_at": 1, "address": "", "user_agent": ""}
    store(
        WebSessionRow,
        [
            {"id": number + 1, "user_id": user.id, "secret_hash": bytes([number]), "created_at": at, **seen}
            for number, at in enumerate((cut - 1, cut, START))
        ],
    )

    removed = ticker.tick()

    assert removed["web_sessions"] == 1
    assert left(WebSessionRow.id) == {2, 3}


def test_who_fetched_keys_is_forgotten_after_30_days(store, ticker, left):
    cut = START - 30 * DAY
    same = {"document": 0, "first_at": 1, "count": 1}
    store(JwksFetchRow, [{"user_agent": str(at), "last_at": at, **same} for at in (cut - 1, cut, START)])

    removed = ticker.tick()

    assert removed["jwks_fetches"] == 1
    assert left(JwksFetchRow.last_at) == {cut, START}


@pytest.fixture
def refused(store):
    """Give the function that adds a refusal of a client at each of some times."""

    def add(client_key, *times):
        same = {"client_key": client_key, "audience_id": None, "asked": [], "grant_type": "", "error": "e"}
        rest = {"reason": "", "request_id": "", "address": "", "left_out": 0}
        store(RefusalRow, [{"at": at, **same, **rest} for at in times])

    return add


def test_refusals_go_after_30_days(ticker, refused, left):
    cut = START - 30 * DAY
    refused(1, cut - 1, cut, START)

    removed = ticker.tick()

    assert removed["refusals"] == 1
    assert left(RefusalRow.at) == {cut, START}


def test_of_each_client_the_newest_200_refusals_stay(ticker, refused, left):
    refused(1, *range(START - 450, START))
    refused(2, START - 1000, START - 999)

    removed = ticker.tick()

    assert removed["refusals"] == 250
    assert left(RefusalRow.at) == {START - 1000, START - 999, *range(START - 200, START)}


def test_a_tick_after_a_tick_removes_nothing(ticker, revoked, families, issued, used):
    revoked(AGES_AGO)
    families((AGES_AGO, AGES_AGO), (None, AGES_AGO))
    issued((AGES_AGO, AGES_AGO))
    used(AGES_AGO)

    first, second = ticker.tick(), ticker.tick()

    assert (first["revoked_tokens"], first["families"], first["issuances"], first["usage"]) == (1, 2, 1, 1)
    assert set(second.values()) == {0}


def test_more_than_a_batch_goes_in_one_tick(engine, ticker, revoked, families, used):
    revoked(*[AGES_AGO] * (2 * BATCH_ROWS + 1))
    families(*[(AGES_AGO, AGES_AGO + 2000 * DAY)] * BATCH_ROWS, *[(None, AGES_AGO)] * 3)
    used(*[AGES_AGO] * BATCH_ROWS)

    removed = ticker.tick()

    assert (removed["revoked_tokens"], removed["families"], removed["usage"]) == (1001, 503, 500)
    assert count(engine, RevokedTokenRow) == count(engine, FamilyRow) == count(engine, UsageRow) == 0


def test_no_transaction_removes_more_than_a_batch(engine, ticker, families):
    families(*[(AGES_AGO, START + DAY)] * 400, *[(None, AGES_AGO)] * 400)
    sizes = []

    ticker.tick(lambda: sizes.append(count(engine, FamilyRow)) or True)

    assert max(before - after for before, after in zip([800, *sizes], sizes, strict=False)) == BATCH_ROWS


def test_a_tick_that_is_to_stop_stops_after_its_batch(engine, ticker, revoked):
    revoked(*[AGES_AGO] * (2 * BATCH_ROWS))

    removed = ticker.tick(lambda: False)

    assert removed["revoked_tokens"] == BATCH_ROWS
    assert count(engine, RevokedTokenRow) == BATCH_ROWS


def test_two_at_once_are_one(engine, clock, entropy, ticker, revoked):
    revoked(AGES_AGO)
    other = Ticker(engine, clock, entropy, KEEPING)
    beside = []

    ticker.tick(lambda: beside.append(other.tick()) or True)

    assert set(beside) == {None}
    assert other.tick() is not None


def test_who_loses_the_lease_stops(engine, clock, entropy, ticker, revoked):
    """As one does that was held up for a minute between two batches."""
    revoked(*[AGES_AGO] * (3 * BATCH_ROWS))
    other = Ticker(engine, clock, entropy, KEEPING)
    counts = []

    def be_held_up() -> bool:
        if not counts:
            clock.step(60)
            counts.append(other.tick()["revoked_tokens"])
        return True

    removed = ticker.tick(be_held_up)

    assert counts == [2 * BATCH_ROWS]
    assert sum(removed.values()) == BATCH_ROWS


def test_who_comes_by_itself_leaves_a_minute_between(ticker, clock):
    assert ticker.tick(every_seconds=tick.EVERY_SECONDS) is not None
    clock.step(tick.EVERY_SECONDS - 1)
    assert ticker.tick(every_seconds=tick.EVERY_SECONDS) is None
    clock.step(1)

    assert ticker.tick(every_seconds=tick.EVERY_SECONDS) is not None


def test_when_a_tick_ended_well_is_remembered(engine, ticker, clock):
    ticker.tick()
    at = clock.now()
    clock.step(100)
    ticker.tick(lambda: False)

    with db.reading(engine) as connection:
        assert leases.find_succeeded_at(connection, tick.LEASE) == at


def test_many_processes_at_once_remove_each_row_once(engine, clock, entropy, revoked):
    revoked(*[AGES_AGO] * (2 * BATCH_ROWS))
    together = threading.Barrier(4)
    found = []

    def run() -> None:
        together.wait()
        found.append(Ticker(engine, clock, entropy, KEEPING).tick())

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    done = [each for each in found if each is not None]
    assert sum(each["revoked_tokens"] for each in done) == 2 * BATCH_ROWS
    assert count(engine, RevokedTokenRow) == 0


# Times that are near a border more often than not.
OFFSETS = st.one_of(
    st.sampled_from([0, 3600, DAY, 4 * DAY, 90 * DAY, 400 * DAY]).flatmap(
        lambda days: st.sampled_from([-days - 1, -days, -days + 1, days])
    ),
    st.integers(-500 * DAY, 500 * DAY),
)
TIMES = OFFSETS.map(lambda offset: START + offset)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    expiring=st.lists(TIMES, max_size=8),
    families_=st.lists(st.tuples(st.none() | TIMES, TIMES), max_size=8),
    issuances=st.lists(st.tuples(TIMES, TIMES), max_size=8),
    hours=st.lists(TIMES, max_size=8),
    changes=st.lists(TIMES, max_size=8),
)
def test_no_live_row_ever_goes_and_no_dead_one_stays(
    *,
    engine,
    ticker,
    revoked,
    families,
    issued,
    used,
    store,
    left,
    expiring,
    families_,
    issuances,
    hours,
    changes,
):
    with db.writing(engine) as connection:
        for table in SWEPT:
            connection.execute(delete(table))
        connection.execute(text("UPDATE registry_version SET version = :last"), {"last": len(changes)})
    revoked(*expiring)
    families(*families_)
    issued(*issuances)
    used(*hours)
    store(
        RegistryChangeRow, [{"version": n + 1, "concern": "keys", "at": at} for n, at in enumerate(changes)]
    )

    ticker.tick()

    now, margin = START, tick.MARGIN_SECONDS
    revoked_left, families_left = left(RevokedTokenRow.jti), left(FamilyRow.id)
    issued_left, used_left = left(IssuanceRow.jti), left(UsageRow.client_key)
    changes_left = left(RegistryChangeRow.version)
    for number, at in enumerate(expiring):
        assert f"jti-{number}" in revoked_left or at <= now
        assert f"jti-{number}" not in revoked_left or at >= now - margin
    for number, (ended_at, expires_at) in enumerate(families_):
        # From then on it gives no tokens; the last access token lives for so long after.
        over_at = expires_at if ended_at is None else min(ended_at, expires_at)
        assert f"family-{number}" in families_left or over_at + ONCE_ACCESS_SECONDS <= now
        assert f"family-{number}" not in families_left or over_at + ONCE_ACCESS_SECONDS + margin >= now
    for number, (at, exp) in enumerate(issuances):
        assert f"jti-{number}" in issued_left or (exp <= now and at < now - 90 * DAY)
        assert f"jti-{number}" not in issued_left or exp > now or at >= now - 90 * DAY
    for number, at in enumerate(hours):
        assert (number in used_left) is (at >= now - 400 * DAY)
    for number, at in enumerate(changes):
        is_kept = at >= now - 3600 or number + 1 == len(changes)
        assert ((number + 1) in changes_left) is is_kept


@pytest.mark.parametrize("table", SWEPT, ids=SWEPT.values())
def test_what_is_swept_is_found_by_an_index(engine, ticker, table):
    """Else each batch would read the whole table, under the write lock of SQLite."""
    name = table.__tablename__
    statements = []

    def note(_connection, _cursor, statement, parameters, *_rest):
        if statement.startswith("SELECT") and f"FROM {name} " in statement.replace("\n", ""):
            statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    ticker.tick()
    event.remove(engine, "before_cursor_execute", note)

    plans = [explain(engine, *statement) for statement in statements]
    assert len(plans) == (2 if table is FamilyRow else 1)
    assert [plan for plan in plans if re.search(rf"(Seq Scan on|SCAN) {name}\b", plan)] == []


def explain(engine, statement, parameters) -> str:
    """Return how the database would run a statement, if it can help reading whole tables."""
    with db.reading(engine) as connection:
        if connection.dialect.name == "sqlite":
            return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        return str(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).all())
