"""`issuer lint` and `issuer audience lint`."""

import re
import shlex

import click
import pytest

from issuer import terminal

ORDERS = "https://orders.example.com"
DAY = 24 * 3600
FIELDS = ["code", "severity", "noun", "name", "why", "mend"]


@pytest.fixture
def tidy(shop, client_id):
    """Give `issuer` on a registry in which there is nothing to be found."""
    shop("permission", "grant", client_id, "https://billing.example.com", "--scope", "billing:read")
    return shop


@pytest.fixture
def untidy(tidy, client_id, clock):
    """Give `issuer` on a registry with something of nearly every kind, a year and more later."""
    tidy("service", "add", "Junk", "--owner", "unknown")
    for identifier, *options in (
        ("api", "--typ", "JWT", "--access-token-seconds", "7200"),
        ("http://junk.example/tenants/acme?a=1",),
        ("https://orders.example.com/mcp", "--scope", "*"),
        ("https://orders.example.com/mcp/", "--scope", "orders:read", "--scope", "*"),
        ("https://odrers.example.com",),
        ("https://xn--bcher-kva.example:443",),
        ("junk-client",),
    ):
        assert tidy("audience", "add", identifier, "--service", "Junk", *options).status == 0
    tidy("audience", "alias", "add", "api", "old", "--mode", "accept", "--until", "2027-02-01")
    tidy("permission", "grant", client_id, "access")
    tidy("permission", "grant", client_id, "api")
    tidy("client", "change", client_id, "--default-audience", "api")
    tidy("audience", "deprecate", "api")
    tidy("client", "add", "Idle", "--grant", "client_credentials")
    clock.step(400 * DAY)
    return tidy


def test_nothing_found_is_exit_status_0(tidy):
    ran = tidy("lint")

    assert (ran.status, ran.out, ran.err) == (0, "", "Nothing found.\n")


def test_nothing_found_is_an_empty_list(tidy):
    assert tidy("lint", "--json").document == {"items": []}


def test_findings_have_the_documented_fields(untidy):
    items = untidy("lint", "--json").document["items"]

    assert len(items) > 20
    assert [list(item) for item in items] == [FIELDS] * len(items)
    assert {item["severity"] for item in items} == {"error", "warning", "info"}
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", item["code"]) for item in items)


def test_an_error_is_exit_status_1(untidy):
    ran = untidy("lint")

    assert ran.status == 1
    assert ran.out.startswith("error: audience https://orders.example.com/mcp/ (twin-spelling)\n  ")
    assert re.search(r"^Found: 1 error, \d+ warnings, \d+ info\.$", ran.err, re.MULTILINE)


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--strict",), 1)])
def test_a_warning_is_exit_status_1_only_if_asked(tidy, options, status):
    tidy("audience", "change", ORDERS, "--access-token-seconds", "7200")

    assert tidy("lint", *options).status == status


@pytest.mark.parametrize("options", [(), ("--strict",)])
def test_what_is_only_to_be_known_is_exit_status_0(tidy, options):
    tidy("client", "add", "Idle", "--grant", "client_credentials")

    ran = tidy("lint", *options)

    assert (ran.status, ran.err) == (0, "Found: 1 info.\n")


def test_every_mend_names_a_command_that_there_is(untidy):
    """Whoever pastes it gets that command, with options that it takes."""
    mends = [item["mend"] for item in untidy("lint", "--json").document["items"]]

    lines = [line for mend in mends for line in re.findall("`issuer ([^`]+)`", mend)]

    assert len(lines) >= len(mends)
    assert [line for line in lines if not _is_understood(line)] == []


def test_one_audience_is_judged_by_itself(untidy):
    ran = untidy("audience", "lint", "https://orders.example.com/mcp", "--json")

    assert ran.status == 1
    codes = [item["code"] for item in ran.document["items"]]
    assert codes == [
        "twin-spelling",
        "ambiguous-scope",
        "no-client",
        "no-owner",
        "prefix-of-another",
        "wildcard-scope",
    ]


@pytest.mark.parametrize(
    ("identifier", "status", "codes"),
    [
        ("https://stock.example.com", 0, []),
        ("https://odrers.example.com", 0, ["near-twin"]),
        ("http://orders.example.com", 1, ["twin-spelling", "http-off-loopback"]),
        ("https://x.example/{tenant}", 1, ["not-registrable", "tenant-part"]),
    ],
)
def test_an_identifier_is_judged_before_it_is_registered(tidy, identifier, status, codes):
    ran = tidy("audience", "lint", identifier, "--json")

    assert ran.status == status
    assert [item["code"] for item in ran.document["items"]] == codes
    assert tidy("audience", "show", identifier).status == 1


def test_strict_counts_for_one_audience_as_well(tidy):
    assert tidy("audience", "lint", "https://odrers.example.com", "--strict").status == 1


def _is_understood(line):
    command, words = terminal.main, shlex.split(line)
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    return not isinstance(command, click.Group) and {word for word in words if word[:2] == "--"} <= options
