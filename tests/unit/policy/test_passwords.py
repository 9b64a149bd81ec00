"""Passwords that may be set, and those that everybody would try."""

import pytest

from issuer.errors import InvalidValue
from issuer.policy import passwords

KNOWN = ("marianne@shop.example", "https://issuer.acme-tools.example/auth")


@pytest.mark.parametrize(
    "password",
    [
        "blue lamp under the quiet river",
        "Tr0ub4dor&3-mast",
        "kX9#vQ2!mZ7p",
        "vier wilde Gänse über Köln",
        "東京の夏は暑くて長いですよ本当",
        " leading and trailing kiwi ",
        "x" * 6 + "kwz94hqbm2",
        "9f3a1c7e5b2d",
        "<script>alert('zucchini')</script>",
        "qé" * 3 + "wolkenkuckucksheim" * 13,
    ],
)
def test_what_nobody_would_try_may_be_set(password):
    passwords.check_password(password, KNOWN)


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password1234!",
        "P@ssw0rd12345",
        "passwordpassword",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "xkxkxkxkxkxkxkxk",
        "123456789012",
        "qwertyuiop1234",
        "1qaz2wsx3edc4rfv",
        "q1w2e3r4t5y6",
        "Administrator1!",
        "changeme-changeme",
        "correcthorsebatterystaple",
        "letmein letmein",
        "Marianne2026!",
        "marianne@shop.example",
        "AcmeTools2026",
        "acme-tools-2027",
        "Welcome2Issuer!",
        "Summer2026!!",
        "            ",
    ],
)
def test_what_everybody_tries_is_refused(password):
    with pytest.raises(InvalidValue) as refused:
        passwords.check_password(password, KNOWN)

    assert "easy to guess" in refused.value.detail


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "at least 12"),
        ("kX9#vQ2!mZ7", "at least 12"),
        ("kX9#vQ2!mZ7p" * 22, "at most 256"),
        ("蘭" * 128 + "𠮷" * 128 + "x", "at most 256"),
        ("kX9#vQ2!mZ7p\x00", "control"),
        ("kX9#vQ2!\nmZ7p", "control"),
        ("kX9#vQ2!\x7fmZ7p", "control"),
        ("kX9#vQ2!\ud800mZ7p", "control"),
        ("kX9#vQ2!\u2028mZ7p", "control"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_what_cannot_be_typed_or_is_too_short_or_long_is_refused(password, said):
    with pytest.raises(InvalidValue) as refused:
        passwords.check_password(password, KNOWN)

    assert said in refused.value.detail


def test_the_refusal_does_not_hold_the_password():
    with pytest.raises(InvalidValue) as refused:
        passwords.check_password("Marianne2026!", KNOWN)

    assert "2026" not in refused.value.detail
