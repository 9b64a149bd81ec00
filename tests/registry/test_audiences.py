import pytest

from issuer.errors import Conflict, InvalidValue, Locked, NotFound, RegistryRefusal
from issuer.model.audience import (
    Audience,
    AudienceState,
    Scope,
    SigningAlg,
    TokenPolicy,
    TokenTyp,
)
from issuer.registry import audiences, clients, permissions, services
from issuer.registry.audiences import AudienceChange, NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store.registry_version import Concern, ConcernKind

DAY = 24 * 3600


def nested(depth):
    return {"x": nested(depth - 1)} if depth else 1


def test_an_audience_is_registered_as_given(registrar, shop, clock):
    new = NewAudience(
        "HTTPS://Orders.Example:443",
        "Shop",
        description="What people <ordered>",
        scopes=(Scope("write"), Scope("read", "Look")),
        access_token_seconds=300,
        refresh_idle_seconds=1000,
        refresh_absolute_seconds=1000,
        signing_alg=SigningAlg.ES256,
        typ=TokenTyp.JWT,
        extra_claims={"tier": "gold", "list": [1, True, None]},
    )

    audience = audiences.add_audience(registrar, new)

    assert audience == Audience(
        id=audience.id,
        identifier="HTTPS://Orders.Example:443",
        canonical="https://orders.example/",
        description="What people <ordered>",
        service=shop,
        scopes=(Scope("read", "Look"), Scope("write")),
        aliases=(),
        policy=TokenPolicy(
            300, 1000, 1000, SigningAlg.ES256, TokenTyp.JWT, {"tier": "gold", "list": [1, True, None]}
        ),
        state=AudienceState.ACTIVE,
        successor=None,
        is_reserved=False,
        created_at=clock.at,
        version=1,
    )
    assert audiences.find_audience(registrar, "https://orders.example/") == audience


@pytest.mark.parametrize(
    "spelling", ["https://orders.example/", "https://ORDERS.example", "HTTPS://orders.example:443/"]
)
def test_an_audience_is_found_under_every_equal_spelling(registrar, orders, spelling):
    assert audiences.find_audience(registrar, spelling) == orders


@pytest.mark.parametrize(
    "spelling", ["https://orders.example/x", "http://orders.example/", "Api3", "api3/", "%", "api_", ""]
)
def test_nothing_else_finds_it(registrar, shop, orders, spelling):
    audiences.add_audience(registrar, NewAudience("api3", "Shop"))

    with pytest.raises(NotFound):
        audiences.find_audience(registrar, spelling)


def test_audiences_are_listed_in_order_of_registration(registrar, shop, orders):
    services.add_service(registrar, NewService("Other", "team"))
    audiences.add_audience(registrar, NewAudience("b", "Other"))
    audiences.add_audience(registrar, NewAudience("a", "Shop"))

    everything = [audience.identifier for audience in audiences.list_audiences(registrar)]
    of_shop = [audience.identifier for audience in audiences.list_audiences(registrar, "Shop")]

    assert everything == ["access", "refresh", "urn:issuer:api:v1", "https://orders.example/", "b", "a"]
    assert of_shop == ["https://orders.example/", "a"]


def test_listing_the_audiences_of_an_unknown_service_is_refused(registrar):
    with pytest.raises(NotFound):
        audiences.list_audiences(registrar, "Shop")


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "a b",
        "a\x00",
        "caf\u00e9",
        "a" * 256,
        "-a",
        "https://orders.example/#fragment",
        "https://user@orders.example/",
        "https://",
        "https:orders",
        "//orders.example",
    ],
)
def test_what_is_no_identifier_is_refused(registrar, shop, identifier):
    with pytest.raises(InvalidValue):
        audiences.add_audience(registrar, NewAudience(identifier, "Shop"))


@pytest.mark.parametrize("length", [247, 246])
def test_the_longest_identifier_is_stored_whole(registrar, shop, length):
    identifier = f"https://{'a' * length}"

    audiences.add_audience(registrar, NewAudience(identifier, "Shop"))

    assert audiences.find_audience(registrar, identifier).canonical == f"{identifier}/"


