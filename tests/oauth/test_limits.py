"""Too many failures and too many requests, as clients are told (RFC 6585 §4)."""

import pytest

from issuer.errors import InvalidClient, RateLimited, TooManyFailures
from issuer.registry import clients
from tests.oauth.holders import CHALLENGE, INTROSPECT, present
from tests.oauth.world import (
    ON_BOTH_DATABASES,
    Answer,
    Credentials,
    World,
    assert_refused,
    encode,
    watching_statements,
)

HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"
WRONG = "isr_" + "x" * 43


def ask(world: World, credentials: Credentials, address: str = HERE) -> Answer:
    """Ask for a token from an address."""
    return world.post(
        encode({}), {"Authorization": credentials.basic}, environ_overrides={"REMOTE_ADDR": address}
    )


def fail(world: World, client_id: str, times: int, address: str = HERE) -> list[tuple[int, str | None]]:
    """Fail some times and return each answer's status and Retry-After."""
    answers = [ask(world, Credentials(client_id, WRONG), address) for _ in range(times)]
    return [(answer.status, answer.headers.get("Retry-After")) for answer in answers]


@ON_BOTH_DATABASES
def test_the_sixth_attempt_is_refused_unseen_and_each_lock_is_longer(world: World, robot: Credentials, clock):
    assert fail(world, robot.client_id, 5) == [(401, None)] * 5

    assert_refused(ask(world, robot), TooManyFailures, **{"Retry-After": "1"})
    clock.step(3)
    assert fail(world, robot.client_id, 2) == [(401, None), (429, "4")]


def test_a_good_secret_from_another_address_is_never_refused(world: World, robot: Credentials):
    fail(world, robot.client_id, 50)

    assert ask(world, robot, ELSEWHERE).status == 200


def test_a_good_secret_of_another_client_at_that_address_is_never_refused(world: World, robot: Credentials):
    other = world.add_client("Other", "https://orders.example")
    fail(world, robot.client_id, 50)
    fail(world, "nobody", 50)

    assert ask(world, other).status == 200


def test_a_success_forgets_the_failures(world: World, robot: Credentials):
    assert fail(world, robot.client_id, 4)[-1] == (401, None)
    assert ask(world, robot).status == 200

    fail(world, robot.client_id, 4)

    assert ask(world, robot).status == 200


def test_a_client_that_is_enabled_again_is_not_locked(world: World, robot: Credentials):
    """It went on asking with a good secret, which is no guessing."""
    clients.disable_client(world.registrar, robot.client_id)
    world.look()
    assert [ask(world, robot).status for _ in range(7)] == [401] * 5 + [429] * 2
    clients.enable_client(world.registrar, robot.client_id)
    world.look()

    assert ask(world, robot).status == 200


@pytest.mark.parametrize("before", [0, 3, 8])
def test_a_locked_client_and_an_unknown_one_are_told_the_same(
    world: World, robot: Credentials, clock, before
):
    """Whoever counts answers learns no client_id: FAB CVE-2021-29621, OpenBao CVE-2025-54999."""
    seen = []
    for client_id, address in ((robot.client_id, HERE), ("nobody", ELSEWHERE)):
        told = fail(world, "someone", before, address) + fail(world, client_id, 8, address)
        told += fail(world, "another", 2, address)
        seen.append(told)

    assert seen[0] == seen[1]


def test_the_locks_of_known_and_unknown_stay_alike_as_time_goes_on(world: World, robot: Credentials, clock):
    seen: dict[str, list] = {HERE: [], ELSEWHERE: []}
    for pause in (0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 0, 5, 8, 13, 40, 300, 900, 1, 0):
        clock.step(pause)
        world.look()
        for client_id, address in ((robot.client_id, HERE), ("nobody", ELSEWHERE)):
            seen[address] += fail(world, client_id, 1, address)

    assert seen[HERE] == seen[ELSEWHERE]
    assert {status for status, _ in seen[HERE]} == {401, 429}


