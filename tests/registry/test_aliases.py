import pytest

from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.model.audience import Alias, AliasMode
from issuer.registry import aliases, audiences, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import ClientChange
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store.registry_version import Concern, ConcernKind

ORDERS = "https://orders.example/"


@pytest.mark.parametrize("mode", list(AliasMode))
def test_an_alias_is_added(registrar, orders, clock, last_event, version, *, concerns, mode):
    before = version()

    changed = aliases.add_alias(registrar, ORDERS, "HTTPS://old.example", mode, clock.at + 1)

    assert changed.aliases == (Alias("HTTPS://old.example", "https://old.example/", mode, clock.at + 1),)
    assert changed.version == 2
    assert audiences.find_audience(registrar, "https://OLD.example/") == changed
    assert concerns(before) == {Concern(before + 1, ConcernKind.EVERYONE)}
    event = last_event()
    assert (event.action, event.target, event.before) == ("audience.alias_added", ORDERS, {"aliases": {}})
    assert event.after == {"aliases": {"HTTPS://old.example": {"mode": mode.value, "until": clock.at + 1}}}


def test_an_alias_changes_its_mode_and_date(registrar, orders, clock):
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL, clock.at + 1)

    changed = aliases.add_alias(registrar, ORDERS, "old", AliasMode.ACCEPT)

    assert changed.aliases == (Alias("old", "old", AliasMode.ACCEPT, None),)


def test_the_same_alias_twice_is_once(registrar, orders, version):
    first = aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL)
    raised = version()

    assert aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL) == first
    assert version() == raised


@pytest.mark.parametrize(
    ("alias", "refusal"),
    [
        ("", InvalidValue),
        ("a b", InvalidValue),
        ("https://issuer.example/auth/api/v1", InvalidValue),
        ("access", Locked),
        ("Refresh", Locked),
        ("https://orders.example", Conflict),
        ("taken", Conflict),
        ("Taken", Conflict),
        ("other", Conflict),
        ("removed", Conflict),
        ("robot-aaaaaaab", Conflict),
    ],
)
def test_an_identifier_that_is_not_free_is_no_alias(registrar, shop, robot, version, alias, refusal):
    audiences.add_audience(registrar, NewAudience(ORDERS, "Shop"))
    audiences.add_audience(registrar, NewAudience("other", "Shop"))
    audiences.add_audience(registrar, NewAudience("removed", "Shop"))
    audiences.remove_audience(registrar, "removed")
    aliases.add_alias(registrar, "other", "taken", AliasMode.ACCEPT)
    raised = version()

    with pytest.raises(refusal):
        aliases.add_alias(registrar, ORDERS, alias, AliasMode.ACCEPT)

    assert audiences.find_audience(registrar, ORDERS).aliases == ()
    assert version() == raised


@pytest.mark.parametrize("away", [0, -1])
def test_an_alias_ends_in_the_future(registrar, orders, clock, away):
    with pytest.raises(InvalidValue):
        aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL, clock.at + away)


def test_an_alias_that_is_taken_away_is_unknown(registrar, orders, last_event):
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL)

    changed = aliases.remove_alias(registrar, ORDERS, "old")

    assert (changed.aliases, changed.version) == ((), 3)
    assert last_event().action == "audience.alias_removed"
    with pytest.raises(NotFound):
        audiences.find_audience(registrar, "old")


@pytest.mark.parametrize("alias", ["nothing", ORDERS, "taken"])
def test_what_is_no_alias_cannot_be_taken_away(registrar, shop, orders, alias):
    audiences.add_audience(registrar, NewAudience("other", "Shop"))
    aliases.add_alias(registrar, "other", "taken", AliasMode.ACCEPT)

    with pytest.raises(NotFound):
        aliases.remove_alias(registrar, ORDERS, alias)


def test_an_alias_taken_away_comes_back_to_the_same_service_only(registrar, shop, orders):
    services.add_service(registrar, NewService("Other", "team"))
    audiences.add_audience(registrar, NewAudience("foreign", "Other"))
    audiences.add_audience(registrar, NewAudience("second", "Shop"))
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL)
    aliases.remove_alias(registrar, ORDERS, "old")

    with pytest.raises(Conflict):
        aliases.add_alias(registrar, "foreign", "old", AliasMode.ACCEPT)
    with pytest.raises(Conflict):
        audiences.add_audience(registrar, NewAudience("OLD", "Other"))
    changed = aliases.add_alias(registrar, "second", "old", AliasMode.ACCEPT)

    assert changed.aliases == (Alias("old", "old", AliasMode.ACCEPT, None),)