@pytest.mark.parametrize(
    "identifier",
    [
        "https://issuer.example/auth",
        "https://issuer.example/auth/",
        "https://ISSUER.example:443/auth/oauth/token",
        "https://issuer.example/auth/api/v1",
        "https://issuer.example/%61uth/x",
        "https://issuer.example/x/../auth",
    ],
)
def test_no_audience_lies_under_the_issuer(registrar, shop, identifier):
    """No audience may be a URI at the issuer's origin under its path."""
    with pytest.raises(InvalidValue):
        audiences.add_audience(registrar, NewAudience(identifier, "Shop"))


def test_a_neighbour_of_the_issuer_is_free(registrar, shop):
    audience = audiences.add_audience(registrar, NewAudience("https://issuer.example/authors", "Shop"))

    assert audience.state is AudienceState.ACTIVE


@pytest.mark.parametrize("identifier", ["access", "refresh", "Access", "REFRESH", "urn:issuer:api:v1"])
def test_reserved_names_are_locked(registrar, shop, identifier):
    with pytest.raises(Locked):
        audiences.add_audience(registrar, NewAudience(identifier, "Shop"))


def test_the_builtin_service_gets_no_audience(registrar):
    with pytest.raises(Locked):
        audiences.add_audience(registrar, NewAudience("orders", "This issuer"))


def test_an_unknown_service_gets_no_audience(registrar):
    with pytest.raises(NotFound):
        audiences.add_audience(registrar, NewAudience("orders", "Shop"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("orders", "orders"),
        ("orders", "Orders"),
        ("https://o.example", "https://o.example/"),
        ("https://o.example/a", "HTTPS://O.EXAMPLE:443/a"),
        ("http://o.example:80/", "http://o.example"),
        ("urn:example:a", "urn:example:a"),
    ],
)
def test_two_spellings_of_one_identifier_are_one(registrar, shop, first, second):
    audiences.add_audience(registrar, NewAudience(first, "Shop"))

    with pytest.raises(Conflict):
        audiences.add_audience(registrar, NewAudience(second, "Shop"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://o.example/a", "https://o.example/a/"),
        ("https://o.example/a", "https://o.example/A"),
        ("https://o.example/%41", "https://o.example/A"),
        ("https://o.example/", "http://o.example/"),
        ("https://o.example/", "https://o.example/?"),
        ("urn:example:a", "urn:example:A"),
        ("urn:example:a", "urn:example:ab"),
        ("a_i", "api"),
    ],
)
def test_nothing_else_is_folded(registrar, shop, first, second):
    audiences.add_audience(registrar, NewAudience(first, "Shop"))

    assert audiences.add_audience(registrar, NewAudience(second, "Shop")).identifier == second


def test_an_identifier_of_a_removed_audience_is_never_given_again(registrar, orders):
    """Row 38 of the attacks: recycled identifiers leak."""
    audiences.remove_audience(registrar, orders.identifier)

    with pytest.raises(Conflict):
        audiences.add_audience(registrar, NewAudience("https://ORDERS.example", "Shop"))


def test_no_audience_equals_a_client_id(registrar, shop, robot):
    """The `aud` of an ID token is a client_id, so the two are disjoint sets."""
    with pytest.raises(Conflict):
        audiences.add_audience(registrar, NewAudience(robot.client_id.upper(), "Shop"))


@pytest.mark.parametrize(
    "scopes",
    [
        (Scope(""),),
        (Scope("two words"),),
        (Scope('quo"te'),),
        (Scope("back\\slash"),),
        (Scope("\u00fc"),),
        (Scope("s" * 129),),
        (Scope("openid"),),
        (Scope("offline_access"),),
        (Scope("profile"),),
        (Scope("email"),),
        (Scope("address"),),
        (Scope("phone"),),
        (Scope("a"), Scope("a", "again")),
        (Scope("a", "line\nbreak"),),
        (Scope("a", "d" * 1001),),
    ],
    ids=repr,
)
def test_a_scope_that_cannot_be_one_is_refused(registrar, shop, scopes):
    with pytest.raises(InvalidValue):
        audiences.add_audience(registrar, NewAudience("orders", "Shop", scopes=scopes))


@pytest.mark.parametrize(
    "fields",
    [
        {"access_token_seconds": 9},
        {"access_token_seconds": 0},
        {"access_token_seconds": -1},
        {"access_token_seconds": DAY + 1},
        {"access_token_seconds": 2**70},
        {"refresh_idle_seconds": 9},
        {"refresh_idle_seconds": 366 * DAY + 1},
        {"refresh_absolute_seconds": 9},
        {"refresh_absolute_seconds": 366 * DAY + 1},
        {"refresh_idle_seconds": 100, "refresh_absolute_seconds": 99},
        {"description": "d" * 1001},
        {"description": "two\nlines"},
    ],
    ids=repr,
)
def test_a_field_out_of_bounds_is_refused(registrar, shop, fields):
    with pytest.raises(InvalidValue):
        audiences.add_audience(registrar, NewAudience("orders", "Shop", **fields))


