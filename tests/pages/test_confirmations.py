"""What is asked before a dangerous act says which thing it is done to."""

import html
import re

import pytest

from issuer.registry.listings import keys
from tests.pages.client_town import ORDERS, Town, town
from tests.pages.signed_in import add_user

__all__ = ["town"]

DEPOT, ALIAS, FAMILY = "https://depot.example", "https://old-depot.example", "fam-1"
_HEADING = re.compile(r'<h2 id="[^"]+-title">([^<]*)\? <span class="thing">([^<]*)</span></h2>')


@pytest.fixture
def things(town: Town) -> dict[str, str]:
    """Give a town with one thing of each kind, and its addresses and names."""
    world = town.world
    depot = world.add_audience(DEPOT, "keep", service="Depot")
    world.add_alias(DEPOT, ALIAS, "accept")
    town.grow(FAMILY)
    add_user(world, "victim")
    (secret,) = town.client().secrets
    line = next(line for line in keys.list_lines(world.registrar) if line.alg == "RS256")
    return {
        "client": town.page,
        "audience": f"/admin/audiences/{depot.id}",
        "service": f"/admin/services/{depot.service.id}",
        "permission": f"{town.page}/access/{town.audience_id(ORDERS)}",
        "kid": line.signer.kid,
        "robot": f"Robot ({town.robot.client_id})",
        "secret": f"{secret.label or 'without a label'} ({secret.id})",
    }


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("{audience}/danger", [
            ("Disable audience", DEPOT), ("Give it a key of its own", DEPOT), ("Remove audience", DEPOT),
        ]),
        ("{audience}/scopes", [("Remove keep", DEPOT)]),
        ("{audience}/aliases", [("Remove alias", ALIAS)]),
        ("{service}", [("Disable service", "Depot"), ("Remove service", "Depot")]),
        ("{client}/danger", [("Disable client", "{robot}"), ("Remove client", "{robot}")]),
        ("{client}/credentials", [("Revoke secret", "{secret}")]),
        ("{client}/families", [("End family", FAMILY), ("End all families", "{robot}")]),
        ("{permission}", [("Revoke permission", "{robot} at " + ORDERS)]),
        ("/admin/keys/by-id/{kid}", [("Retire now", "{kid}"), ("Withdraw as stolen", "{kid}")]),
        ("/admin/keys/rotation?alg=RS256&audience=", [("Sign now", "RS256, access tokens")]),
        ("/admin/users/by-name/victim", [("Disable user", "victim"), ("Remove user", "victim")]),
    ],
)  # fmt: skip
def test_the_heading_of_a_confirmation_names_the_thing(
    town: Town, things: dict[str, str], path: str, named: list[tuple[str, str]]
):
    page = town.owner.open(path.format(**things)).text

    expected = [(label, thing.format(**things)) for label, thing in named]
    assert [(label, html.unescape(thing)) for label, thing in _HEADING.findall(page)] == expected
    assert page.count('class="confirm"') == len(expected)
