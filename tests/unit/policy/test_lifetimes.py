"""How long tokens live: the minimum of all that have a say."""

import pytest

from issuer.policy import lifetimes
from issuer.policy.lifetimes import Lifetimes, RefreshLifetimes
from tests.unit.policy.builders import audience, client, token_policy

HOUR = 3600
DAY = 24 * HOUR
BOUNDS = Lifetimes(access_token_seconds=900, access_token_max_seconds=DAY)
REFRESH_BOUNDS = RefreshLifetimes(idle_seconds=14 * DAY, absolute_seconds=90 * DAY)


def living(*seconds: int | None):
    """Return audiences with these lifetimes of their access tokens."""
    return [audience(f"api-{n}", n + 1, policy=token_policy(seconds=one)) for n, one in enumerate(seconds)]


@pytest.mark.parametrize(
    ("audiences", "cap", "seconds"),
    [
        pytest.param([None], None, 900, id="server-default"),
        pytest.param([300], None, 300, id="audience-shorter"),
        pytest.param([HOUR], None, HOUR, id="audience-longer-than-default"),
        pytest.param([2 * DAY], None, DAY, id="server-maximum"),
        pytest.param([2 * DAY], 3 * DAY, DAY, id="client-cap-beyond-server-maximum"),
        pytest.param([HOUR], 600, 600, id="client-cap"),
        pytest.param([None], 600, 600, id="client-cap-on-default"),
        pytest.param([300], 600, 300, id="client-cap-lengthens-nothing"),
        pytest.param([None], HOUR, 900, id="client-cap-lengthens-no-default"),
        pytest.param([HOUR, 300, 600], None, 300, id="shortest-of-several"),
        pytest.param([HOUR, None], None, 900, id="default-among-several"),
        pytest.param([0], None, 0, id="zero-is-no-default"),
        pytest.param([HOUR], 0, 0, id="zero-cap-is-a-cap"),
    ],
)
def test_an_access_token_lives_as_short_as_anyone_says(audiences, cap, seconds):
    lifetime = lifetimes.access_token_seconds(living(*audiences), client(max_seconds=cap), BOUNDS)

    assert lifetime == seconds


@pytest.mark.parametrize(
    ("policies", "idle", "absolute"),
    [
        pytest.param([(None, None)], 14 * DAY, 90 * DAY, id="server-defaults"),
        pytest.param([(DAY, 7 * DAY)], DAY, 7 * DAY, id="audience-shorter"),
        pytest.param([(30 * DAY, 365 * DAY)], 30 * DAY, 365 * DAY, id="audience-longer"),
        pytest.param([(DAY, 60 * DAY), (2 * DAY, 30 * DAY)], DAY, 30 * DAY, id="each-its-own-minimum"),
        pytest.param([(30 * DAY, None), (None, 365 * DAY)], 14 * DAY, 90 * DAY, id="defaults-among-several"),
        pytest.param([(None, DAY)], DAY, DAY, id="idle-no-longer-than-absolute"),
        pytest.param([(0, 0)], 0, 0, id="zero-is-no-default"),
    ],
)
def test_a_refresh_token_lives_as_short_as_anyone_says(policies, idle, absolute):
    audiences = [
        audience(f"api-{n}", n + 1, policy=token_policy(idle=one, absolute=other))
        for n, (one, other) in enumerate(policies)
    ]

    refresh = lifetimes.refresh_lifetimes(audiences, REFRESH_BOUNDS)

    assert refresh == RefreshLifetimes(idle, absolute)


@pytest.mark.parametrize(
    ("own", "cap", "default", "maximum", "seconds", "origin"),
    [
        (900, None, 600, 86400, 900, "audience"),
        (None, None, 600, 86400, 600, "server default"),
        (900, 300, 600, 86400, 300, "client cap"),
        (900, 900, 600, 86400, 900, "audience"),
        (900, 7200, 600, 86400, 900, "audience"),
        (900, None, 600, 120, 120, "server maximum"),
        (None, 200, 600, 120, 120, "server maximum"),
        (None, 0, 600, 120, 0, "client cap"),
    ],
)
def test_the_life_of_an_access_token_says_whose_word_it_is(own, cap, default, maximum, seconds, origin):
    bounds = Lifetimes(default, maximum)

    found = lifetimes.explain_access_token(token_policy(seconds=own), cap, bounds)

    assert (found.seconds, found.origin) == (seconds, origin)
    assert found.seconds == lifetimes.access_token_seconds(living(own), client(max_seconds=cap), bounds)


@pytest.mark.parametrize(
    ("idle", "absolute", "shown"),
    [
        (None, None, ((10, "server default"), (20, "server default"))),
        (5, None, ((5, "audience"), (20, "server default"))),
        (None, 7, ((7, "absolute life"), (7, "audience"))),
        (30, 40, ((30, "audience"), (40, "audience"))),
    ],
)
def test_the_lives_of_a_refresh_token_say_whose_word_they_are(idle, absolute, shown):
    policy = token_policy(idle=idle, absolute=absolute)
    defaults = RefreshLifetimes(10, 20)

    found = lifetimes.explain_refresh(policy, defaults)

    assert tuple((one.seconds, one.origin) for one in found) == shown
    whole = lifetimes.refresh_lifetimes([audience("api", policy=policy)], defaults)
    assert (whole.idle_seconds, whole.absolute_seconds) == (found[0].seconds, found[1].seconds)
