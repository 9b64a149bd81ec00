"""Client authentication: who gets a token, and the one answer for everyone else (RFC 6749 §2.3, §5.2)."""

import base64

import pytest
from sqlalchemy import update

from issuer.errors import InvalidClient, InvalidRequest, UnauthorizedClient
from issuer.registry import client_secrets, clients
from issuer.store import db as database
from issuer.store.tables import ClientRow
from tests.oauth.world import Answer, Credentials, World, assert_refused, basic, encode

CHALLENGE = 'Basic realm="issuer", charset="UTF-8"'
DAY = 24 * 3600


def assert_unknown(answer: Answer) -> None:
    """Assert the one answer for whoever does not prove to be a client."""
    assert_refused(answer, InvalidClient, **{"WWW-Authenticate": CHALLENGE})


def test_basic_credentials_prove_a_client(world: World, robot: Credentials):
    assert world.ask(robot).claims["client_id"] == robot.client_id


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
def test_the_name_of_the_scheme_has_no_case(town: World, resident: Credentials, scheme: str):
    """RFC 9110 §11.1."""
    header = f"{scheme} {resident.basic.partition(' ')[2]}"

    assert town.post(encode({}), {"Authorization": header}).status == 200


def test_credentials_in_the_body_prove_a_client_registered_for_them(town: World, poster: Credentials):
    assert town.ask(**poster.form).claims["client_id"] == poster.client_id


def test_both_halves_of_basic_are_urldecoded(town: World, resident: Credentials):
    """RFC 6749 §2.3.1: a library may escape what needs no escape."""
    user, password = (
        "".join(f"%{ord(letter):02x}" for letter in half) for half in (resident.client_id, resident.secret)
    )

    assert town.post(encode({}), {"Authorization": basic(user, password)}).status == 200


def test_a_client_id_in_the_body_may_repeat_the_header(town: World, resident: Credentials):
    assert town.ask(resident, client_id=resident.client_id).status == 200


def test_another_client_id_in_the_body_is_refused(town: World, resident: Credentials, poster: Credentials):
    assert_refused(town.ask(resident, client_id=poster.client_id), InvalidRequest)


@pytest.mark.parametrize("secret", ["right", "wrong"])
def test_two_ways_of_authentication_at_once_are_refused(town: World, resident: Credentials, secret: str):
    """RFC 6749 §2.3: one mechanism a request."""
    sent = resident.secret if secret == "right" else "wrong"

    assert_refused(town.ask(resident, client_secret=sent), InvalidRequest)
    assert_refused(town.ask(resident, client_id=resident.client_id, client_secret=sent), InvalidRequest)


def test_a_client_registered_for_basic_cannot_post_its_secret(town: World, resident: Credentials):
    assert_unknown(town.ask(**resident.form))


def test_a_client_registered_for_the_body_cannot_use_basic(town: World, poster: Credentials):
    assert_unknown(town.ask(poster))


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"client_id": "robot"},
        {"client_secret": "isr_x"},
        {"client_id": "", "client_secret": ""},
    ],
    ids=["nothing", "id alone", "secret alone", "empty"],
)
def test_a_request_without_credentials_is_refused(town: World, form: dict[str, str]):
    assert_unknown(town.ask(**form))


def test_unknown_client_and_wrong_secret_get_one_answer(town: World, resident: Credentials):
    wrong = town.ask(Credentials(resident.client_id, resident.secret[:-1] + "_"))
    unknown = town.ask(Credentials("nobody", resident.secret))

    assert wrong.body == unknown.body
    assert {**wrong.headers, "X-Request-ID": ""} == {**unknown.headers, "X-Request-ID": ""}
    assert_unknown(wrong)
    assert_unknown(unknown)


@pytest.mark.parametrize("cut", ["shorter", "longer", "case", "empty", "space"])
def test_a_secret_must_be_whole(town: World, resident: Credentials, cut: str):
    """CVE of a server that took the beginning of a token for the token (Zitadel, CVE-2026-27840)."""
    sent = {
        "shorter": resident.secret[:-1],
        "longer": resident.secret + "A",
        "case": resident.secret.swapcase(),
        "empty": "",
        "space": resident.secret + " ",
    }[cut]

    assert_unknown(town.ask(Credentials(resident.client_id, sent)))


@pytest.mark.parametrize("spelling", ["{}", "{} ", " {}", "{}x"])
def test_a_client_id_is_taken_byte_for_byte(town: World, resident: Credentials, spelling: str):
    other = spelling.format(resident.client_id.upper() if spelling == "{}" else resident.client_id)

    assert_unknown(town.ask(Credentials(other, resident.secret)))


