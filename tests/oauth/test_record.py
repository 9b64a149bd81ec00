"""The record: one log line for every answer of the token endpoint, counts, and rows where asked for."""

import json
import os
import threading

import pytest
from sqlalchemy import select as sql_select

from issuer.errors import TemporarilyUnavailable
from issuer.store import db as database
from issuer.store.tables import ClientSecretRow, IssuanceRow
from tests.oauth.world import (
    ON_BOTH_DATABASES,
    TOKEN,
    Credentials,
    World,
    assert_refused,
)

NOW = 1_800_000_000
HOUR = NOW - NOW % 3600
ORDERS = "https://orders.example"
AT = "2027-01-15T08:00:00Z"


def test_an_issued_token_leaves_one_line_that_tells_all_but_the_token(world: World, robot: Credentials):
    answer = world.ask(robot, resource=ORDERS)

    assert world.lines() == [
        {
            "ts": AT,
            "event": "token.issued",
            "request_id": answer.headers["X-Request-ID"],
            "client_id": robot.client_id,
            "grant_type": "client_credentials",
            "aud": [ORDERS],
            "scope": "read write",
            "sub": robot.client_id,
            "jti": answer.claims["jti"],
            "kid": answer.token_header["kid"],
            "exp": NOW + 900,
            "ip": "127.0.0.1",
        }
    ]


def test_a_refusal_leaves_one_line_that_tells_what_the_answer_does_not(world: World, robot: Credentials):
    answer = world.ask(robot, resource="https://orders.example/api")

    assert world.lines() == [
        {
            "ts": AT,
            "event": "token.refused",
            "request_id": answer.headers["X-Request-ID"],
            "client_id": robot.client_id,
            "grant_type": "client_credentials",
            "asked": ["https://orders.example/api"],
            "error": "invalid_target",
            "reason": "this client has no permission for 'https://orders.example/api'; "
            "'https://orders.example/api' is not registered",
            "ip": "127.0.0.1",
        }
    ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("https://billing.example", "'https://billing.example' is registered (active)"),
        ("https://Orders.example/x/", "only the trailing slash differs"),
        ("http://billing.example", "only the scheme differs"),
        ("POSTED", "'posted' is: only the case differs"),
        ("https://never.example", "'https://never.example' is not registered"),
    ],
)
def test_the_line_tells_what_a_refused_target_could_have_meant(
    world: World, robot: Credentials, asked: str, told: str
):
    world.add_audience("https://billing.example")
    world.add_audience("https://orders.example/x")
    world.add_audience("posted")

    answer = world.ask(robot, audience=asked)

    assert told in world.lines()[0]["reason"]
    assert told.encode() not in answer.body


@pytest.mark.parametrize("way", ["basic", "post"])
def test_a_failed_authentication_tells_which_registered_client_it_was_about(
    world: World, robot: Credentials, way: str
):
    impostor = Credentials(robot.client_id, "wrong")
    answer = world.ask(impostor) if way == "basic" else world.ask(**impostor.form)

    (line,) = world.lines()

    assert (line["event"], line["error"], line["client_id"]) == ("token.refused", "invalid_client", "")
    assert line["reason"] == f"no usable secret of the client {robot.client_id} was presented"
    assert robot.client_id.encode() not in answer.body


@pytest.mark.parametrize("way", ["basic", "post"])
def test_a_secret_in_place_of_a_client_id_is_not_logged(world: World, robot: Credentials, way: str):
    """Somebody may have swapped the two."""
    swapped = Credentials(robot.secret, robot.client_id)
    world.ask(swapped) if way == "basic" else world.ask(**swapped.form)

    assert world.lines()[0]["reason"] == "there is no client with the identifier of a secret"
    assert robot.secret.encode() not in world.log_path.read_bytes()


@pytest.mark.parametrize("secret", ["isr_" + "a" * 43, "eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln"])
@pytest.mark.parametrize("before", ["", " ", "Bearer ", "https://orders.example?token="])
@pytest.mark.parametrize("field", ["grant_type", "audience", "resource"])
def test_a_secret_in_a_wrong_field_is_not_logged(
    world: World, robot: Credentials, field: str, before: str, secret: str
):
    world.ask(robot, **{"grant_type": "client_credentials", field: before + secret})

    (line,) = world.lines()
    assert secret not in json.dumps(line)
    assert "(withheld)" in json.dumps(line)


@pytest.mark.parametrize("secret", ["isr_" + "a" * 43, "eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln"])
def test_a_secret_in_place_of_a_scope_is_not_logged(world: World, robot: Credentials, secret: str):
    world.ask(robot, resource="https://orders.example", scope=secret)

    (line,) = world.lines()
    assert line["reason"] == "no audience of this token defines the scope (withheld)"


