"""Timelines of keys: every place lies within the picture, whatever the times are."""

from dataclasses import replace

import pytest

from issuer.admin import key_timeline
from issuer.model.signing_key import KeyPurpose, KeyState, StoredKey

NOW, DAY = 1_800_000_000, 86_400
HORIZON = 961
KEY = StoredKey(
    kid="k",
    purpose=KeyPurpose.TOKEN,
    alg="ES256",
    public_jwk={},
    sealed=b"x",
    master_key_id="m",
    created_at=NOW - 30 * DAY,
    published_at=NOW - 30 * DAY,
    signs_from=NOW - 29 * DAY,
    signs_until=None,
    verify_until=None,
    compromised_at=None,
    longest_lifetime_seconds=DAY,
)
PENDING = replace(KEY, published_at=NOW, signs_from=NOW + DAY)
ENDING = replace(KEY, signs_until=NOW + DAY, verify_until=NOW + 2 * DAY + 90)


def draw(*keys):
    return key_timeline.draw(keys, NOW, HORIZON)


def test_a_rotation_is_drawn_around_now():
    drawn = draw(PENDING, ENDING)

    waiting, ending = drawn.lanes
    assert [span.state for span in waiting.spans] == [KeyState.PENDING, KeyState.ACTIVE]
    assert [span.state for span in ending.spans] == [KeyState.PENDING, KeyState.ACTIVE, KeyState.RETIRED]
    assert [(mark.what, mark.at) for mark in waiting.marks] == [("horizon", NOW + HORIZON)]
    assert [(mark.what, mark.at) for mark in ending.marks] == [("last-token", NOW + 2 * DAY)]
    assert waiting.spans[0].x == drawn.now
    assert waiting.spans[1].x == ending.spans[2].x
    assert 45 < drawn.now < 55


def test_a_compromised_key_ends_when_it_was_found_out():
    (lane,) = draw(replace(ENDING, compromised_at=NOW)).lanes

    assert [(span.state, span.ends) for span in lane.spans] == [
        (KeyState.PENDING, KEY.signs_from),
        (KeyState.ACTIVE, NOW),
        (KeyState.COMPROMISED, None),
    ]
    assert lane.marks == ()


def test_a_key_of_refresh_tokens_has_no_horizon():
    assert draw(replace(PENDING, public_jwk=None)).lanes[0].marks == ()


def test_removed_keys_and_all_but_the_newest_few_are_left_out():
    removed = replace(KEY, signs_until=NOW - 2 * DAY, verify_until=NOW - DAY)

    assert draw(removed).lanes == ()
    assert len(draw(*[KEY] * 20).lanes) == key_timeline.MOST_LANES


@pytest.mark.parametrize(
    "times",
    [
        {"published_at": 1, "signs_from": 1},
        {"signs_until": NOW, "verify_until": NOW},
        {"signs_from": NOW, "signs_until": NOW, "verify_until": NOW + 4000 * DAY},
        {"signs_until": NOW + 4000 * DAY, "verify_until": 2**40},
        {"published_at": NOW + DAY, "signs_from": NOW + 400 * DAY},
        {"signs_from": NOW, "signs_until": NOW, "verify_until": NOW, "compromised_at": NOW},
    ],
)
def test_nothing_lies_outside_the_picture(times):
    drawn = draw(replace(KEY, **times))

    assert drawn.begins < NOW < drawn.ends
    assert 0 <= drawn.now <= 100
    for lane in drawn.lanes:
        assert all(0 <= span.x <= 100 and 0 < span.width <= 100 for span in lane.spans)
        assert all(0 <= mark.x <= 100 for mark in lane.marks)