@pytest.mark.parametrize("seconds", [10, DAY])
def test_a_lifetime_may_reach_its_bounds(registrar, shop, seconds):
    new = NewAudience("orders", "Shop", access_token_seconds=seconds)

    assert audiences.add_audience(registrar, new).policy.access_token_seconds == seconds


@pytest.mark.parametrize(
    "claims",
    [{"iss": "me"}, {"Sub": "me"}, {"tenant_id": "t"}, {"": 1}, {"long": "x" * 3000}, {"deep": nested(5)}],
    ids=lambda claims: next(iter(claims)) or "empty",
)
def test_extra_claims_that_cannot_be_are_refused(registrar, shop, claims):
    with pytest.raises(InvalidValue):
        audiences.add_audience(registrar, NewAudience("orders", "Shop", extra_claims=claims))


@pytest.mark.parametrize("other", ["Shop", "Returns"])
def test_extra_claims_of_audiences_that_may_stand_together_agree(registrar, other):
    """Their claims could not both stand in one token, so a clash is refused at registration."""
    services.add_service(registrar, NewService("Shop", "team", "commerce"))
    services.add_service(registrar, NewService("Returns", "team", "commerce"))
    audiences.add_audience(registrar, NewAudience("orders", "Shop", extra_claims={"tier": 1, "a": 1}))

    with pytest.raises(Conflict) as refused:
        audiences.add_audience(registrar, NewAudience("returns", other, extra_claims={"tier": True, "b": 1}))

    assert "tier" in refused.value.detail
    assert "orders" in refused.value.detail


def test_extra_claims_of_audiences_that_never_meet_may_differ(registrar, shop):
    services.add_service(registrar, NewService("Returns", "team"))
    audiences.add_audience(registrar, NewAudience("orders", "Shop", extra_claims={"tier": 1}))

    audience = audiences.add_audience(registrar, NewAudience("returns", "Returns", extra_claims={"tier": 2}))

    assert audience.policy.extra_claims == {"tier": 2}


def test_extra_claims_of_a_removed_audience_do_not_clash(registrar, shop):
    audiences.add_audience(registrar, NewAudience("orders", "Shop", extra_claims={"tier": 1}))
    audiences.remove_audience(registrar, "orders")

    audience = audiences.add_audience(registrar, NewAudience("returns", "Shop", extra_claims={"tier": 2}))

    assert audience.policy.extra_claims == {"tier": 2}


def test_an_audience_changes_as_asked_and_no_further(registrar, orders, last_event, version, concerns):
    before = version()
    wanted = AudienceChange(
        access_token_seconds=60,
        add_scopes=(Scope("orders:refund"), Scope("orders:read", "See orders")),
        remove_scopes=frozenset({"orders:write"}),
        extra_claims={"tier": 1},
    )

    changed = audiences.change_audience(registrar, "https://ORDERS.example", wanted)

    assert changed.scopes == (Scope("orders:read", "See orders"), Scope("orders:refund"))
    assert changed.policy == TokenPolicy(60, None, None, SigningAlg.RS256, TokenTyp.AT_JWT, {"tier": 1})
    assert (changed.version, changed.description) == (2, orders.description)
    assert audiences.find_audience(registrar, orders.identifier) == changed
    assert concerns(before) == {Concern(before + 1, ConcernKind.EVERYONE)}
    event = last_event()
    assert (event.action, event.target) == ("audience.changed", orders.identifier)
    assert event.before == {
        "access_token_seconds": None,
        "extra_claims": {},
        "scopes": {"orders:read": "Look at orders", "orders:write": ""},
    }
    assert event.after == {
        "access_token_seconds": 60,
        "extra_claims": {"tier": 1},
        "scopes": {"orders:read": "See orders", "orders:refund": ""},
    }


def test_none_takes_the_servers_default_again(registrar, orders):
    audiences.change_audience(registrar, orders.identifier, AudienceChange(access_token_seconds=60))

    changed = audiences.change_audience(
        registrar, orders.identifier, AudienceChange(access_token_seconds=None)
    )

    assert changed.policy.access_token_seconds is None