def test_a_token_in_place_of_a_client_id_is_not_logged(world: World):
    token = "eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJ4In0.c2ln"
    world.ask(client_id=token, client_secret="x")

    assert world.lines()[0]["reason"] == "there is no client '(withheld)'"


def test_what_only_looks_a_little_like_a_secret_is_logged(world: World, robot: Credentials):
    world.ask(robot, audience="https://keyJar.example/isr_map")

    assert world.lines()[0]["asked"] == ["https://keyJar.example/isr_map"]


def test_every_answer_leaves_exactly_one_line(world: World, robot: Credentials):
    world.ask(robot)
    world.ask(robot, scope="x")
    world.ask(Credentials("nobody", "x"))
    world.post(b"", {"Content-Type": "application/json"})
    world.send("GET", TOKEN)
    world.post(b"x" * 70_000)

    assert [line.get("error", line["event"]) for line in world.lines()] == [
        "token.issued",
        "invalid_scope",
        "invalid_client",
        *["invalid_request"] * 3,
    ]


def test_documents_and_health_leave_no_line(world: World):
    for path in ("/.well-known/jwks.json", "/.well-known/openid-configuration", "/healthz", "/readyz"):
        world.send("GET", path)

    assert world.lines() == []


EVIL = 'a\u2028\u2029\u0085\u202e\x9b31mb"\\</script>'


@pytest.mark.parametrize("name", ["client_id", "grant_type", "scope", "resource", "audience"])
def test_what_is_sent_never_breaks_a_line(town: World, resident: Credentials, name: str):
    """CR, LF, NUL and ESC are refused in the form; every other separator is escaped."""
    since = town.log_size()

    town.ask(resident, **{name: EVIL})

    raw = town.log_path.read_bytes()[since:]
    assert len(raw.splitlines()) == len(raw.decode().splitlines()) == len(town.lines(since)) == 1
    assert raw.isascii()
    assert raw.strip().decode().isprintable()


@pytest.mark.parametrize("name", ["client_id", "grant_type", "scope", "audience"])
@pytest.mark.parametrize("letter", ["\r", "\n", "\x1b", "\x00"])
def test_control_characters_do_not_reach_a_line(town: World, resident: Credentials, name: str, letter: str):
    since = town.log_size()

    town.ask(resident, **{name: f'x{letter}{{"event":"token.issued"}}'})

    assert [line["event"] for line in town.lines(since)] == ["token.refused"]


