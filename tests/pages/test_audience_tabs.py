"""One audience in the console: its tabs, what each changes, and who may."""

import csv
import io
import re

import pytest

from issuer.model.audience import AliasMode, Audience
from issuer.model.permission import PermittedSubject
from issuer.model.user import Role
from issuer.registry import audiences, clients, permissions, services
from issuer.registry.audiences import AudienceChange
from tests.conftest import START
from tests.oauth.world import World
from tests.pages.signed_in import Member, sign_in_as

ORDERS = "https://orders.example"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
DAY = 24 * 3600
TABS = ("", "/scopes", "/clients", "/token-policy", "/aliases", "/activity", "/danger")
FORMS = (
    "/edit",
    "/scopes/new",
    "/scopes/edit?name=read",
    "/clients/pick",
    "/token-policy/edit",
    "/aliases/new",
    "/rename",
    "/deprecate",
)
LOCKED_FORMS = (
    "/edit",
    "/scopes/new",
    "/scopes/edit?name=read",
    "/token-policy/edit",
    "/aliases/new",
    "/rename",
    "/deprecate",
)
CHANGES = (
    "/edit",
    "/scopes/new",
    "/scopes/edit?name=read",
    "/scopes/remove",
    "/token-policy/edit",
    "/aliases/new",
    "/aliases/remove",
    "/rename",
    "/disable",
    "/enable",
    "/deprecate",
    "/key/own",
    "/key/shared",
    "/remove",
)


@pytest.fixture
def world(open_world) -> World:
    world = open_world()
    world.add_audience(ORDERS, "read", "write", service="Orders")
    return world


@pytest.fixture
def owner(world: World) -> Member:
    return sign_in_as(world, Role.OWNER)


@pytest.fixture
def robot(world: World) -> str:
    """Give the client_id of a client that may ask for the audience."""
    return world.add_client("Robot", ORDERS).client_id


def find(world: World, identifier: str = ORDERS) -> Audience:
    return audiences.find_audience(world.registrar, identifier)


def at(world: World, tab: str = "", identifier: str = ORDERS) -> str:
    return f"/admin/audiences/{find(world, identifier).id}{tab}"


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("identifier", [ORDERS, "access", "refresh", "https://id.example/api/v1"])
def test_every_tab_shows_every_audience(world: World, owner: Member, tab: str, identifier: str):
    page = owner.open(at(world, tab, identifier))

    assert page.status_code == 200
    assert page.text.count('aria-current="page"') >= 1
    assert identifier in page.text


@pytest.mark.parametrize("tab", [*TABS, *FORMS])
def test_what_is_not_there_is_not_found(owner: Member, tab: str):
    assert owner.open(f"/admin/audiences/99999{tab}").status_code == 404


@pytest.mark.parametrize("tab", TABS)
def test_a_removed_audience_is_still_told(world: World, owner: Member, tab: str):
    address = at(world, tab)
    audiences.remove_audience(world.registrar, ORDERS)

    page = owner.open(address)

    assert page.status_code == 200
    assert "Removed" in page.text


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("identifier", ["access", "refresh"])
def test_the_reserved_ones_are_locked(world: World, owner: Member, change: str, identifier: str):
    before = find(world, identifier)
    fields = {"version": str(before.version), "name": "read", "identifier": "x", "alias": "x"}
    if "scopes/edit" in change:
        change = "/scopes/new"

    answer = owner.send(at(world, change, identifier), confirmed=identifier, **_policy(), **fields)

    assert answer.status_code == 403
    assert "<h1>This cannot be changed</h1>" in answer.text
    assert "the issuer's own" in answer.text.replace("&#39;", "'")
    assert "change your role" not in answer.text
    assert find(world, identifier) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("form", LOCKED_FORMS)