def test_a_change_that_changes_nothing_leaves_nothing(registrar, orders, last_event, version):
    event, raised = last_event(), version()
    wanted = AudienceChange(description="", add_scopes=(Scope("orders:write"),), extra_claims={})

    same = audiences.change_audience(registrar, orders.identifier, wanted)

    assert same == orders
    assert (last_event(), version()) == (event, raised)


def test_true_is_not_one(registrar, orders):
    audiences.change_audience(registrar, orders.identifier, AudienceChange(extra_claims={"a": 1}))

    changed = audiences.change_audience(
        registrar, orders.identifier, AudienceChange(extra_claims={"a": True})
    )

    assert changed.version == 3
    assert audiences.find_audience(registrar, orders.identifier).policy.extra_claims["a"] is True


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (AudienceChange(description="a\x07"), InvalidValue),
        (AudienceChange(access_token_seconds=DAY + 1), InvalidValue),
        (AudienceChange(refresh_idle_seconds=5), InvalidValue),
        (AudienceChange(extra_claims={"aud": "x"}), InvalidValue),
        (AudienceChange(add_scopes=(Scope("openid"),)), InvalidValue),
        (AudienceChange(add_scopes=(Scope("a"), Scope("a"))), InvalidValue),
        (
            AudienceChange(add_scopes=(Scope("orders:read"),), remove_scopes=frozenset({"orders:read"})),
            InvalidValue,
        ),
        (AudienceChange(remove_scopes=frozenset({"nothing"})), NotFound),
        (AudienceChange(description="x", expected_version=2), Conflict),
    ],
    ids=repr,
)
def test_a_refused_change_changes_nothing(registrar, orders, version, wanted, refusal):
    raised = version()

    with pytest.raises(refusal):
        audiences.change_audience(registrar, orders.identifier, wanted)

    assert audiences.find_audience(registrar, orders.identifier) == orders
    assert version() == raised


def test_a_change_of_the_version_expected_is_made(registrar, orders):
    wanted = AudienceChange(description="x", expected_version=orders.version)

    assert audiences.change_audience(registrar, orders.identifier, wanted).version == 2


def test_a_permitted_scope_stays(registrar, orders, robot):
    read = frozenset({"orders:read"})
    permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier, read))

    with pytest.raises(Conflict) as refused:
        audiences.change_audience(registrar, orders.identifier, AudienceChange(remove_scopes=read))

    assert robot.client_id in refused.value.detail
    permissions.revoke_permission(registrar, robot.client_id, orders.identifier)
    changed = audiences.change_audience(registrar, orders.identifier, AudienceChange(remove_scopes=read))
    assert changed.scopes == (Scope("orders:write"),)


STATES = [audiences.disable_audience, audiences.enable_audience, audiences.deprecate_audience]


def by_name(act):
    return act.__name__


@pytest.mark.parametrize("act", [*STATES, audiences.remove_audience], ids=by_name)
@pytest.mark.parametrize("identifier", ["access", "refresh", "urn:issuer:api:v1"])
def test_reserved_audiences_are_locked(registrar, identifier, act):
    with pytest.raises(Locked):
        act(registrar, identifier)


def test_reserved_audiences_cannot_be_changed(registrar):
    with pytest.raises(Locked):
        audiences.change_audience(registrar, "access", AudienceChange(description="mine"))


@pytest.mark.parametrize("act", [*STATES, audiences.remove_audience], ids=by_name)
def test_an_unknown_audience_is_not_found(registrar, act):
    with pytest.raises(NotFound):
        act(registrar, "nothing")


@pytest.mark.parametrize("act", STATES, ids=by_name)
def test_a_removed_audience_stays_removed(registrar, orders, act):
    audiences.remove_audience(registrar, orders.identifier)

    with pytest.raises(Conflict):
        act(registrar, orders.identifier)
    with pytest.raises(Conflict):
        audiences.change_audience(registrar, orders.identifier, AudienceChange(description="x"))


