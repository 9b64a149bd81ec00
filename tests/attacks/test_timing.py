"""Unknown client and wrong secret: one answer, one work. Whoever measures learns no client_id.

Measured as the server's own CPU time, interleaved, so that neither the machine's load nor its warming up
speaks for one side.
"""

import math
import statistics
import sys
import time
from collections.abc import Callable

import pytest

from issuer.model.user import UserState
from tests.oauth.world import ISSUER, Credentials, World
from tests.pages.signed_in import add_user, find_token, hash_cheaply

MILLISECOND = 1_000_000
_WARM_UP = 20


@pytest.mark.parametrize("way", ["basic", "post"])
@pytest.mark.parametrize("unknown", ["nobody", "robot-zzzzzzzz"])
def test_an_unknown_client_takes_as_long_as_a_wrong_secret(village: World, way: str, unknown: str):
    _compare(village, way, unknown, samples=200)


@pytest.mark.soak
@pytest.mark.parametrize("way", ["basic", "post"])
def test_an_unknown_client_takes_as_long_as_a_wrong_secret_in_2000_samples(village: World, way: str):
    """Enumeration by time: FAB CVE-2021-29621, OpenBao CVE-2025-54999, Vault CVE-2023-3462."""
    _compare(village, way, "nobody", samples=2000)


@pytest.mark.parametrize("position", ["first", "middle", "last"])
def test_it_does_not_matter_where_a_wrong_secret_differs(village: World, position: str):
    robot = village.clients["Robot"]
    at = {"first": 0, "middle": len(robot.secret) // 2, "last": len(robot.secret) - 1}[position]
    near = robot.secret[:at] + "~" + robot.secret[at + 1 :]
    ways = [
        lambda: village.ask(Credentials(robot.client_id, near)),
        lambda: village.ask(Credentials(robot.client_id, "~" * len(robot.secret))),
    ]

    one, other = _measure(ways, 100)

    assert abs(statistics.median(one) - statistics.median(other)) < MILLISECOND


@pytest.mark.parametrize("nobody", ["nobody", "no name", "disabled"])
def test_a_name_that_nobody_has_takes_as_long_at_sign_in(open_world, clock, nobody: str):
    """All but the hash, which is made for everybody: here it costs nothing, and hides nothing."""
    world = open_world()
    hash_cheaply(world.app)
    add_user(world, "alice")
    add_user(world, "disabled", state=UserState.DISABLED)
    page = world.http.open("/admin/sign-in", ISSUER).text
    form = {"csrf_token": find_token(page), "password": "mistaken"}

    def give(name: str) -> int:
        # So long after the one before that it locks nobody.
        clock.step(3600)
        data = {**form, "name": name}
        return world.http.open("/admin/sign-in", ISSUER, method="POST", data=data).status_code

    assert give("alice") == give(nobody) == 422

    of_alice, of_nobody = _measure([lambda: give("alice"), lambda: give(nobody)], 60)

    assert abs(statistics.median(of_alice) - statistics.median(of_nobody)) < MILLISECOND


def _compare(village: World, way: str, unknown: str, samples: int) -> None:
    known = village.clients["Robot" if way == "basic" else "Poster"]

    def ask(credentials: Credentials) -> int:
        # Before each, so that it is the look at the secret that is timed and not the lockout.
        village.forgive()
        answer = village.ask(credentials) if way == "basic" else village.ask(**credentials.form)
        return answer.status

    wrong = Credentials(known.client_id, "isr_" + "x" * 43)
    nobody = Credentials(unknown, "isr_" + "x" * 43)
    assert ask(wrong) == ask(nobody) == 401

    of_wrong, of_nobody = _measure([lambda: ask(wrong), lambda: ask(nobody)], samples)

    difference = abs(statistics.median(of_wrong) - statistics.median(of_nobody))
    sys.stdout.write(
        f"\n{way}: wrong secret {statistics.median(of_wrong) / 1000:.0f} us, "
        f"unknown client {statistics.median(of_nobody) / 1000:.0f} us, "
        f"Mann-Whitney z {_mann_whitney(of_wrong, of_nobody):.2f} ({samples} samples each)\n"
    )
    assert difference < MILLISECOND


def _measure(ways: list[Callable[[], object]], samples: int) -> list[list[int]]:
    taken: list[list[int]] = [[] for _ in ways]
    for round_ in range(_WARM_UP + samples):
        for way, times in zip(ways, taken, strict=True):
            began = time.thread_time_ns()
            way()
            if round_ >= _WARM_UP:
                times.append(time.thread_time_ns() - began)
    return taken


def _mann_whitney(one: list[int], other: list[int]) -> float:
    """Return the z of the rank-sum test: how sure one is that the two samples differ, in deviations."""
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    ranks = sum(rank for rank, (_, side) in enumerate(ranked, start=1) if side == 0)
    count, total = len(one), len(one) + len(other)
    expected = count * (total + 1) / 2
    deviation = math.sqrt(count * len(other) * (total + 1) / 12)
    return (ranks - expected) / deviation