@pytest.mark.parametrize("identifier", ["access", "refresh", "https://id.example/api/v1", "urn:removed"])
def test_no_form_is_shown_of_what_nobody_can_change(
    world: World, owner: Member, method: str, form: str, identifier: str
):
    if identifier == "urn:removed":
        world.add_audience(identifier, "read", service="Orders")
        audiences.remove_audience(world.registrar, identifier)
    before = find(world, identifier)
    why = "is removed; that is for good" if identifier == "urn:removed" else "is the issuer's own"

    address = at(world, form, identifier)
    answer = owner.open(address) if method == "GET" else owner.send(address, version=str(before.version))

    page = answer.text.split("<main")[1].replace("&#39;", "'")
    assert answer.status_code == 403
    assert f'<code class="chip">{identifier}</code>' in page
    assert why in page
    assert f'href="{at(world, "", identifier)}">Back to' in page
    assert "<form" not in page
    assert find(world, identifier) == before


@pytest.mark.parametrize("form", ["/clients/pick", "/clients/grant", "/clients/revoke"])
@pytest.mark.parametrize(
    ("identifier", "why"),
    [("refresh", "no client may ask for it"), ("urn:removed", "is removed; that is for good")],
)
def test_what_nobody_can_be_permitted_shows_no_form_of_it(
    world: World, owner: Member, robot: str, form: str, identifier: str, why: str
):
    if identifier == "urn:removed":
        world.add_audience(identifier, service="Orders")
        audiences.remove_audience(world.registrar, identifier)

    answer = owner.open(f"{at(world, form, identifier)}?client={robot}")

    assert answer.status_code == 403
    assert why in answer.text
    assert "<form" not in answer.text.split("<main")[1]


def _policy(**fields: str) -> dict[str, str]:
    usual = {"access_token_seconds": "", "refresh_idle_seconds": "", "refresh_absolute_seconds": ""}
    return {**usual, "signing_alg": "RS256", "typ": "at+jwt", "extra_claims": "", **fields}


def test_the_overview_tells_findings_with_the_way_to_mend_them(world: World, owner: Member):
    page = owner.open(at(world)).text

    assert "<code>no-client</code>" in page
    assert f'href="{at(world, "/clients/pick")}">Permit a client</a>' in page


def test_the_overview_names_the_successor(world: World, owner: Member):
    world.add_audience("https://new.example", service="Orders")
    audiences.deprecate_audience(world.registrar, ORDERS, "https://new.example")

    page = owner.open(at(world)).text

    assert f'href="{at(world, "", "https://new.example")}">https://new.example</a>' in page


def test_tokens_are_counted_by_hour(world: World, owner: Member, robot: str):
    world.look()
    for _ in range(3):
        world.ask(world.clients["Robot"])
    world.parts.usage.write_once()

    assert "3 tokens, 3 in the busiest hour" in owner.open(at(world)).text
    assert "3 tokens" in owner.open(at(world, "/activity?span=week")).text


def test_hostile_texts_are_text(world: World, owner: Member, robot: str):
    wanted = AudienceChange(description=HOSTILE)
    audiences.change_audience(world.registrar, ORDERS, wanted)
    other = world.add_client(HOSTILE[:60]).client_id
    world.permit(other, ORDERS)

    for tab in (*TABS, *FORMS, f"/clients/grant?client={other}", f"/clients/revoke?client={other}"):
        assert "<script>alert" not in owner.open(at(world, tab)).text, tab


def test_the_description_is_changed_and_a_stale_edit_shown(world: World, owner: Member):
    first = owner.send(at(world, "/edit"), description="Takes orders", version="1")
    stale = owner.send(at(world, "/edit"), description="Something else", version="1")
    refused = owner.send(at(world, "/edit"), description="x\u202ey", version="2")

    assert (first.status_code, stale.status_code, refused.status_code) == (303, 409, 422)
    assert "Takes orders" in stale.text
    assert "Something else" in stale.text
    assert "U+202E" in refused.text
    assert find(world).description == "Takes orders"