@pytest.mark.parametrize(
    ("act", "state", "action"),
    [
        (audiences.disable_audience, AudienceState.DISABLED, "audience.disabled"),
        (audiences.deprecate_audience, AudienceState.DEPRECATED, "audience.deprecated"),
        (audiences.remove_audience, AudienceState.REMOVED, "audience.removed"),
    ],
    ids=["disable", "deprecate", "remove"],
)
def test_a_state_is_changed_once(registrar, orders, last_event, version, *, act, state, action):
    changed = act(registrar, orders.identifier)
    event, raised = last_event(), version()

    again = act(registrar, orders.identifier)

    assert (changed.state, again) == (state, changed)
    assert (event.action, event.before, event.after) == (action, {"state": "active"}, {"state": state.value})
    assert (last_event(), version()) == (event, raised)


@pytest.mark.parametrize("act", [audiences.disable_audience, audiences.deprecate_audience], ids=by_name)
def test_an_audience_is_enabled_again(registrar, orders, act):
    act(registrar, orders.identifier)

    enabled = audiences.enable_audience(registrar, orders.identifier)

    assert (enabled.state, enabled.successor, enabled.version) == (AudienceState.ACTIVE, None, 3)


def test_a_deprecated_audience_names_its_successor(registrar, shop, orders):
    audiences.add_audience(registrar, NewAudience("urn:orders:2", "Shop"))

    deprecated = audiences.deprecate_audience(registrar, orders.identifier, "urn:orders:2")

    assert (deprecated.state, deprecated.successor) == (AudienceState.DEPRECATED, "urn:orders:2")
    assert audiences.deprecate_audience(registrar, orders.identifier).successor is None


@pytest.mark.parametrize(
    ("successor", "refusal"),
    [
        ("https://orders.example", Conflict),
        ("disabled", Conflict),
        ("nothing", NotFound),
        ("access", Locked),
    ],
)
def test_a_successor_is_another_active_audience(registrar, shop, orders, successor, refusal):
    audiences.add_audience(registrar, NewAudience("disabled", "Shop"))
    audiences.disable_audience(registrar, "disabled")

    with pytest.raises(refusal):
        audiences.deprecate_audience(registrar, orders.identifier, successor)


def test_a_disabled_audience_is_not_deprecated(registrar, orders):
    audiences.disable_audience(registrar, orders.identifier)

    with pytest.raises(Conflict):
        audiences.deprecate_audience(registrar, orders.identifier)


def test_an_audience_goes_with_its_permissions_alone(registrar, orders, robot, version, concerns):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))
    clients.change_client(registrar, robot.client_id, ClientChange(default_audience=orders.identifier))
    before = version()

    audiences.remove_audience(registrar, orders.identifier)

    assert permissions.list_permissions(registrar) == ()
    assert clients.find_client(registrar, robot.client_id).default_audience == orders.id
    assert concerns(before) == {
        Concern(before + 1, ConcernKind.EVERYONE),
        Concern(before + 1, ConcernKind.CLIENT, robot.key),
    }


@pytest.mark.parametrize(
    "identifier",
    ["https://orders.example/", "access", "https://issuer.example/auth/x", "a b", "robot-aaaaaaab"],
)
def test_a_refused_audience_leaves_nothing(registrar, orders, robot, version, identifier):
    raised = version()
    listed = audiences.list_audiences(registrar)

    with pytest.raises(RegistryRefusal):
        audiences.add_audience(registrar, NewAudience(identifier, "Shop"))

    assert audiences.list_audiences(registrar) == listed
    assert version() == raised


def test_a_new_audience_concerns_the_clients_that_speak_for_its_service(
    registrar, shop, robot, version, concerns
):
    """Their records hold its audiences: without it they would be told that its tokens are inactive."""
    speaker, _ = clients.add_client(registrar, NewClient("Speaker", service=shop.name))
    before = version()

    audiences.add_audience(registrar, NewAudience("new", shop.name))

    assert concerns(before) == {Concern(before + 1, ConcernKind.CLIENT, speaker.key)}


def test_a_service_and_its_first_audience_are_registered_together(registrar):
    audience = audiences.add_audience_and_service(
        registrar, NewAudience("https://orders.example", ""), NewService("Orders", "team")
    )

    assert (audience.service.name, audience.service.owner) == ("Orders", "team")


@pytest.mark.parametrize("identifier", ["access", "https://issuer.example/auth/x", "no identifier"])
def test_neither_is_registered_where_one_is_refused(registrar, identifier):
    with pytest.raises(RegistryRefusal):
        audiences.add_audience_and_service(
            registrar, NewAudience(identifier, ""), NewService("Orders", "team")
        )

    assert [one.name for one in services.list_services(registrar)] == ["This issuer"]
