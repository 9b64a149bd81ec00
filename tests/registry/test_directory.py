"""The directory: what a refused identifier could have meant."""

import pytest

from issuer.policy import identifiers
from issuer.registry.directory import Directory
from issuer.store.audiences import RegisteredIdentifier

NAMES = (
    "https://orders.example/api",
    "https://billing.example/",
    "warehouse",
    "http://plain.example/x",
    "API3.App",
)


@pytest.fixture
def directory() -> Directory:
    """Give a directory of a few identifiers."""
    return Directory(RegisteredIdentifier(name, identifiers.canonical_form(name), "active") for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_registered_identifier_is_told_with_its_state(directory: Directory, name: str) -> None:
    assert directory.describe(name) == f"{name!r} is registered (active)"


def test_other_spelling_of_a_registered_identifier_is_registered(directory: Directory) -> None:
    assert directory.describe("HTTPS://Billing.Example:443") == (
        "'HTTPS://Billing.Example:443' is registered (active)"
    )


@pytest.mark.parametrize(
    ("asked", "near", "difference"),
    [
        ("https://orders.example/api/", "https://orders.example/api", "the trailing slash"),
        ("https://orders.example/API", "https://orders.example/api", "the case"),
        ("http://orders.example/api", "https://orders.example/api", "the scheme"),
        ("https://plain.example/x", "http://plain.example/x", "the scheme"),
        ("http://billing.example", "https://billing.example/", "the scheme"),
        ("Warehouse", "warehouse", "the case"),
        ("api3.app", "API3.App", "the case"),
        ("warehouse/", "warehouse", "the trailing slash"),
    ],
)
def test_near_twin_is_told_with_what_differs(
    directory: Directory, asked: str, near: str, difference: str
) -> None:
    assert directory.describe(asked) == (
        f"{asked!r} is not registered; {near!r} is: only {difference} differs"
    )


@pytest.mark.parametrize("asked", ["https://unknown.example", "x", "https://orders.example/apis"])
def test_identifier_without_a_twin_is_not_registered(directory: Directory, asked: str) -> None:
    assert directory.describe(asked) == f"{asked!r} is not registered"


@pytest.mark.parametrize(
    "asked", ["", "/", "\n", "https://", "http://[", "a b", "\N{SNOWMAN}", "x" * 5000, "https://h:99999/"]
)
def test_whatever_was_sent_is_described_on_one_line(directory: Directory, asked: str) -> None:
    told = directory.describe(asked)

    assert told.endswith("is not registered")
    assert "\n" not in told