def test_a_scope_is_added_described_and_removed(world: World, owner: Member):
    owner.send(at(world, "/scopes/new"), name="pay", description="Pay")
    version = str(find(world).version)
    owner.send(at(world, "/scopes/edit?name=pay"), description="Pay for it", version=version)
    described = [(one.name, one.description) for one in find(world).scopes]
    owner.send(at(world, "/scopes/remove"), name="pay")

    assert ("pay", "Pay for it") in described
    assert "pay" not in {one.name for one in find(world).scopes}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "This is needed"),
        ("read", ">read is there already"),
        ('a"b', "scope"),
        ("offline_access", "scope"),
    ],
)
def test_what_cannot_be_a_scope_is_refused(world: World, owner: Member, name: str, said: str):
    answer = owner.send(at(world, "/scopes/new"), name=name, description="typed")

    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="typed"' in answer.text
    assert len(find(world).scopes) == 2


def test_a_scope_that_is_held_stays(world: World, owner: Member, robot: str):
    answer = owner.send(at(world, "/scopes/remove"), name="read")

    assert answer.status_code == 409
    assert robot in answer.text
    assert "1 client<" in owner.open(at(world, "/scopes")).text
    assert 'id="scope-1-title"' not in owner.open(at(world, "/scopes")).text


def test_a_scope_that_is_not_there_is_refused(world: World, owner: Member):
    assert owner.open(at(world, "/scopes/edit?name=none")).status_code == 400
    assert owner.send(at(world, "/scopes/remove"), name="none").status_code == 404


def test_a_stale_scope_shows_both_versions(world: World, owner: Member):
    audiences.change_audience(world.registrar, ORDERS, AudienceChange(description="faster"))

    answer = owner.send(at(world, "/scopes/edit?name=read"), description="slower", version="1")

    assert answer.status_code == 409
    assert "slower" in answer.text


def test_who_can_call_it_is_told(world: World, owner: Member, robot: str):
    page = owner.open(at(world, "/clients")).text

    for shown in ("Robot", robot, "15 min", "server default", "itself"):
        assert shown in page
    assert "No client may ask for it" not in page


def test_nobody_can_call_it_at_first(world: World, owner: Member):
    assert "No client may ask for it" in owner.open(at(world, "/clients")).text


def test_callers_are_exported(world: World, owner: Member, robot: str):
    answer = owner.open(at(world, "/clients/export?format=csv"))

    assert [row["client_id"] for row in csv.DictReader(io.StringIO(answer.text))] == [robot]


def test_a_client_is_found_and_permitted(world: World, owner: Member):
    client_id = world.add_client("Robot").client_id
    address = at(world, f"/clients/grant?client={client_id}")

    found = owner.open(at(world, "/clients/pick?q=rob")).text
    answer = owner.send(address, scopes=["read", "write"], default_scopes="read", subject="both", version="0")

    assert address.replace("&", "&amp;") in found
    assert answer.status_code == 303
    (permission,) = permissions.list_permissions(world.registrar, client_id)
    assert permission.scopes == {"read", "write"}
    assert permission.default_scopes == {"read"}
    assert permission.subject is PermittedSubject.BOTH


def test_a_permission_is_edited(world: World, owner: Member, robot: str):
    address = at(world, f"/clients/grant?client={robot}")
    shown = owner.open(address).text
    (before,) = permissions.list_permissions(world.registrar, robot)

    owner.send(address, scopes="write", subject="client", version=str(before.version))

    assert re.search(r'checked[^>]*name="scopes"[^>]*value="read"', shown)
    assert permissions.list_permissions(world.registrar, robot)[0].scopes == {"write"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scopes": "pay"}, "not a valid choice"),
        ({"scopes": "read", "default_scopes": "write"}, "Default scopes are part of the permitted ones"),
        ({"scopes": "read", "subject": "everybody"}, "Not a valid choice"),
    ],
)
def test_what_cannot_be_permitted_is_refused(world: World, owner: Member, fields: dict[str, str], said: str):
    client_id = world.add_client("Robot").client_id

    answer = owner.send(
        at(world, f"/clients/grant?client={client_id}"), **{"subject": "client", "version": "0", **fields}
    )

    assert answer.status_code == 422
    assert said in answer.text
    assert permissions.list_permissions(world.registrar, client_id) == ()


