"""`issuer key`: rotating, what is printed of it, and what stops it."""

import base64

import pytest

from tests.cli.conftest import START

DAY = 86_400
FIRST, LATER = "2027-01-15T08:00:00Z", "2027-01-16T08:00:00Z"


def test_rotate_tells_from_when_the_next_key_signs(used):
    ran = used("key", "rotate", "--alg", "ES256", "--json")

    (item,) = ran.document["items"]
    assert ran.status == 0
    assert (item["alg"], item["purpose"], item["state"]) == ("ES256", "token", "pending")
    assert (item["published_at"], item["signs_from"], item["signs_until"]) == (FIRST, LATER, None)
    listed = {key["kid"]: key for key in used("key", "list", "--json").document["items"]}
    assert listed[item["previous_kid"]]["signs_until"] == LATER
    assert listed[item["previous_kid"]]["state"] == "active"


def test_rotate_takes_the_time_from_the_settings(used):
    ran = used("key", "rotate", "--alg", "ES256", "--json", env={"ISSUER_KEY_PUBLISH_AHEAD_SECONDS": "3600"})

    assert ran.document["items"][0]["signs_from"] == "2027-01-15T09:00:00Z"


def test_rotate_takes_every_algorithm_by_default(used):
    ran = used("key", "rotate", "--json")

    assert [item["alg"] for item in ran.document["items"]] == ["RS256", "ES256", "HS256"]
    assert len(used("key", "list", "--json").document["items"]) == 6


def test_rotate_prints_when_each_key_signs_and_the_one_before_verifies(used):
    ran = used("key", "rotate", "--alg", "ES256", "--alg", "HS256")

    lines = ran.out.splitlines()
    assert [line.split()[0] for line in lines[::2]] == ["ES256:", "HS256:"]
    assert lines[0].endswith(f" is published, signs from {LATER}.")
    assert lines[1].endswith(" verifies until 2027-01-17T08:01:30Z.")
    assert "published" not in lines[2]
    assert lines[2].endswith(" signs from 2027-01-15T08:00:35Z.")


def test_rotate_now_signs_at_once_and_tells_what_breaks(used):
    ran = used("key", "rotate", "--now", "--alg", "ES256", "--alg", "HS256", "--json")

    assert [(item["state"], item["signs_from"]) for item in ran.document["items"]] == [("active", FIRST)] * 2
    of_token, of_refresh = ran.err.splitlines()
    assert of_token.startswith("ES256 signs at once: services that have cached the JWKS refuse its tokens")
    assert "10 minutes" in of_token
    assert of_refresh.startswith("HS256 signs at once: a serving process that has not seen it yet")


def test_a_second_rotation_is_refused_with_the_time_of_the_first(used):
    used("key", "rotate", "--alg", "ES256")

    ran = used("key", "rotate", "--alg", "ES256", "--json")

    reason = f"A next ES256 key is already waiting, it signs at {LATER}."
    assert (ran.status, ran.document) == (1, {"error": "conflict", "reason": reason})


def test_rotate_of_an_unknown_algorithm_is_misuse(used):
    assert used("key", "rotate", "--alg", "none").status == 2


def test_rotate_with_another_master_key_is_refused(used):
    other = base64.urlsafe_b64encode(b"o" * 32).decode()

    ran = used("key", "rotate", "--alg", "ES256", "--json", env={"ISSUER_MASTER_KEY": other})

    assert (ran.status, ran.document["error"]) == (1, "wrong_master_key")
    assert len(used("key", "list", "--json").document["items"]) == 3


@pytest.mark.parametrize("seconds", ["0", "960"])
def test_no_setting_lets_a_key_sign_before_verifiers_know_it(used, seconds):
    ran = used("key", "rotate", "--json", env={"ISSUER_KEY_PUBLISH_AHEAD_SECONDS": seconds})

    assert (ran.status, ran.document["error"]) == (1, "invalid_settings")


def test_list_shows_published_signing_and_verifying(used, clock):
    used("key", "rotate", "--alg", "ES256")
    clock.step(DAY)

    header, *rows = used("key", "list").out.splitlines()

    assert header.split() == [
        *("kid", "purpose", "alg", "state"),
        *("published_at", "signs_from", "signs_until", "verify_until", "audience"),
    ]
    assert clock.at == START + DAY
    assert sorted(tuple(row.split()[1:4]) for row in rows) == [
        ("refresh", "HS256", "active"),
        ("token", "ES256", "active"),
        ("token", "ES256", "retired"),
        ("token", "RS256", "active"),
    ]


def find_signing(used, alg="ES256"):
    """Return the kid of the key that signs now."""
    items = used("key", "list", "--json").document["items"]
    (kid,) = [item["kid"] for item in items if (item["alg"], item["state"]) == (alg, "active")]
    return kid


def test_a_retired_key_is_followed_at_once(used):
    kid = find_signing(used)

    ran = used("key", "retire", kid, "--json")

    retired, made = ran.document["items"]
    assert (ran.status, retired["kid"], retired["state"]) == (0, kid, "retired")
    assert (made["kid"], made["state"]) == (find_signing(used), "active")
    assert ran.err.startswith("ES256 signs at once: services that have cached the JWKS refuse its tokens")
    assert "10 minutes" in ran.err


def test_a_compromised_key_is_followed_at_once_and_it_is_told_what_breaks(used):
    kid = find_signing(used)

    ran = used("key", "compromise", kid)

    assert ran.status == 0
    assert ran.out.splitlines()[0] == f"ES256: {kid} is compromised."
    assert ran.out.splitlines()[1] == f"ES256: {find_signing(used)} is active."
    assert ran.err.startswith(
        f"{kid} is compromised: services that have cached the JWKS accept what it signed"
    )
    assert "10 minutes" in ran.err


def test_a_compromised_key_of_refresh_tokens_lets_clients_start_afresh(used):
    ran = used("key", "compromise", find_signing(used, "HS256"))

    assert ran.err.endswith(
        "every refresh token that it signed is refused from now on: clients start afresh.\n"
    )


@pytest.mark.parametrize(
    ("alg", "told"),
    [
        ("ES256", "until they fetch the JWKS again, most for 5 to 10 minutes."),
        ("HS256", "it had signed nothing, so nobody notices."),
    ],
)
def test_of_a_compromised_key_that_waited_no_more_is_told_than_breaks(used, alg, told):
    signing = find_signing(used, alg)
    (waiting,) = used("key", "rotate", "--alg", alg, "--json").document["items"]

    ran = used("key", "compromise", waiting["kid"])

    assert told in ran.err
    assert "new key" not in ran.err
    assert find_signing(used, alg) == signing


@pytest.mark.parametrize("act", ["retire", "compromise"])
def test_a_key_that_is_not_there_is_refused(used, act):
    ran = used("key", act, "nobody", "--json")

    assert (ran.status, ran.document["reason"]) == (1, "There is no key nobody: see `issuer key list`.")