@pytest.mark.parametrize("letter", ["a", '"', "\\", "\N{SNOWMAN}", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("name", ["grant_type", "audience", "resource"])
def test_a_line_with_more_than_fits_is_cut_and_says_so(
    town: World, resident: Credentials, name: str, letter: str
):
    """Still one JSON object of at most 4,000 bytes, whatever the letters take when they are escaped."""
    value = letter * (5000 if letter.isascii() else 1300)
    since = town.log_size()

    town.ask(resident, **{name: value})
    (line,) = town.lines(since)

    assert (line["event"], line["cut"]) == ("token.refused", True)


def test_a_long_list_is_cut_and_says_so(world: World, robot: Credentials):
    world.ask(robot, audience=[f"https://audience-{number}.example/{'x' * 100}" for number in range(90)])

    (line,) = world.lines()

    assert line["cut"] is True
    assert len(line["asked"]) == 16


def test_everything_too_long_at_once_still_is_one_line(world: World):
    many = [f"{number}{chr(0x1F600) * 250}" for number in range(10)]
    world.ask(
        client_id='"' * 900,
        client_secret="x",
        grant_type="client_credentials",
        audience=many,
        scope="\\" * 5000,
    )

    assert world.lines()[0]["cut"] is True


@ON_BOTH_DATABASES
def test_answers_are_counted_by_hour_client_audience_and_outcome(world: World, robot: Credentials, clock):
    world.ask(robot)
    clock.step(1)
    world.ask(robot)
    world.ask(robot, scope="x")
    world.ask(Credentials("nobody", "x"))
    world.ask(Credentials(robot.client_id, "x"))
    world.ask(robot, grant_type="password")

    grant = "client_credentials"
    assert world.usage() == {
        (robot.client_id, ORDERS, grant, "issued", 2, NOW + 1, NOW + 901),
        (robot.client_id, None, grant, "invalid_scope", 1, NOW + 1, 0),
        (None, None, grant, "invalid_client", 2, NOW + 1, 0),
        (None, None, "", "unsupported_grant_type", 1, NOW + 1, 0),
    }


def test_counts_add_up_over_several_writes(world: World, robot: Credentials):
    world.ask(robot)
    world.usage()
    world.ask(robot)

    assert {row[4] for row in world.usage()} == {2}


def test_a_token_for_several_audiences_counts_for_each(world: World):
    world.add_audience("https://a.example")
    world.add_audience("https://b.example")
    client = world.add_client("Robot", "https://a.example", "https://b.example")

    world.ask(client, resource=["https://a.example", "https://b.example"])

    assert {row[1] for row in world.usage()} == {"https://a.example", "https://b.example"}


def test_what_is_sent_never_grows_the_table_of_counts(world: World):
    """Unbounded labels ended in no memory elsewhere (sigstore, CVE-2026-49835)."""
    for number in range(50):
        world.ask(Credentials(f"nobody{number}", "x"), grant_type=f"grant{number}", audience=f"a{number}")
        world.ask(client_id=f"nobody{number}", client_secret="x", scope=f"s{number}")

    outcomes = {outcome for _, _, _, outcome, *_ in world.usage()}
    assert outcomes == {"invalid_client", "unsupported_grant_type", "too_many_failures"}
    assert len(world.usage()) == 3


@ON_BOTH_DATABASES
def test_the_last_use_of_a_secret_is_written(world: World, robot: Credentials, clock):
    world.ask(robot)
    clock.step(5)
    world.ask(robot)
    world.parts.usage.write_once()

    with database.reading(world.parts.engine) as connection:
        assert connection.execute(sql_select(ClientSecretRow.last_used_at)).scalar_one() == NOW + 5


@ON_BOTH_DATABASES
def test_a_row_is_written_for_each_token_where_that_is_asked_for(open_world, short_cut: str):
    world = open_world(short_cut=short_cut, audit_issuance="database")
    world.add_audience(ORDERS, "read", "write")
    robot = world.add_client("Robot", ORDERS)

    answer = world.ask(robot)
    world.ask(robot, scope="x")

    with database.reading(world.parts.engine) as connection:
        (row,) = connection.execute(sql_select(IssuanceRow.__table__)).mappings()
    assert dict(row) == {
        "jti": answer.claims["jti"],
        "at": NOW,
        "client_id": robot.client_id,
        "sub": robot.client_id,
        "aud": [ORDERS],
        "scope": "read write",
        "grant_type": "client_credentials",
        "kid": answer.token_header["kid"],
        "exp": NOW + 900,
        "request_id": answer.headers["X-Request-ID"],
    }
    assert len(world.lines()) == 2


def test_no_row_is_written_where_log_lines_are_enough(world: World, robot: Credentials):
    world.ask(robot)

    with database.reading(world.parts.engine) as connection:
        assert connection.execute(sql_select(IssuanceRow.jti)).all() == []


@pytest.fixture
def piped(open_world, short_cut: str):
    """Give a world that logs into a pipe, its client, and both ends of the pipe."""
    reading, writing = os.pipe()
    world = open_world(short_cut=short_cut, log_descriptor=writing)
    world.add_audience(ORDERS, "read")
    yield world, world.add_client("Robot", ORDERS), reading, writing
    for descriptor in (reading, writing):
        try:
            os.close(descriptor)
        except OSError:
            continue


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_full_pipe_holds_the_token_back_until_its_line_is_taken(piped, *, is_blocking: bool):
    """A blocked sink slows issuing down, it never loses a line and never gives a token without one."""
    world, robot, reading, writing = piped
    os.set_blocking(writing, False)
    filled = _fill(writing)
    os.set_blocking(writing, is_blocking)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(world.ask(robot)))

    asking.start()
    asking.join(timeout=0.2)
    assert answers == []
    _read(reading, filled)
    asking.join(timeout=60)

    line = json.loads(os.read(reading, 4096))
    assert answers[0].status == 200
    assert line["jti"] == answers[0].claims["jti"]


def test_a_closed_sink_gives_no_token(piped):
    """EPIPE: whoever reads the log is gone. No token without a record."""
    world, robot, reading, _ = piped
    os.close(reading)

    answer = world.ask(robot)

    assert_refused(answer, TemporarilyUnavailable, **{"Retry-After": "1"})


def test_a_closed_sink_gives_no_answer_without_a_record(piped):
    world, _, reading, _ = piped
    os.close(reading)

    assert_refused(world.ask(Credentials("x", "y")), TemporarilyUnavailable, **{"Retry-After": "1"})


def _fill(descriptor: int) -> int:
    filled = 0
    while True:
        try:
            filled += os.write(descriptor, b"\n" * 4096)
        except BlockingIOError:
            return filled


def _read(descriptor: int, size: int) -> None:
    while size:
        size -= len(os.read(descriptor, size))
