"""Which audience a request gets, seen from outside (the rules themselves: policy/audience)."""

import pytest

from issuer.errors import InvalidScope, InvalidTarget
from issuer.registry import aliases
from tests.oauth.world import ISSUER, Credentials, World, assert_refused

ORDERS = "https://orders.example"
BILLING = "https://billing.example"
DAY = 24 * 3600


@pytest.mark.parametrize("parameter", ["resource", "audience"])
def test_resource_and_its_synonym_name_the_audience(town: World, buyer: Credentials, parameter: str):
    """RFC 8707 §2; `audience` is what other servers call it."""
    assert town.ask(buyer, **{parameter: BILLING}).aud == BILLING


def test_resource_and_audience_may_name_the_same(town: World, buyer: Credentials):
    assert town.ask(buyer, resource=BILLING, audience=BILLING).aud == BILLING


def test_resource_and_audience_that_differ_are_refused(town: World, buyer: Credentials):
    assert_refused(town.ask(buyer, resource=BILLING, audience=ORDERS), InvalidTarget)


def test_a_repeated_target_counts_once(town: World, buyer: Credentials):
    assert town.ask(buyer, resource=[BILLING, BILLING], audience=[BILLING] * 3).aud == BILLING


@pytest.mark.parametrize(
    "spelling",
    [
        "HTTPS://orders.example",
        "https://ORDERS.example",
        "https://orders.example:443",
        "https://orders.example/",
    ],
)
def test_the_token_carries_the_registered_spelling(town: World, buyer: Credentials, spelling: str):
    assert town.ask(buyer, resource=spelling).aud == ORDERS


@pytest.mark.parametrize(
    "spelling",
    [
        "http://orders.example",
        "https://orders.example/x",
        "https://orders.example//",
        "https://orders.example?",
        "https://orders.example:8443",
        "https://orders.example.",
        "https://orders%2eexample",
        "https://orders.example/%2e",
    ],
)
def test_what_only_looks_like_it_is_another_audience(town: World, buyer: Credentials, spelling: str):
    assert_refused(town.ask(buyer, resource=spelling), InvalidTarget)


@pytest.mark.parametrize("resource", ["orders", "/orders", "https://orders.example#x", "https://a b", "://x"])
def test_a_resource_that_is_no_absolute_uri_is_refused(town: World, buyer: Credentials, resource: str):
    """RFC 8707 §2."""
    assert_refused(town.ask(buyer, resource=resource), InvalidTarget)


def test_unknown_and_not_permitted_get_one_answer(town: World, resident: Credentials):
    """Nobody learns by trying which audiences there are."""
    not_permitted = town.ask(resident, resource=BILLING)
    unknown = town.ask(resident, resource="https://nowhere.example")

    assert not_permitted.body == unknown.body
    assert_refused(not_permitted, InvalidTarget)
    assert_refused(unknown, InvalidTarget)


def test_audiences_of_two_services_do_not_stand_in_one_token(town: World, buyer: Credentials):
    assert_refused(town.ask(buyer, resource=[ORDERS, BILLING]), InvalidTarget)


def test_audiences_of_one_trust_group_stand_in_one_token(world: World):
    world.add_service("Stock", trust_group="logistics")
    world.add_service("Parcels", trust_group="logistics")
    world.add_audience("stock", service="Stock")
    world.add_audience("parcels", service="Parcels")
    client = world.add_client("Robot", "stock", "parcels")

    assert world.ask(client, audience=["parcels", "stock"]).aud == ["stock", "parcels"]


@pytest.mark.parametrize("reserved", ["access", f"{ISSUER}/api/v1"])
def test_a_reserved_audience_never_stands_with_another(world: World, robot: Credentials, reserved: str):
    world.permit(robot.client_id, reserved)

    assert world.ask(robot, audience=reserved).aud == reserved
    assert_refused(world.ask(robot, audience=[reserved, ORDERS]), InvalidTarget)


def test_the_audience_of_refresh_tokens_cannot_be_asked_for(town: World, buyer: Credentials):
    assert_refused(town.ask(buyer, audience="refresh"), InvalidTarget)