@pytest.mark.parametrize("spelling", ["2001:db8::{}", "192.0.2.1:{}", "[2001:db8::1]:{}"])
def test_another_port_or_interface_is_the_same_guesser(world: World, robot: Credentials, spelling: str):
    for number in range(1, 6):
        fail(world, robot.client_id, 1, spelling.format(number))

    assert ask(world, robot, spelling.format(9)).status == 429


def test_a_request_without_credentials_is_no_attempt(world: World, robot: Credentials):
    for _ in range(10):
        world.post(encode({}), environ_overrides={"REMOTE_ADDR": HERE})

    assert fail(world, robot.client_id, 1) == [(401, None)]


def test_introspection_and_revocation_count_alike(world: World, robot: Credentials):
    for path in (INTROSPECT, "/oauth/revoke") * 3:
        present(world, path, Credentials(robot.client_id, WRONG), "x")

    refused = world.ask(robot)

    assert_refused(refused, TooManyFailures, **{"Retry-After": "2"})
    assert refused.json["error"] == "too_many_failures"


def test_a_success_after_failures_runs_no_statement(world: World, robot: Credentials):
    ask(world, robot)
    fail(world, robot.client_id, 3)

    with watching_statements(world.parts.engine) as statements:
        ask(world, robot)

    assert statements == []


def test_no_failure_writes_and_a_lock_does_not_change_the_work(world: World, robot: Credentials):
    """Neither the number of statements nor their kind tells whether a client is registered."""
    ask(world, robot)
    run = {}

    for client_id, address in ((robot.client_id, HERE), ("nobody", ELSEWHERE)):
        with watching_statements(world.parts.engine) as statements:
            told = fail(world, client_id, 8, address)
        assert [status for status, _ in told] == [401] * 5 + [429] * 3
        run[client_id] = list(statements)

    assert run[robot.client_id] == run["nobody"] != []
    assert {statement.split()[0] for statement in run["nobody"]} == {"BEGIN", "SELECT"}


def test_a_lockout_is_logged_and_counted_under_its_own_name(world: World, robot: Credentials):
    fail(world, robot.client_id, 6)

    line = world.lines()[-1]
    assert (line["error"], line["client_id"], line["ip"]) == ("too_many_failures", "", HERE)
    assert line["reason"] == f"the client {robot.client_id} is locked from this address"
    outcomes = {outcome: count for _, _, _, outcome, count, _, _ in world.usage()}
    assert outcomes == {"invalid_client": 5, "too_many_failures": 1}


def test_the_answer_of_a_failure_before_the_lock_is_as_ever(world: World, robot: Credentials):
    assert_refused(ask(world, Credentials(robot.client_id, WRONG)), InvalidClient, **CHALLENGE)


def test_of_many_guesses_few_are_looked_at(world: World, robot: Credentials, clock):
    """OAuth 2.1 §7.7: ten guesses a second for two minutes."""
    for _ in range(120):
        clock.step(1)
        world.look()
        fail(world, robot.client_id, 10)

    looked_at = [line for line in world.lines() if "no usable secret" in line["reason"]]
    # Locked for 1, 2, 4 … 32 s in between; the next lock takes 64 s.
    assert len(looked_at) == 5 + 6


def test_a_client_that_asks_too_often_is_told_when_to_come_again(open_world, clock):
    world = open_world(client_requests_per_second="1", client_burst="2")
    world.add_audience("orders")
    robot, other = world.add_client("Robot", "orders"), world.add_client("Other", "orders")
    assert [ask(world, robot).status for _ in range(2)] == [200, 200]

    assert_refused(ask(world, robot), RateLimited, **{"Retry-After": "1"})
    assert ask(world, other).status == 200
    assert world.lines()[-2]["error"] == "rate_limited"
    assert world.lines()[-2]["client_id"] == robot.client_id
    assert (robot.client_id, None, "client_credentials", "rate_limited", 1) in {
        each[:5] for each in world.usage()
    }
    clock.step(1)
    assert ask(world, robot).status == 200


def test_who_is_not_authenticated_takes_nothing_from_a_bucket(open_world):
    world = open_world(client_requests_per_second="1", client_burst="1")
    world.add_audience("orders")
    robot = world.add_client("Robot", "orders")
    fail(world, robot.client_id, 4)

    assert ask(world, robot).status == 200