def test_refresh_can_be_permitted_to_nobody(world: World, owner: Member):
    client_id = world.add_client("Robot").client_id

    answer = owner.send(
        at(world, f"/clients/grant?client={client_id}", "refresh"), subject="client", version="0"
    )

    assert answer.status_code == 403
    assert "no client may ask for it" in answer.text


def test_a_stale_permission_shows_both_versions(world: World, owner: Member, robot: str):
    answer = owner.send(
        at(world, f"/clients/grant?client={robot}"), scopes="read", subject="client", version="7"
    )

    assert answer.status_code == 409
    assert "read write" in answer.text


def test_a_permission_that_was_taken_back_meanwhile_is_shown_as_stale(
    world: World, owner: Member, robot: str
):
    permissions.revoke_permission(world.registrar, robot, ORDERS)

    answer = owner.send(
        at(world, f"/clients/grant?client={robot}"), scopes="read", subject="client", version="1"
    )

    assert answer.status_code == 409
    assert permissions.list_permissions(world.registrar, robot) == ()


def test_a_client_that_is_not_there_is_not_found(world: World, owner: Member):
    assert owner.open(at(world, "/clients/grant?client=nobody")).status_code == 404
    assert owner.open(at(world, "/clients/revoke")).status_code == 404


def test_a_permission_is_taken_back_after_its_consequences_were_told(world: World, owner: Member, robot: str):
    address = at(world, f"/clients/revoke?client={robot}")

    told = owner.open(address).text
    answer = owner.send(address)

    assert "No live token is left" in told
    assert answer.status_code == 303
    assert permissions.list_permissions(world.registrar, robot) == ()
    assert owner.open(address).status_code == 303


def test_the_policy_tells_whose_word_each_value_is(world: World, owner: Member):
    audiences.change_audience(world.registrar, ORDERS, AudienceChange(access_token_seconds=600))

    page = owner.open(at(world, "/token-policy")).text

    assert re.search(r'10 min <span class="origin">audience<', page)
    assert re.search(r'14 d <span class="origin">server default<', page)
    assert "&#34;typ&#34;: &#34;at+jwt&#34;" in page


def test_the_policy_is_changed(world: World, owner: Member):
    answer = owner.send(
        at(world, "/token-policy/edit"),
        version="1",
        **_policy(access_token_seconds="300", typ="JWT", extra_claims='{"region": "eu"}'),
    )

    policy = find(world).policy
    assert answer.status_code == 303
    assert (policy.access_token_seconds, policy.typ.value) == (300, "JWT")
    assert policy.extra_claims == {"region": "eu"}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"access_token_seconds": "1"}, "access_token_seconds"),
        ({"refresh_idle_seconds": "100", "refresh_absolute_seconds": "50"}, "refresh_idle_seconds"),
        ({"refresh_absolute_seconds": "999999999"}, "refresh_absolute_seconds"),
        ({"signing_alg": "none"}, "signing_alg"),
        ({"extra_claims": '{"sub": 1}'}, "extra_claims"),
    ],
)
def test_a_policy_that_may_not_be_is_refused_at_its_field(
    world: World, owner: Member, fields: dict[str, str], where: str
):
    before = find(world)

    answer = owner.send(at(world, "/token-policy/edit"), version="1", **_policy(**fields))

    assert answer.status_code == 422
    assert f'id="{where}-error"' in answer.text
    assert find(world) == before


def test_a_stale_policy_shows_both_versions(world: World, owner: Member):
    audiences.change_audience(world.registrar, ORDERS, AudienceChange(access_token_seconds=600))

    answer = owner.send(at(world, "/token-policy/edit"), version="1", **_policy(access_token_seconds="60"))

    assert answer.status_code == 409
    assert ">600<" in answer.text


