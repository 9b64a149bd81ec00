"""`/metrics` on the main address: each metric, what bounds its labels, and who may read it."""

import dataclasses
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, insert

from issuer.errors import TemporarilyUnavailable
from issuer.issuing.usage import UsageCounter
from issuer.model.usage import UsageKey, UsageSum
from issuer.registry import statistics
from issuer.store import audiences, signing_keys, usage
from issuer.store import db as database
from issuer.store.tables import IncidentRow
from tests.conftest import START
from tests.oauth.world import ON_BOTH_DATABASES, Answer, Credentials, World

TOKEN = "sixteen-letters-or-more"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ORDERS = "https://orders.example"
DURATION = "issuer_token_request_duration_seconds"


@pytest.fixture
def world(open_world, short_cut) -> World:
    """Give a world that tells its metrics to who has the token, on both ways to a route."""
    return open_world(short_cut=short_cut, metrics_token=TOKEN)


def scrape(world: World, *, write: bool = True) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return what is told, by name and labels, a second later: sums are read once a second."""
    if write:
        world.parts.usage.write_once()
    world.parts.clock.step(1)
    answer = world.send("GET", "/metrics", headers=BEARER)
    assert answer.status == 200
    return parse(answer.body)


def parse(text: bytes) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), "a series is told twice"
            found[sample.name][labels] = sample.value
    return found


def of(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def ask(world: World, robot: Credentials, **parameters: str) -> Answer:
    return world.ask(robot, **{"grant_type": "client_credentials", "resource": ORDERS, **parameters})


def test_metrics_are_not_found_unless_they_are_configured(open_world, short_cut):
    world = open_world(short_cut=short_cut)

    for headers in ({}, BEARER):
        assert world.send("GET", "/metrics", headers=headers).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN.upper()}"},
        {"Authorization": "Bearer é"},
    ],
)
def test_who_has_not_the_token_learns_nothing(world, headers):
    """RFC 6750 §3: the same for no token and for a wrong one; the database is not asked."""
    asked = []
    event.listen(world.parts.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    answer = world.send("GET", "/metrics", headers=headers)

    assert (answer.status, answer.json) == (401, {"error": "invalid_token"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert asked == []


def test_the_token_is_never_told(world):
    wrong = world.send("GET", "/metrics", headers={"Authorization": "Bearer a-wrong-secret-token"})
    right = world.send("GET", "/metrics", headers=BEARER)

    said = wrong.body + right.body + world.log_path.read_bytes()
    assert TOKEN.encode() not in said
    assert b"a-wrong-secret" not in said


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_who_has_the_token_reads_text_that_nobody_keeps(world, scheme):
    """RFC 9110 §11.1: the scheme in any case."""
    answer = world.send("GET", "/metrics", headers={"Authorization": f"{scheme} {TOKEN}"})

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"


def test_metrics_are_only_read(world):
    answer = world.send("POST", "/metrics", headers=BEARER)

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_metrics_lie_under_the_issuers_path(open_world):
    world = open_world(url="https://id.example/auth", metrics_token=TOKEN)

    assert world.send("GET", "/auth/metrics", headers=BEARER).status == 200
    assert world.send("GET", "/metrics", headers=BEARER).status == 404


@ON_BOTH_DATABASES
def test_issued_tokens_are_counted_by_grant_type_and_audience(world, robot):
    world.look()
    for _ in range(3):
        assert ask(world, robot).status == 200

    found = scrape(world)

    key = of(grant_type="client_credentials", audience=ORDERS)
    assert found["issuer_tokens_issued_total"] == {key: 3}


@ON_BOTH_DATABASES
def test_refused_requests_are_counted_by_grant_type_and_error(world, robot):
    world.look()
    ask(world, robot, resource="https://unknown.example")
    ask(world, robot, scope="unknown")
    ask(world, robot, grant_type="password")
    world.ask(Credentials("nobody", "wrong"), grant_type="client_credentials")

    found = scrape(world)

    assert found["issuer_token_requests_refused_total"] == {
        of(grant_type="client_credentials", error="invalid_target"): 1,
        of(grant_type="client_credentials", error="invalid_scope"): 1,
        of(grant_type="none", error="unsupported_grant_type"): 1,
        of(grant_type="client_credentials", error="invalid_client"): 1,
    }


def test_each_token_request_is_timed_refused_ones_too(world, robot):
    world.look()
    ask(world, robot)
    ask(world, robot, scope="unknown")
    world.send("GET", "/oauth/token")

    found = scrape(world)

    assert found[f"{DURATION}_count"] == {(): 3}
    # The clock of the test stands still.
    assert found[f"{DURATION}_bucket"][of(le="0.0005")] == 3


@ON_BOTH_DATABASES
def test_durations_of_all_processes_come_under_their_bounds(world):
    other = UsageCounter(world.parts.engine)
    for seconds in (0.0004, 0.0005, 0.003):
        world.parts.usage.note_duration(seconds)
    other.note_duration(0.003)
    other.note_duration(10)
    other.write_once()

    found = scrape(world)

    buckets = {dict(labels)["le"]: count for labels, count in found[f"{DURATION}_bucket"].items()}
    assert [buckets[bound] for bound in ("0.0005", "0.0025", "0.005", "2.5", "+Inf")] == [2, 2, 4, 4, 5]
    assert found[f"{DURATION}_count"] == {(): 5}
    assert found[f"{DURATION}_sum"][()] == pytest.approx(10.0069)


def test_what_is_no_token_request_is_not_timed(world):
    world.send("GET", "/.well-known/jwks.json")
    world.post("token=x", path="/oauth/introspect")

    assert scrape(world)[f"{DURATION}_count"] == {(): 0}


@ON_BOTH_DATABASES
def test_sums_stay_when_counts_are_swept(world, robot):
    """A sum that goes down is a restart to Prometheus, and a rate out of nowhere."""
    world.look()
    ask(world, robot)
    before = scrape(world)["issuer_tokens_issued_total"]
    world.parts.clock.step(500 * 86_400)

    assert world.parts.ticker.tick()["usage"] == 1
    assert scrape(world)["issuer_tokens_issued_total"] == before


@ON_BOTH_DATABASES
def test_spent_refresh_tokens_that_came_back_are_counted(world, robot):
    row = {"at": 1, "family_id": "f", "presented": 1, "stored": 2, "address": "", "request_id": ""}
    with database.reading(world.parts.engine) as connection:
        key = connection.exec_driver_sql("SELECT key FROM client").scalar_one()
    with database.writing(world.parts.engine) as connection:
        connection.execute(insert(IncidentRow).values(client_key=key, rotated_at=1, rotated_from="", **row))

    assert scrape(world)["issuer_refresh_reuse_detected_total"] == {(): 1}


def test_the_age_of_the_registry_is_told(world):
    world.look()
    world.parts.clock.step(7)

    found = scrape(world)

    assert found["issuer_registry_age_seconds"] == {(): 8}
    assert found["issuer_database_up"] == {(): 1}


def test_the_last_tick_is_told_once_there_was_one(world):
    assert "issuer_tick_last_success_timestamp_seconds" not in scrape(world)

    world.parts.ticker.tick()
    at = world.parts.clock.now()

    assert scrape(world)["issuer_tick_last_success_timestamp_seconds"] == {(): at}


def test_the_version_is_told(world):
    (labels,) = scrape(world)["issuer_build_info"]

    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", dict(labels)["version"])


def test_keys_are_told_with_age_state_and_end(world, monkeypatch):
    rsa, ec, symmetric = (key.stored for key in world.parts.keyring._set.keys)
    now = world.parts.clock.now() + 1
    retired = dataclasses.replace(rsa, signs_until=now - 10, verify_until=now + 50)
    pending = dataclasses.replace(ec, created_at=now - 5, signs_from=now + 90)
    removed = dataclasses.replace(symmetric, signs_until=now - 60, verify_until=now - 50)
    own = dataclasses.replace(ec, kid="own", audience_id=7)
    monkeypatch.setattr(signing_keys, "list_keys", lambda _connection: (retired, pending, removed, own))

    found = scrape(world)

    of_rsa = of(kid=rsa.kid, purpose="token", alg="RS256", state="retired")
    of_ec = of(kid=ec.kid, purpose="token", alg="ES256", state="pending")
    assert found["issuer_signing_key_age_seconds"] == {of_rsa: now - rsa.created_at, of_ec: 5}
    assert found["issuer_signing_key_expiry_timestamp_seconds"] == {of_rsa: now + 50}


def test_while_the_database_is_away_the_sums_stay_and_it_is_said(world, robot, monkeypatch):
    world.look()
    ask(world, robot)
    before = scrape(world)

    def be_away() -> None:
        raise TemporarilyUnavailable("OperationalError")

    monkeypatch.setattr(world.parts.metrics, "_read", be_away)
    found = scrape(world, write=False)

    assert found["issuer_database_up"] == {(): 0}
    assert found["issuer_registry_age_seconds"][()] > before["issuer_registry_age_seconds"][()]
    assert found["issuer_tokens_issued_total"] == before["issuer_tokens_issued_total"]


def test_a_database_that_never_answered_is_told(open_world, monkeypatch):
    world = open_world(metrics_token=TOKEN)

    def be_away() -> None:
        raise TemporarilyUnavailable("OperationalError")

    monkeypatch.setattr(world.parts.metrics, "_read", be_away)

    found = scrape(world, write=False)

    assert found["issuer_database_up"] == {(): 0}
    assert found.get("issuer_tokens_issued_total", {}) == {}


def test_the_database_is_asked_at_most_once_a_second(world):
    scrape(world)
    asked = []
    event.listen(world.parts.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    for _ in range(5):
        world.send("GET", "/metrics", headers=BEARER)
    assert asked == []
    scrape(world)
    assert 0 < len([statement for statement in asked if statement.startswith("SELECT")]) <= 6


def test_a_token_request_asks_the_database_nothing_for_the_metrics(world, robot):
    world.look()
    ask(world, robot)
    asked = []
    event.listen(world.parts.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    assert ask(world, robot).status == 200

    assert asked == []


HOSTILE = ['x"} 1\nevil 2', "a\\b", "\n", "é" * 100, "orders" * 1000, "' OR 1=1 --", "{}", "__name__"]


def test_what_requests_bring_makes_no_label(world, robot):
    world.look()
    before = {name: set(series) for name, series in scrape(world).items()}
    for text in HOSTILE:
        ask(world, robot, resource=text)
        ask(world, robot, audience=text)
        ask(world, robot, scope=text)
        ask(world, robot, grant_type=text)
        world.ask(Credentials(text, text), grant_type="client_credentials")
        world.send("GET", "/metrics/" + "x", headers=BEARER)

    found = scrape(world)

    refused = found.pop("issuer_token_requests_refused_total")
    values = {value for labels in refused for _, value in labels}
    assert values <= {
        "client_credentials", "none", "invalid_request", "invalid_target", "invalid_scope", "invalid_client",
        "unsupported_grant_type",
    }  # fmt: skip
    assert sum(refused.values()) == 5 * len(HOSTILE)
    assert {name: set(series) for name, series in found.items()} == before


def test_clients_subjects_addresses_and_tokens_are_told_nowhere(world, robot):
    world.look()
    answer = ask(world, robot)
    world.parts.usage.write_once()

    text = world.send("GET", "/metrics", headers=BEARER).body.decode()

    assert answer.token not in text
    assert robot.client_id not in text
    assert answer.claims["jti"] not in text
    assert "127.0.0.1" not in text


@ON_BOTH_DATABASES
def test_two_hundred_audiences_have_names_and_the_rest_has_one(world, monkeypatch):
    """Those that tokens were issued for first, so that no sum ever goes down."""
    names = {number: f"https://a{number}.example" for number in range(1, 251)}
    monkeypatch.setattr(
        audiences, "list_primary_identifiers", lambda _connection, ids: {one: names[one] for one in ids}
    )
    count(world, {number: START + number for number in names})
    first = scrape(world)["issuer_tokens_issued_total"]

    assert len(first) == 201
    assert labelled(first) == {*(names[number] for number in range(1, 201)), "other"}
    assert first[of(grant_type="client_credentials", audience="other")] == 50

    # The last becomes the busiest by far: it stays where it is.
    count(world, {250: START + 1000}, times=10_000)
    second = scrape(world)["issuer_tokens_issued_total"]

    assert labelled(second) == labelled(first)
    assert all(second[labels] >= first[labels] for labels in first)
    assert second[of(grant_type="client_credentials", audience="other")] == 10_050


def test_an_audience_called_other_is_told_once(world, monkeypatch):
    monkeypatch.setattr(statistics, "MOST_NAMED", 1)
    monkeypatch.setattr(
        audiences, "list_primary_identifiers", lambda _connection, ids: dict.fromkeys(ids, "other")
    )
    count(world, {1: START, 2: START + 1})

    found = scrape(world)["issuer_tokens_issued_total"]

    assert found == {of(grant_type="client_credentials", audience="other"): 2}


def count(world: World, at_by_audience: dict[int, int], times: int = 1) -> None:
    sums = {
        UsageKey(START, 1, audience_id, "client_credentials", "issued"): UsageSum(times, at, 0)
        for audience_id, at in at_by_audience.items()
    }
    with database.writing(world.parts.engine) as connection:
        usage.add_counts(connection, sums)


def labelled(series: dict) -> set[str]:
    return {dict(labels)["audience"] for labels in series}