@pytest.mark.parametrize("name", ["client_id", "token endpoint", "issuer"])
def test_neither_a_client_nor_the_issuer_is_an_audience(town: World, buyer: Credentials, name: str):
    target = {"client_id": buyer.client_id, "token endpoint": f"{ISSUER}/oauth/token", "issuer": ISSUER}[name]

    assert_refused(town.ask(buyer, audience=target), InvalidTarget)


def test_the_only_permitted_audience_is_meant_where_none_is_named(town: World, resident: Credentials):
    assert town.ask(resident).aud == ORDERS


def test_the_default_of_the_client_is_meant_where_none_is_named(world: World):
    world.add_audience(ORDERS)
    world.add_audience(BILLING)
    client = world.add_client("Buyer", ORDERS, BILLING, default=BILLING)

    assert world.ask(client).aud == BILLING


def test_access_is_meant_where_none_is_named_and_it_is_permitted(world: World, robot: Credentials):
    world.permit(robot.client_id, "access")

    assert world.ask(robot).aud == "access"


def test_no_audience_is_guessed_among_several(town: World, buyer: Credentials):
    """RFC 9068 §3: a default, or a refusal; never the client_id, never one without an audience."""
    assert_refused(town.ask(buyer), InvalidTarget)


def test_a_client_without_permissions_gets_no_token(world: World):
    assert_refused(world.ask(world.add_client("Robot")), InvalidTarget)


def test_the_scopes_asked_for_tell_which_audience_is_meant(town: World, buyer: Credentials):
    answer = town.ask(buyer, scope="pay")

    assert (answer.aud, answer.claims["scope"]) == (BILLING, "pay")


def test_scopes_that_several_audiences_define_tell_nothing(town: World, buyer: Credentials):
    assert_refused(town.ask(buyer, scope="read"), InvalidTarget)


def test_scopes_of_different_audiences_are_refused_where_none_is_named(town: World, buyer: Credentials):
    assert_refused(town.ask(buyer, scope="write pay"), InvalidScope)


def test_asking_for_fewer_scopes_narrows_the_token(town: World, buyer: Credentials):
    answer = town.ask(buyer, resource=ORDERS, scope="write")

    assert (answer.json["scope"], answer.claims["scope"]) == ("write", "write")


def test_a_repeated_scope_counts_once(town: World, buyer: Credentials):
    assert town.ask(buyer, resource=ORDERS, scope="write read write").json["scope"] == "read write"


@pytest.mark.parametrize(
    "scope", ["unknown", "read unknown", "READ", 'read "x"', " read", "read  write", "\\"]
)
def test_a_scope_that_is_unknown_or_malformed_is_refused(town: World, buyer: Credentials, scope: str):
    assert_refused(town.ask(buyer, resource=ORDERS, scope=scope), InvalidScope)


@pytest.mark.parametrize("scope", ["offline_access", "openid", "openid read"])
def test_scopes_that_address_the_issuer_are_not_to_be_had_here(town: World, buyer: Credentials, scope: str):
    """RFC 6749 §4.4.3: no refresh token; a client alone is no user either."""
    assert_refused(town.ask(buyer, resource=ORDERS, scope=scope), InvalidScope)


def test_a_scope_that_only_another_client_has_is_refused(world: World):
    """The prototype's trap: it looked whether the scope was known, not whose it was."""
    world.add_audience(ORDERS, "read", "admin")
    admin = world.add_client("Admin", ORDERS)
    robot = world.add_client("Robot")
    world.permit(robot.client_id, ORDERS, "read")

    assert world.ask(admin, scope="admin").claims["scope"] == "admin"
    assert_refused(world.ask(robot, resource=ORDERS, scope="admin"), InvalidScope)
    assert_refused(world.ask(robot, scope="read admin"), InvalidScope)
    assert world.ask(robot).claims["scope"] == "read"


def test_a_permission_on_one_audience_opens_no_other(world: World):
    world.add_audience(ORDERS, "read")
    world.add_audience(BILLING, "read")
    robot = world.add_client("Robot", ORDERS)
    world.add_client("Other", BILLING)

    assert_refused(world.ask(robot, resource=BILLING), InvalidTarget)