def test_an_alias_is_added_until_a_day_and_removed(world: World, owner: Member):
    fields = {"identifier": "https://old.example", "mode": "dual", "until": "2030-01-31"}

    owner.send(at(world, "/aliases/new"), **fields)
    (alias,) = find(world).aliases
    page = owner.open(at(world, "/aliases")).text
    owner.send(at(world, "/aliases/remove"), alias="https://old.example")

    assert (alias.mode, alias.until) == (AliasMode.DUAL, 1_896_048_000)
    assert "2030-01-31 00:00:00 UTC" in page
    assert find(world).aliases == ()


@pytest.mark.parametrize(
    ("form", "fields", "where"),
    [
        ("/aliases/new", {"identifier": ""}, "identifier"),
        ("/aliases/new", {"identifier": ORDERS}, "identifier"),
        ("/aliases/new", {"identifier": "access"}, "identifier"),
        ("/aliases/new", {"until": "soon"}, "until"),
        ("/aliases/new", {"until": "2001-01-31"}, "until"),
        ("/aliases/new", {"mode": "both"}, "mode"),
        ("/rename", {"identifier": ""}, "identifier"),
        ("/rename", {"identifier": "access"}, "identifier"),
        ("/rename", {"until": "soon"}, "until"),
        ("/rename", {"until": "2001-01-31"}, "until"),
    ],
)
def test_what_cannot_be_another_name_is_refused(
    world: World, owner: Member, form: str, fields: dict[str, str], where: str
):
    answer = owner.send(
        at(world, form), **{"identifier": "https://old.example", "mode": "accept", "until": "", **fields}
    )

    assert answer.status_code == 422
    assert f'id="{where}-error"' in answer.text
    assert find(world).aliases == ()


def test_a_rename_keeps_the_old_name_until_a_day(world: World, owner: Member, clock):
    address = at(world, "/aliases")

    fields = {"identifier": "https://new.example", "until": "2030-01-31", "version": "1"}
    owner.send(at(world, "/rename"), **fields)
    page = owner.open(address).text
    clock.step(1_896_048_000 - START)
    later = sign_in_as(world, Role.AUDITOR).open(address).text

    renamed = find(world, "https://new.example")
    assert [(one.identifier, one.mode) for one in renamed.aliases] == [(ORDERS, AliasMode.DUAL)]
    assert "stands in aud beside https://new.example" in page
    assert "tokens name https://new.example alone" in later


def test_the_window_of_a_rename_counts_down(world: World, owner: Member, clock):
    address = at(world, "/aliases")
    fields = {"identifier": "https://new.example", "until": "2027-01-31", "version": "1"}
    owner.send(at(world, "/rename"), **fields)

    shown = []
    for seconds in (0, 14 * DAY, DAY, DAY):
        clock.step(seconds)
        page = sign_in_as(world, Role.AUDITOR).open(address).text
        shown += re.findall(r">(in [^<]+|[^<]+ ago)</time>, <span[^>]*>2027-01-31 00:00:00 UTC<", page)

    assert shown == ["in 15 days", "in 1 day", "in 16 hours", "8 hours ago"]


def test_a_second_rename_at_the_same_moment_is_stale(world: World, owner: Member):
    fields = {"until": "2030-01-31", "version": "1"}
    address = at(world, "/rename")
    owner.send(address, identifier="https://new.example", **fields)

    stale = owner.send(address, identifier="https://newer.example", **fields)

    assert stale.status_code == 409
    assert "https://new.example" in stale.text
    assert "https://newer.example" in stale.text
    assert [one.identifier for one in find(world, "https://new.example").aliases] == [ORDERS]


