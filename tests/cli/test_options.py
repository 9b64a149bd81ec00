"""Options that hold more than text."""

import click
import pytest

from issuer.cli.options import CLAIM, DATE


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2027-01-31", 1801353600),
        ("2027-01-31T00:00:00", 1801353600),
        ("2027-01-31T00:00:00Z", 1801353600),
        ("2027-01-31T01:00:00+01:00", 1801353600),
        ("2027-01-31T00:00:00.900Z", 1801353600),
    ],
)
def test_date_is_utc_unless_it_says_otherwise(text: str, at: int):
    assert DATE.convert(text, None, None) == at


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2027-02-30", "31.01.2027", "1801353600 "),
        # Of a year that no four digits hold, once it is in UTC; before all times.
        *("9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "1969-12-31"),
    ],
)
def test_what_is_no_date_is_misuse(text: str):
    with pytest.raises(click.BadParameter, match="no date such as 2027-01-31"):
        DATE.convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ('tier="gold"', ("tier", "gold")),
        ("level=3", ("level", 3)),
        ("on=true", ("on", True)),
        ('list=["a","b=c"]', ("list", ["a", "b=c"])),
        ('https://x.example/tier="a"', ("https://x.example/tier", "a")),
    ],
)
def test_claim_is_a_name_and_json(text: str, claim: tuple[str, object]):
    assert CLAIM.convert(text, None, None) == claim


@pytest.mark.parametrize(
    "text", ["tier", "=3", "tier=gold", "tier=", "n=NaN", "n=-Infinity", "n=" + "[" * 99_999]
)
def test_what_is_no_claim_is_misuse(text: str):
    with pytest.raises(click.BadParameter):
        CLAIM.convert(text, None, None)