def test_default_scopes_of_the_permission_are_given_where_none_is_asked(world: World):
    world.add_audience(ORDERS, "read", "write")
    client = world.add_client("Robot")
    world.permit(client.client_id, ORDERS, "read", "write", default_scopes=frozenset({"read"}))

    assert world.ask(client).json["scope"] == "read"
    assert world.ask(client, scope="write").json["scope"] == "write"


def test_a_scope_that_two_chosen_audiences_define_is_ambiguous(world: World):
    """RFC 9068 §3, §5."""
    world.add_audience("https://a.example", "read", "a")
    world.add_audience("https://b.example", "read")
    client = world.add_client("Robot", "https://a.example", "https://b.example")
    both = ["https://a.example", "https://b.example"]

    assert_refused(world.ask(client, resource=both, scope="read"), InvalidScope)
    assert world.ask(client, resource=both).json["scope"] == "a"


def test_an_accepted_alias_gets_a_token_for_the_primary_name_until_its_date(
    world: World, robot: Credentials, clock
):
    world.add_alias(ORDERS, "https://old.example", "accept", clock.now() + DAY)

    assert world.ask(robot, resource="https://old.example").aud == ORDERS
    clock.step(DAY)
    world.look()
    assert_refused(world.ask(robot, resource="https://old.example"), InvalidTarget)


def test_a_dual_alias_stands_beside_the_primary_name_until_its_date(world: World, robot: Credentials, clock):
    world.add_alias(ORDERS, "https://old.example", "dual", clock.now() + DAY)

    assert world.ask(robot).aud == [ORDERS, "https://old.example"]
    clock.step(DAY)
    world.look()
    assert world.ask(robot, resource="https://old.example").aud == ORDERS


def test_a_renamed_audience_is_told_by_both_names_then_by_the_new_one(
    world: World, robot: Credentials, clock
):
    world.ask(robot)
    aliases.rename_audience(world.registrar, ORDERS, "https://new.example", clock.now() + DAY)
    world.look()

    assert world.ask(robot).aud == ["https://new.example", ORDERS]
    assert world.ask(robot, resource=ORDERS).aud == ["https://new.example", ORDERS]
    clock.step(DAY)
    world.look()
    assert world.ask(robot, resource=ORDERS).aud == "https://new.example"


def test_an_alias_taken_away_is_unknown(world: World, robot: Credentials):
    world.add_alias(ORDERS, "https://old.example", "accept")
    world.ask(robot, resource="https://old.example")
    aliases.remove_alias(world.registrar, ORDERS, "https://old.example")
    world.look()

    assert_refused(world.ask(robot, resource="https://old.example"), InvalidTarget)


def test_plain_names_compare_byte_for_byte(world: World):
    world.add_audience("Mobile-App")
    client = world.add_client("Robot", "Mobile-App")

    assert world.ask(client, audience="Mobile-App").aud == "Mobile-App"
    assert_refused(world.ask(client, audience="mobile-app"), InvalidTarget)


@pytest.mark.parametrize("forbidden", [0, 1, 2])
def test_one_forbidden_target_among_several_refuses_all(world: World, forbidden: int):
    """A loop once checked the first of several, several times (Let's Encrypt, 2020)."""
    names = [f"https://{letter}.example" for letter in "abc"]
    for name in names:
        world.add_audience(name)
    client = world.add_client("Robot", *(name for name in names if name != names[forbidden]))

    assert_refused(world.ask(client, resource=names), InvalidTarget)


@pytest.mark.parametrize("forbidden", [0, 1, 2])
def test_one_forbidden_scope_among_several_refuses_all(world: World, forbidden: int):
    names = ["a", "b", "c"]
    world.add_audience(ORDERS, *names)
    client = world.add_client("Robot")
    world.permit(client.client_id, ORDERS, *(name for name in names if name != names[forbidden]))

    assert_refused(world.ask(client, resource=ORDERS, scope=" ".join(names)), InvalidScope)