def test_refusals_are_told_with_reason_and_request_id(world: World, owner: Member):
    client = world.add_client("Stranger")
    world.look()
    refused = world.ask(client, resource=ORDERS)
    world.parts.refusals.write_once()

    page = owner.open(at(world, "/activity")).text

    assert "Stranger" in page
    assert refused.headers["X-Request-ID"] in page
    assert "invalid_target" in page
    assert "1 refusal" in page


def test_a_span_that_there_is_not_is_refused(world: World, owner: Member):
    assert owner.open(at(world, "/activity?span=year")).status_code == 400


def test_the_danger_zone_tells_the_consequence_in_numbers(world: World, owner: Member, robot: str):
    world.look()
    world.ask(world.clients["Robot"])
    world.parts.usage.write_once()

    page = owner.open(at(world, "/danger")).text

    assert "1 client loses it at once" in page
    assert "The last live token dies at" in page
    assert "1 token was issued in the last 24 hours" in page


@pytest.mark.parametrize("disabled", ["audience", "service"])
def test_of_what_is_disabled_already_nobody_loses_anything_at_once(
    world: World, owner: Member, robot: str, disabled: str
):
    if disabled == "audience":
        audiences.disable_audience(world.registrar, ORDERS)
    else:
        services.disable_service(world.registrar, "Orders")

    page = owner.open(at(world, "/danger")).text

    assert "at once." not in re.sub(r"<h3>.*?</p>", "", page.split('class="danger-zone"')[1])
    told = page.split('<h2 id="danger">Danger zone</h2>')[1].split("</div>")[0]
    assert re.sub(r"<[^>]+>", "", told).strip() == (
        "Nobody gets it now. No live token is left. 0 tokens were issued in the last 24 hours. "
        "Removing takes away 1 permission for good."
    )


def test_an_audience_is_disabled_and_enabled_again(world: World, owner: Member):
    owner.send(at(world, "/disable"))
    disabled = find(world).state.value
    owner.send(at(world, "/enable"))

    assert (disabled, find(world).state.value) == ("disabled", "active")


def test_an_audience_is_deprecated_with_a_successor(world: World, owner: Member):
    world.add_audience("https://new.example", service="Orders")

    refused = owner.send(at(world, "/deprecate"), successor="https://nowhere.example", version="1")
    answer = owner.send(at(world, "/deprecate"), successor="https://new.example", version="1")
    stale = owner.send(at(world, "/deprecate"), successor="", version="1")

    assert (refused.status_code, answer.status_code, stale.status_code) == (422, 303, 409)
    assert 'value="https://nowhere.example"' in refused.text
    assert "https://new.example" in stale.text
    assert (find(world).state.value, find(world).successor) == ("deprecated", "https://new.example")


def test_an_audience_is_removed_once_its_identifier_was_typed(world: World, owner: Member):
    owner.send(at(world, "/remove"), confirmed="https://order.example")
    before = find(world).state.value
    owner.send(at(world, "/remove"), confirmed=ORDERS)

    assert (before, find(world).state.value) == ("active", "removed")


def test_removing_takes_the_password_once_more(world: World):
    visitor = sign_in_as(world, Role.OWNER, is_stepped_up=False)

    answer = visitor.send(at(world, "/remove"), confirmed=ORDERS)

    assert answer.status_code in {303, 403}
    assert find(world).state.value == "active"


@pytest.mark.parametrize("change", CHANGES)
def test_an_auditor_changes_nothing(world: World, change: str):
    visitor = sign_in_as(world, Role.AUDITOR)
    before = find(world)

    answer = visitor.send(at(world, change), confirmed=ORDERS, name="read", version="1")

    assert answer.status_code == 403
    assert find(world) == before


@pytest.mark.parametrize("form", [*FORMS, "/clients/grant?client=x", "/clients/revoke?client=x"])
def test_an_auditor_is_shown_no_form_and_no_way_to_one(world: World, form: str):
    visitor = sign_in_as(world, Role.AUDITOR)

    assert visitor.open(at(world, form)).status_code == 403
    for tab in TABS:
        assert f'href="{at(world, form)}"' not in visitor.open(at(world, tab)).text


