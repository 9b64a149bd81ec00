"""The buckets of clients: what one may take, how it refills, and that they are bounded."""

from types import SimpleNamespace

import pytest

from issuer.errors import RateLimited
from issuer.issuing import rates as module
from issuer.issuing.rates import Rates

ROBOT, OTHER = SimpleNamespace(key=1, client_id="robot"), SimpleNamespace(key=2, client_id="other")


def take(rates, times, client=ROBOT):
    """Return how many of some requests were let through."""
    taken = 0
    for _ in range(times):
        try:
            rates.take(client)
        except RateLimited:
            continue
        taken += 1
    return taken


def test_a_bucket_holds_its_burst_and_refills_by_the_second(clock):
    rates = Rates(2, 5, clock)

    assert take(rates, 10) == 5
    clock.step(1)
    assert take(rates, 10) == 2
    clock.step(1000)
    assert take(rates, 10) == 5


def test_each_client_has_its_own(clock):
    rates = Rates(1, 1, clock)
    take(rates, 5)

    assert take(rates, 5, OTHER) == 1


def test_nothing_is_limited_without_a_rate(clock):
    assert take(Rates(0, 1, clock), 1000) == 1000


def test_the_refusal_says_when_to_come_again(clock):
    rates = Rates(3, 1, clock)
    rates.take(ROBOT)

    with pytest.raises(RateLimited) as refused:
        rates.take(ROBOT)

    assert refused.value.retry_after_seconds == 1
    assert refused.value.detail == "robot asks for more than 3 tokens a second"


def test_buckets_are_bounded_and_who_asked_last_keeps_its_own(clock, monkeypatch):
    monkeypatch.setattr(module, "MOST_BUCKETS", 10)
    rates = Rates(1, 2, clock)
    take(rates, 2)
    for key in range(100, 109):
        take(rates, 1, SimpleNamespace(key=key, client_id="x"))

    assert take(rates, 1) == 0
    take(rates, 1, SimpleNamespace(key=200, client_id="x"))
    assert len(rates._buckets) == 10
    assert take(rates, 1) == 0