def test_an_alias_taken_away_may_become_an_audience_of_its_service(registrar, orders):
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL)
    aliases.remove_alias(registrar, ORDERS, "old")

    audience = audiences.add_audience(registrar, NewAudience("old", "Shop"))

    assert audiences.find_audience(registrar, "old") == audience


def test_renaming_makes_the_old_name_dual(registrar, orders, robot, clock, last_event):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS))
    clients.change_client(registrar, robot.client_id, ClientChange(default_audience=ORDERS))

    renamed = aliases.rename_audience(registrar, "https://ORDERS.example", "urn:orders", clock.at + 100)

    assert (renamed.id, renamed.identifier, renamed.canonical) == (orders.id, "urn:orders", "urn:orders")
    assert renamed.aliases == (Alias(ORDERS, ORDERS, AliasMode.DUAL, clock.at + 100),)
    assert permissions.list_permissions(registrar)[0].audience == renamed
    assert clients.find_client(registrar, robot.client_id).default_audience == orders.id
    event = last_event()
    assert (event.action, event.target) == ("audience.renamed", ORDERS)
    assert event.before == {"identifier": ORDERS, "aliases": {}}
    assert event.after == {
        "identifier": "urn:orders",
        "aliases": {ORDERS: {"mode": "dual", "until": clock.at + 100}},
    }


def test_an_alias_may_become_the_name(registrar, orders):
    aliases.add_alias(registrar, ORDERS, "new", AliasMode.ACCEPT)

    renamed = aliases.rename_audience(registrar, ORDERS, "new")

    assert renamed.identifier == "new"
    assert renamed.aliases == (Alias(ORDERS, ORDERS, AliasMode.DUAL, None),)


def test_a_renaming_is_taken_back_by_another(registrar, orders):
    aliases.rename_audience(registrar, ORDERS, "new")

    renamed = aliases.rename_audience(registrar, "new", ORDERS)

    assert renamed.identifier == ORDERS
    assert [alias.identifier for alias in renamed.aliases] == ["new"]


def test_the_same_name_is_no_renaming(registrar, orders, version):
    raised = version()

    assert aliases.rename_audience(registrar, ORDERS, ORDERS) == orders
    assert version() == raised


@pytest.mark.parametrize(
    ("old", "new", "away", "refusal"),
    [
        ("nothing", "new", 1, NotFound),
        ("access", "new", 1, Locked),
        (ORDERS, "refresh", 1, Locked),
        (ORDERS, "a b", 1, InvalidValue),
        (ORDERS, "https://issuer.example/auth", 1, InvalidValue),
        (ORDERS, "new", 0, InvalidValue),
        (ORDERS, "other", 1, Conflict),
        (ORDERS, "https://ORDERS.example", 1, Conflict),
        (ORDERS, "robot-aaaaaaab", 1, Conflict),
        ("alias", "new", 1, Conflict),
    ],
)
def test_a_refused_renaming_changes_nothing(
    registrar, shop, orders, robot, clock, *, old, new, away, refusal
):
    audiences.add_audience(registrar, NewAudience("other", "Shop"))
    before = aliases.add_alias(registrar, ORDERS, "alias", AliasMode.ACCEPT)

    with pytest.raises(refusal):
        aliases.rename_audience(registrar, old, new, clock.at + away)

    assert audiences.find_audience(registrar, ORDERS) == before


def test_a_removed_audience_keeps_its_aliases_from_everyone(registrar, orders):
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL)
    audiences.remove_audience(registrar, ORDERS)

    with pytest.raises(Conflict):
        audiences.add_audience(registrar, NewAudience("old", "Shop"))
    with pytest.raises(Conflict):
        aliases.add_alias(registrar, ORDERS, "more", AliasMode.DUAL)
    with pytest.raises(Conflict):
        aliases.remove_alias(registrar, ORDERS, "old")
    with pytest.raises(Conflict):
        aliases.rename_audience(registrar, ORDERS, "new")


@pytest.mark.parametrize("identifier", ["access", "refresh", "urn:issuer:api:v1"])
def test_reserved_audiences_have_no_aliases(registrar, identifier):
    with pytest.raises(Locked):
        aliases.add_alias(registrar, identifier, "mine", AliasMode.ACCEPT)
    with pytest.raises(Locked):
        aliases.remove_alias(registrar, identifier, "mine")