def test_a_service_owner_changes_the_audiences_of_that_service(world: World):
    visitor = sign_in_as(world, Role.SERVICE_OWNER, ("Orders",))
    client_id = world.add_client("Robot").client_id

    answers = [
        visitor.send(at(world, "/edit"), description="Mine", version="1"),
        visitor.send(at(world, "/scopes/new"), name="pay"),
        visitor.send(at(world, f"/clients/grant?client={client_id}"), subject="client", version="0"),
        visitor.send(at(world, "/disable")),
    ]

    assert [each.status_code for each in answers] == [303] * 4
    assert find(world).description == "Mine"
    assert len(permissions.list_permissions(world.registrar, client_id)) == 1


@pytest.mark.parametrize(
    "change", [*CHANGES, "/clients/grant?client=CLIENT", "/clients/revoke?client=CLIENT"]
)
def test_a_service_owner_changes_nothing_of_another_service(world: World, robot: str, change: str):
    services.add_service(world.registrar, services.NewService("Other", "team"))
    visitor = sign_in_as(world, Role.SERVICE_OWNER, ("Other",))
    before = find(world)

    answer = visitor.send(
        at(world, change.replace("CLIENT", robot)),
        confirmed=ORDERS, version="1", name="read", identifier="x", alias="x", description="x",
    )  # fmt: skip

    assert answer.status_code == 403
    assert find(world) == before
    assert len(permissions.list_permissions(world.registrar, robot)) == 1


def test_a_disabled_client_is_not_offered(world: World, owner: Member):
    client_id = world.add_client("Robot").client_id
    clients.disable_client(world.registrar, client_id)

    assert "No active client" in owner.open(at(world, "/clients/pick")).text


@pytest.mark.parametrize("state", ["active", "disabled", "deprecated"])
def test_the_example_is_what_a_client_gets_whatever_the_state(world: World, owner: Member, state: str):
    act = {"disabled": audiences.disable_audience, "deprecated": audiences.deprecate_audience}
    if state in act:
        act[state](world.registrar, ORDERS)

    page = owner.open(at(world, "/token-policy")).text

    assert "&#34;sub&#34;: &#34;some-client&#34;" in page
    assert "&#34;scope&#34;: &#34;read write&#34;" in page


@pytest.mark.parametrize("change", [*CHANGES, "/clients/grant?client=x", "/clients/revoke?client=x"])
def test_no_change_is_made_without_the_token_of_a_form(world: World, owner: Member, change: str):
    before = find(world)

    answer = owner.ask("POST", at(world, change), data={"confirmed": ORDERS, "version": "1", "name": "read"})

    assert answer.status_code == 400
    assert find(world) == before


def test_an_audience_gets_a_key_of_its_own_and_gives_it_up(world: World, owner: Member):
    before = owner.open(at(world, "/danger")).text
    assert "Give it a key of its own" in before

    given = owner.send(at(world, "/key/own"))

    assert given.status_code == 303
    audience = audiences.find_audience(world.registrar, ORDERS)
    assert audience.has_own_key
    page = owner.open(at(world, "/danger")).text
    assert f"/.well-known/jwks/{audience.id}.json" in page
    assert "Use the shared keys" in page
    assert "its own, which stands in no other key set" in owner.open(at(world, "/token-policy")).text
    owner.send(at(world, "/key/shared"))
    assert not audiences.find_audience(world.registrar, ORDERS).has_own_key
    assert "shared with other audiences" in owner.open(at(world, "/token-policy")).text


def test_a_key_that_cannot_be_given_changes_nothing_and_says_why(world: World, owner: Member):
    owner.send(at(world, "/key/own"))
    owner.send(at(world, "/key/shared"))

    owner.send(at(world, "/key/own"))

    assert "Nothing was changed: the key that" in owner.open(at(world, "/danger")).text
    assert not audiences.find_audience(world.registrar, ORDERS).has_own_key