def test_the_secret_of_another_client_proves_nothing(world: World, robot: Credentials):
    other = world.add_client("Other")

    assert_unknown(world.ask(Credentials(robot.client_id, other.secret)))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic  ",
        "Basic !!!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b":secret").decode(),
        "Basic " + base64.b64encode(b"client:").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xfd").decode(),
        "Basic " + base64.b64encode("rob\N{LATIN SMALL LETTER O WITH STROKE}t:x".encode()).decode(),
        "Basic " + "A" * 5000,
        "Basic Basic",
        "Basic\tcm9ib3Q6eA==",
        "Bearer eyJhbGciOiJub25lIn0..",
        "Digest username=robot",
        "Basic cm9ib3Q6eA",
        "Basic cm9i\ufffdb3Q6eA==",
    ],
)
def test_a_malformed_authorization_header_proves_nothing(town: World, header: str):
    """Authlib answers some of these with a 500."""
    sent = header.encode().decode("latin-1")

    assert_unknown(town.post(encode({}), {"Authorization": sent}))


@pytest.mark.parametrize("half", ["%", "%zz", "%ff", "%00", "%0a", "%ed%a0%80", "a\x00", "a\nb", "\x7f"])
@pytest.mark.parametrize("place", ["client_id", "secret"])
def test_bytes_that_no_credential_holds_are_refused_before_any_query(town: World, half: str, place: str):
    """NUL, broken escapes, bad UTF-8, lone surrogates: 500s elsewhere."""
    header = basic(half, "secret") if place == "client_id" else basic("robot", half)

    assert_refused(town.post(encode({}), {"Authorization": header}), InvalidRequest)


@pytest.mark.parametrize(
    "client_id", ["\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{KELVIN SIGN}", "x" * 256, "x" * 1025]
)
def test_a_client_id_that_nobody_can_have_is_unknown(town: World, client_id: str):
    assert_unknown(town.ask(client_id=client_id, client_secret="isr_x"))
    assert_unknown(town.ask(Credentials(client_id, "isr_x")))


def test_a_secret_that_is_not_ascii_is_wrong(town: World, resident: Credentials, poster: Credentials):
    """Comparing such a text raises where texts are compared and not bytes."""
    assert_unknown(town.ask(Credentials(resident.client_id, "g\N{LATIN SMALL LETTER E WITH ACUTE}heim")))
    assert_unknown(town.ask(client_id=poster.client_id, client_secret="\N{SNOWMAN}"))


def test_every_usable_secret_proves_the_client(world: World, robot: Credentials):
    _, second = client_secrets.add_secret(world.registrar, robot.client_id, "next")
    world.look()

    assert world.ask(robot).status == 200
    assert world.ask(Credentials(robot.client_id, second)).status == 200


def test_a_secret_ends_at_its_second(world: World, robot: Credentials, clock):
    _, second = client_secrets.add_secret(world.registrar, robot.client_id, "next", expires_in_days=1)
    world.look()

    clock.step(DAY - 1)
    world.look()
    assert world.ask(Credentials(robot.client_id, second)).status == 200
    clock.step(1)
    world.look()
    assert_unknown(world.ask(Credentials(robot.client_id, second)))


def test_a_revoked_secret_proves_nothing_and_the_others_still_do(world: World, robot: Credentials):
    made, second = client_secrets.add_secret(world.registrar, robot.client_id, "next")
    client_secrets.revoke_secret(world.registrar, robot.client_id, made.id)
    world.look()

    assert_unknown(world.ask(Credentials(robot.client_id, second)))
    assert world.ask(robot).status == 200


@pytest.mark.parametrize("end", [clients.disable_client, clients.remove_client])
def test_a_client_that_is_disabled_or_removed_is_unknown(world: World, robot: Credentials, end):
    assert world.ask(robot).status == 200
    end(world.registrar, robot.client_id)
    world.look()

    assert_unknown(world.ask(robot))


def test_a_disabled_client_that_is_enabled_is_known_again(world: World, robot: Credentials):
    clients.disable_client(world.registrar, robot.client_id)
    clients.enable_client(world.registrar, robot.client_id)
    world.look()

    assert world.ask(robot).status == 200


def test_a_client_that_is_not_registered_for_the_grant_type_is_told_so(world: World, robot: Credentials):
    """RFC 6749 §5.2. No admin can register a client without a grant type yet, so the row is changed."""
    with database.writing(world.parts.engine) as connection:
        connection.execute(update(ClientRow).values(grant_types=[]))

    assert_refused(world.ask(robot), UnauthorizedClient)


def test_who_a_client_is_comes_before_what_it_may(town: World, resident: Credentials):
    """A wrong secret learns nothing of audiences and scopes."""
    impostor = Credentials(resident.client_id, "wrong")

    assert_unknown(town.ask(impostor, resource="https://nowhere.example", scope="x"))
