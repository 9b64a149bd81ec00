"""Secrets that overlap, refresh token families that end, and the password that both take once more."""

import re

import pytest

from issuer.registry import audiences, client_secrets, clients
from issuer.store import db, families
from tests.oauth.world import Credentials
from tests.pages.client_town import BILLING, DAY, ORDERS, Town, town
from tests.pages.signed_in import sign_in_as
from tests.pages.test_new_client import form_id_of, secret_of

__all__ = ["town"]


@pytest.fixture
def add(town: Town):
    """Give the function that sends the form of another secret."""

    def run(**fields):
        form_id = fields.pop("form_id", None) or form_id_of(town.owner.open(f"{town.page}/credentials").text)
        given = {"label": "next", "expires_in_days": "30", **fields}
        return town.owner.send(f"{town.page}/credentials/new", form_id=form_id, **given)

    return run


def test_another_secret_works_beside_the_first_until_that_is_revoked(town: Town, add):
    answer = add()
    fresh = Credentials(town.robot.client_id, secret_of(answer.text))
    first = town.client().secrets[0]

    town.world.look()
    both = [town.world.ask(each, resource=ORDERS).status for each in (town.robot, fresh)]
    revoked = town.owner.send(f"{town.page}/credentials/{first.id}/revoke")
    town.world.look()
    after = [town.world.ask(each, resource=ORDERS).status for each in (town.robot, fresh)]

    assert (answer.status_code, revoked.status_code) == (201, 303)
    assert answer.headers["Cache-Control"] == "no-store"
    assert (both, after) == ([200, 200], [401, 200])
    _, secret = town.client().secrets
    assert (secret.label, secret.expires_at) == ("next", town.world.parts.clock.now() + 30 * DAY)
    assert fresh.secret not in town.owner.open(f"{town.page}/credentials").text


def test_the_same_form_sent_again_makes_nothing_and_says_so(town: Town, add):
    form_id = form_id_of(town.owner.open(f"{town.page}/credentials").text)
    first = add(form_id=form_id)

    second = add(form_id=form_id)

    assert (first.status_code, second.status_code) == (201, 409)
    assert secret_of(first.text) not in second.text
    assert form_id in second.text
    assert len(town.client().secrets) == 2


def test_the_consequence_of_revoking_is_told_in_numbers(town: Town):
    alone = town.owner.open(f"{town.page}/credentials").text
    client_secrets.add_secret(town.world.registrar, town.robot.client_id)

    beside = town.owner.open(f"{town.page}/credentials").text

    assert "every request of this client is refused from then on" in alone
    assert "1 other secret goes on working" in beside


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"label": "l" * 101}, "The label has at most 100 characters."),
        ({"label": "a\x1bb"}, "control character U+001B"),
        ({"expires_in_days": "0"}, "A secret expires in 1 to 3650 days, or never."),
        ({"expires_in_days": "3651"}, "A secret expires in 1 to 3650 days, or never."),
        ({"expires_in_days": "soon"}, "Give a whole number, in digits alone."),
        ({"form_id": "ours?"}, "not an id that a form of ours bears"),
    ],
)
def test_a_refused_secret_stands_in_the_form(town: Town, add, fields, said: str):
    answer = add(**fields)

    assert (answer.status_code, said in answer.text) == (422, True)
    assert len(town.client().secrets) == 1


def test_an_eleventh_secret_is_refused(town: Town, add):
    for _ in range(9):
        client_secrets.add_secret(town.world.registrar, town.robot.client_id)

    answer = add()

    assert (answer.status_code, "has 10 usable secrets" in answer.text) == (422, True)


def test_a_secret_that_is_not_the_clients_is_not_found(town: Town):
    other = town.world.add_client("Other")
    secret = clients.find_client(town.world.registrar, other.client_id).secrets[0]

    answer = town.owner.send(f"{town.page}/credentials/{secret.id}/revoke")

    assert answer.status_code == 404
    assert clients.find_client(town.world.registrar, other.client_id).secrets == (secret,)


@pytest.mark.parametrize(
    "path",
    ["/credentials/new", "/credentials/{secret}/revoke", "/families/end", "/families/f1/end", "/remove"],
)
def test_without_the_password_of_the_last_minutes_nothing_happens(town: Town, path: str):
    town.grow("f1")
    member = sign_in_as(town.world, name="away", is_stepped_up=False)
    before = town.client()

    answer = member.send(
        town.page + path.format(secret=before.secrets[0].id), form_id="abcd2345", confirmed=before.client_id
    )

    assert answer.status_code in {303, 403}
    assert answer.status_code == 403 or "/step-up" in answer.headers["Location"]
    assert town.client() == before
    assert "Live" in town.owner.open(f"{town.page}/families").text


def test_families_are_told_and_one_is_ended(town: Town):
    town.grow("f1")
    town.grow("f2")
    town.note_reuse("f0")
    page = town.owner.open(f"{town.page}/families").text

    answer = town.owner.send(f"{town.page}/families/f1/end")

    assert ("2 still give tokens" in page, "192.0.2.66" in page) == (True, True)
    assert answer.status_code == 303
    with db.reading(town.world.parts.engine) as connection:
        ended = {each: families.find_family(connection, each).ended_at for each in ("f1", "f2")}
    assert ended == {"f1": town.world.parts.clock.now(), "f2": None}
    assert "Ended by an admin" in town.owner.open(f"{town.page}/families?state=ended").text


def test_all_families_are_ended_at_once(town: Town):
    town.grow("f1")
    town.grow("f2")

    town.owner.send(f"{town.page}/families/end")
    page = town.owner.open(f"{town.page}/families").text

    assert "2 families are ended." in page
    assert "0 still give tokens" in page
    assert "End all families" not in page


def test_a_family_of_another_client_is_not_found(town: Town):
    other = town.world.add_client("Other")
    town.grow("f1", client_id=other.client_id)

    assert town.owner.send(f"{town.page}/families/f1/end").status_code == 404
    with db.reading(town.world.parts.engine) as connection:
        assert families.find_family(connection, "f1").ended_at is None


def test_without_families_the_tab_says_why(town: Town):
    page = town.owner.open(f"{town.page}/families").text

    assert "No refresh tokens" in page
    assert "not switched to offline access" in page
    assert not re.search("<table", page)


def test_the_line_beside_a_secret_asks_for_what_the_client_gets(town: Town, add):
    registrar = town.world.registrar
    audiences.disable_audience(registrar, BILLING)

    lines = [re.findall(r"resource=(https://\w+\.example)", add().text)]
    audiences.disable_audience(registrar, ORDERS)
    lines.append(re.findall(r"resource=(https://\w+\.example)", add().text))

    assert lines == [[ORDERS, ORDERS], []]
