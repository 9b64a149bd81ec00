"""What admins change reaches tokens at the next look at the registry; a warm request runs no SQL."""

import pytest
from sqlalchemy.exc import OperationalError

from issuer.errors import InvalidClient, InvalidScope, InvalidTarget, TemporarilyUnavailable
from issuer.model.audience import SigningAlg
from issuer.registry import audiences, clients, permissions, services
from issuer.registry.audiences import AudienceChange
from tests.oauth.world import ON_BOTH_DATABASES, Credentials, World, assert_refused, watching_statements

ORDERS = "https://orders.example"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="issuer", charset="UTF-8"'}
RETRY = {"Retry-After": "1"}

CHANGES = {
    "client disabled": (clients.disable_client, InvalidClient),
    "client removed": (clients.remove_client, InvalidClient),
    "service disabled": (lambda w, _: services.disable_service(w, "Shop"), InvalidTarget),
    "service removed": (lambda w, _: services.remove_service(w, "Shop"), InvalidTarget),
    "audience disabled": (lambda w, _: audiences.disable_audience(w, ORDERS), InvalidTarget),
    "audience removed": (lambda w, _: audiences.remove_audience(w, ORDERS), InvalidTarget),
    "permission revoked": (lambda w, c: permissions.revoke_permission(w, c, ORDERS), InvalidTarget),
}


@ON_BOTH_DATABASES
@pytest.mark.parametrize("change", CHANGES)
def test_what_an_admin_ends_gives_no_token_after_the_next_look(world: World, robot: Credentials, change: str):
    """A deactivated client that still got tokens: Zitadel CVE-2024-47000, authentik CVE-2025-64521."""
    end, refusal = CHANGES[change]
    assert world.ask(robot, resource=ORDERS).status == 200

    end(world.registrar, robot.client_id)
    world.look()

    headers = CHALLENGE if refusal is InvalidClient else {}
    assert_refused(world.ask(robot, resource=ORDERS), refusal, **headers)


LOST_DEFAULTS = {
    "disabled": lambda w, _: audiences.disable_audience(w, ORDERS),
    "removed": lambda w, _: audiences.remove_audience(w, ORDERS),
    "no longer permitted": lambda w, c: permissions.revoke_permission(w, c, ORDERS),
}


@pytest.mark.parametrize("loss", LOST_DEFAULTS)
def test_a_lost_default_is_not_replaced_by_another_audience(world: World, robot: Credentials, loss: str):
    """Otherwise the tokens of a client that names none would silently go elsewhere."""
    world.add_audience("other")
    world.permit(robot.client_id, "other")
    clients.change_client(world.registrar, robot.client_id, clients.ClientChange(default_audience=ORDERS))
    LOST_DEFAULTS[loss](world.registrar, robot.client_id)
    world.look()

    assert_refused(world.ask(robot), InvalidTarget)


def test_a_withdrawn_scope_is_not_given_any_more(world: World, robot: Credentials):
    assert world.ask(robot, scope="write").status == 200
    world.permit(robot.client_id, ORDERS, "read")
    world.look()

    assert_refused(world.ask(robot, scope="write"), InvalidScope)
    assert world.ask(robot).json["scope"] == "read"


def test_a_new_permission_is_known_after_the_next_look(world: World, robot: Credentials):
    assert world.ask(robot).status == 200
    world.add_audience("new")
    world.permit(robot.client_id, "new")
    world.look()

    assert world.ask(robot, audience="new").aud == "new"


def test_a_changed_audience_changes_the_tokens(world: World, robot: Credentials):
    assert world.ask(robot).token_header["alg"] == "RS256"
    wanted = AudienceChange(signing_alg=SigningAlg.ES256, access_token_seconds=60)
    audiences.change_audience(world.registrar, ORDERS, wanted)
    world.look()

    answer = world.ask(robot)

    assert (answer.token_header["alg"], answer.json["expires_in"]) == ("ES256", 60)


def test_a_client_that_is_registered_later_is_known_at_once(world: World, robot: Credentials):
    world.ask(robot)

    assert world.ask(world.add_client("Late", ORDERS)).status == 200


@ON_BOTH_DATABASES
def test_a_warm_request_runs_no_sql(world: World, robot: Credentials):
    """A client is one frozen value, loaded on first use."""
    world.ask(robot, resource=ORDERS)

    with watching_statements(world.parts.engine) as statements:
        for _ in range(3):
            assert world.ask(robot, resource=ORDERS, scope="read").status == 200

    assert statements == []


def test_a_refusal_of_a_warm_client_runs_no_sql_but_for_the_directory_of_names(
    world: World, robot: Credentials
):
    world.ask(robot, resource="https://nowhere.example")

    with watching_statements(world.parts.engine) as statements:
        for number in range(3):
            world.ask(robot, resource=f"https://nowhere{number}.example")
            world.ask(robot, scope="unknown")

    assert statements == []


@ON_BOTH_DATABASES
def test_a_wrong_secret_runs_the_statements_that_an_unknown_client_runs(world: World, robot: Credentials):
    """Otherwise the time of the answer tells who is registered; see tests/attacks/test_timing.py."""
    world.ask(robot)
    with watching_statements(world.parts.engine) as of_unknown:
        world.ask(Credentials("nobody", robot.secret))

    with watching_statements(world.parts.engine) as of_wrong:
        world.ask(Credentials(robot.client_id, "wrong"))

    assert of_wrong == of_unknown
    assert of_unknown != []


@pytest.mark.parametrize("client_id", ["x" * 256, "\N{LATIN SMALL LETTER E WITH ACUTE}", "a\u2028b"])
def test_a_client_id_that_nobody_can_have_runs_no_sql(world: World, robot: Credentials, client_id: str):
    world.ask(robot)

    with watching_statements(world.parts.engine) as statements:
        world.ask(Credentials(client_id, "wrong"))

    assert statements == []


@pytest.fixture
def cut_off(world: World, monkeypatch: pytest.MonkeyPatch):
    """Give the function that takes the database away, as the application sees it."""

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("secret-host is away"))

    def cut() -> None:
        monkeypatch.setattr(world.parts.engine, "connect", refuse)
        with pytest.raises(TemporarilyUnavailable):
            world.look()

    return cut


def test_a_known_client_gets_tokens_while_the_database_is_away(
    world: World, robot: Credentials, cut_off, clock
):
    world.look()
    world.ask(robot)
    cut_off()

    clock.step(30)
    assert world.ask(robot).status == 200
    clock.step(1)
    assert_refused(world.ask(robot), TemporarilyUnavailable, **RETRY)


def test_an_unknown_client_is_told_to_come_again_while_the_database_is_away(
    world: World, robot: Credentials, cut_off
):
    """Nobody knows whether it is unknown: no 401, nor one for a wrong secret, which would tell."""
    world.ask(robot)
    cut_off()

    answer = world.ask(Credentials("nobody", "x"))
    wrong = world.ask(Credentials(robot.client_id, "x"))

    assert wrong.body == answer.body
    assert_refused(answer, TemporarilyUnavailable, **RETRY)
    assert b"secret-host" not in answer.body


def test_the_database_that_comes_back_is_looked_at_again(
    world: World, robot: Credentials, cut_off, clock, monkeypatch: pytest.MonkeyPatch
):
    world.ask(robot)
    cut_off()
    clock.step(100)
    monkeypatch.undo()
    world.look()

    assert world.ask(robot).status == 200
