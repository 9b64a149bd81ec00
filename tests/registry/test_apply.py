"""A document becomes the registry: all of it or nothing, by the rules of all other changes."""

from dataclasses import replace

import pytest

from issuer.errors import Conflict, InvalidValue, Locked, NotFound, RegistryRefusal
from issuer.model.audience import AliasMode, AudienceState
from issuer.model.client import ClientState
from issuer.model.service import ServiceState
from issuer.model.signing_key import KeyPurpose
from issuer.registry import (
    aliases,
    audiences,
    audit,
    client_rules,
    client_secrets,
    clients,
    issuer_url,
    own_keys,
    permissions,
    services,
)
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.document import apply, export, form
from issuer.registry.document.apply import Pruning
from issuer.registry.document.diff import Action, Kind
from issuer.registry.key_steps import Waits
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store.registry_version import Concern, ConcernKind

ORDERS = "https://orders.example/"
API = "${ISSUER_URL}/api/v1"
SHOP = {"name": "Shop", "owner": "team-shop"}
OF_ORDERS = {
    "identifier": ORDERS,
    "service": "Shop",
    "scopes": [{"name": "orders:read", "description": "Look at orders"}, {"name": "orders:write"}],
}
ROBOT = {"client_id": "robot-aaaaaaab", "name": "Robot", "grant_types": ["client_credentials"]}
ON_ORDERS = {"client_id": "robot-aaaaaaab", "audience": ORDERS, "scopes": ["orders:read"]}


@pytest.fixture
def granted(registrar, orders, robot):
    """Register what WHOLE says."""
    assert robot.client_id == ROBOT["client_id"]
    new = NewPermission(robot.client_id, ORDERS, frozenset({"orders:read"}))
    return permissions.grant_permission(registrar, new)


def document(**sections):
    """Return a document of some sections."""
    return form.read({"version": 1, **sections})


def whole(**sections):
    """Return the document of what `granted` registers, some sections replaced."""
    given = {
        "trust_groups": [],
        "services": [SHOP],
        "audiences": [OF_ORDERS],
        "clients": [ROBOT],
        "permissions": [ON_ORDERS],
    }
    return document(**{**given, **sections})


def actions(registrar, after=0):
    """Return what was done since an event, oldest first."""
    return [
        (one.action, one.target) for one in reversed(audit.list_events(registrar, 1000)) if one.id > after
    ]


def last_id(registrar):
    """Return the id of the newest event."""
    return max((one.id for one in audit.list_events(registrar, 1)), default=0)


def test_an_empty_registry_becomes_what_the_document_says(registrar, version, concerns):
    before = version()

    outcome = apply.apply(registrar, whole())

    assert [(one.action, one.kind, one.title, one.path) for one in outcome.differences] == [
        (Action.ADD, Kind.SERVICE, "Shop", "services[0]"),
        (Action.ADD, Kind.AUDIENCE, ORDERS, "audiences[0]"),
        (Action.ADD, Kind.CLIENT, "robot-aaaaaaab", "clients[0]"),
        (Action.ADD, Kind.PERMISSION, f"robot-aaaaaaab on {ORDERS}", "permissions[0]"),
    ]
    assert replace(export.export(registrar)) == whole()
    assert actions(registrar) == [
        ("service.added", "Shop"),
        ("audience.added", ORDERS),
        ("client.added", "robot-aaaaaaab"),
        ("permission.granted", "robot-aaaaaaab"),
    ]
    robot = clients.find_client(registrar, "robot-aaaaaaab")
    assert version() == before + 1
    assert concerns(before) == {Concern(before + 1, ConcernKind.CLIENT, robot.key)}


def test_applying_twice_changes_nothing(registrar, granted, version):
    raised, event = version(), last_id(registrar)

    outcome = apply.apply(registrar, whole(), Pruning.ANYTHING)

    assert outcome.differences == ()
    assert (version(), last_id(registrar)) == (raised, event)


def test_a_client_of_a_document_has_no_secret(registrar):
    outcome = apply.apply(registrar, whole())

    assert outcome.without_secret == ("robot-aaaaaaab",)
    assert clients.find_client(registrar, "robot-aaaaaaab").secrets == ()


def test_clients_without_a_usable_secret_are_told_each_time(registrar, granted, robot, clock):
    client_secrets.revoke_secret(registrar, robot.client_id, robot.secrets[0].id)
    assert apply.apply(registrar, whole()).without_secret == (robot.client_id,)

    client_secrets.add_secret(registrar, robot.client_id)
    assert apply.apply(registrar, whole()).without_secret == ()


def test_a_rehearsal_tells_the_same_and_changes_nothing(registrar, version):
    before = version()

    rehearsed = apply.rehearse(registrar, whole())

    assert (version(), actions(registrar), export.export(registrar).services) == (before, [], ())
    assert apply.apply(registrar, whole()) == rehearsed


def test_a_rehearsal_refuses_what_would_be_refused(registrar):
    with pytest.raises(InvalidValue):
        apply.rehearse(registrar, whole(audiences=[{**OF_ORDERS, "access_token_seconds": 1}]))


def test_what_is_not_in_the_document_is_left_alone_and_counted(registrar, granted, version):
    services.add_service(registrar, NewService("Other", "team", "group"))
    raised = version()

    outcome = apply.apply(registrar, document(services=[SHOP]))

    assert outcome.differences == ()
    assert outcome.left_alone == {
        Kind.TRUST_GROUP: 1,
        Kind.SERVICE: 1,
        Kind.AUDIENCE: 1,
        Kind.CLIENT: 1,
        Kind.PERMISSION: 1,
    }
    assert version() == raised


def test_a_change_is_told_before_and_after(registrar, granted):
    changed = {**OF_ORDERS, "description": "New", "scopes": [*OF_ORDERS["scopes"], {"name": "orders:list"}]}

    (difference,) = apply.apply(registrar, whole(audiences=[changed])).differences

    scopes = {"orders:read": "Look at orders", "orders:write": ""}
    assert (difference.action, difference.kind, difference.name) == (Action.CHANGE, Kind.AUDIENCE, (ORDERS,))
    assert difference.before == {"description": "", "scopes": scopes}
    assert difference.after == {"description": "New", "scopes": {**scopes, "orders:list": ""}}


def test_what_is_left_out_of_an_entry_becomes_its_default(registrar, granted):
    audiences.change_audience(
        registrar, ORDERS, audiences.AudienceChange(access_token_seconds=60, description="x")
    )

    apply.apply(registrar, whole())

    audience = audiences.find_audience(registrar, ORDERS)
    assert (audience.policy.access_token_seconds, audience.description) == (None, "")


@pytest.mark.parametrize(
    ("section", "entry", "events"),
    [
        ("services", {**SHOP, "state": "disabled"}, [("service.disabled", "Shop")]),
        ("services", {**SHOP, "owner": "other"}, [("service.changed", "Shop")]),
        ("audiences", {**OF_ORDERS, "state": "disabled"}, [("audience.disabled", ORDERS)]),
        ("audiences", {**OF_ORDERS, "state": "deprecated"}, [("audience.deprecated", ORDERS)]),
        ("audiences", {**OF_ORDERS, "typ": "JWT"}, [("audience.changed", ORDERS)]),
        (
            "audiences",
            {**OF_ORDERS, "aliases": [{"identifier": "o", "mode": "dual"}]},
            [("audience.alias_added", ORDERS)],
        ),
        ("audiences", {**OF_ORDERS, "extra_claims": {"a": True}}, [("audience.changed", ORDERS)]),
        ("clients", {**ROBOT, "state": "disabled"}, [("client.disabled", "robot-aaaaaaab")]),
        ("clients", {**ROBOT, "tenant_id": "acme"}, [("client.changed", "robot-aaaaaaab")]),
        ("clients", {**ROBOT, "service": "Shop"}, [("client.changed", "robot-aaaaaaab")]),
        ("clients", {**ROBOT, "default_audience": ORDERS}, [("client.changed", "robot-aaaaaaab")]),
        ("permissions", {**ON_ORDERS, "subject": "both"}, [("permission.granted", "robot-aaaaaaab")]),
        ("permissions", {**ON_ORDERS, "scopes": []}, [("permission.granted", "robot-aaaaaaab")]),
    ],
    ids=repr,
)
def test_each_changed_thing_has_its_event(registrar, granted, section, entry, events):
    wanted, event = whole(**{section: [entry]}), last_id(registrar)

    apply.apply(registrar, wanted)

    assert actions(registrar, event) == events
    assert export.export(registrar) == wanted
    assert apply.apply(registrar, wanted).differences == ()


def test_claims_that_python_takes_for_equal_differ(registrar, granted):
    apply.apply(registrar, whole(audiences=[{**OF_ORDERS, "extra_claims": {"level": 1}}]))

    apply.apply(registrar, whole(audiences=[{**OF_ORDERS, "extra_claims": {"level": True}}]))

    assert audiences.find_audience(registrar, ORDERS).policy.extra_claims["level"] is True


def test_all_of_it_or_nothing(registrar, version):
    before = version()
    wanted = whole(permissions=[ON_ORDERS, {**ON_ORDERS, "audience": "access", "scopes": ["no"]}])

    with pytest.raises(InvalidValue) as refused:
        apply.apply(registrar, wanted)

    assert refused.value.detail == "permissions[1]: access defines no scope no"
    assert (version(), actions(registrar), export.export(registrar).services) == (before, [], ())


def test_a_scope_can_come_and_another_go_with_the_permission_on_it(registrar, granted):
    wanted = whole(
        audiences=[{**OF_ORDERS, "scopes": [{"name": "orders:list"}]}],
        permissions=[{**ON_ORDERS, "scopes": ["orders:list"]}],
    )

    apply.apply(registrar, wanted)

    assert export.export(registrar) == wanted


def test_an_alias_moves_within_its_service(registrar, granted):
    old = {"identifier": "old", "mode": "accept"}
    other = {"identifier": "other", "service": "Shop"}
    apply.apply(registrar, whole(audiences=[{**OF_ORDERS, "aliases": [old]}, other]))

    wanted = whole(audiences=[OF_ORDERS, {**other, "aliases": [old]}])
    apply.apply(registrar, wanted)

    assert export.export(registrar) == wanted


def test_a_date_of_an_alias_may_lie_in_the_past(registrar):
    """It did not when the alias was made, in the registry that the document comes from."""
    old = {"identifier": "old", "mode": "dual", "until": "2001-01-01"}
    wanted = whole(audiences=[{**OF_ORDERS, "aliases": [old]}])

    apply.apply(registrar, wanted)

    assert export.export(registrar) == wanted


def test_claims_of_audiences_that_share_tokens_change_together(registrar):
    """One by one, the first change would clash with what the other has still."""
    both = [
        {**OF_ORDERS, "extra_claims": {"a": 1}},
        {"identifier": "b", "service": "Shop", "extra_claims": {"a": 1}},
    ]
    apply.apply(registrar, whole(audiences=both))
    wanted = whole(audiences=[{**one, "extra_claims": {"a": 2}} for one in both])

    apply.apply(registrar, wanted)

    assert export.export(registrar) == wanted


def test_a_rename_is_promoted_as_a_rename(registrar, granted):
    new = "https://new.example/"
    renamed = {
        **OF_ORDERS,
        "identifier": new,
        "aliases": [{"identifier": ORDERS, "mode": "dual", "until": "2027-02-01"}],
    }
    clients.change_client(registrar, ROBOT["client_id"], ClientChange(default_audience=ORDERS))
    before, event = audiences.find_audience(registrar, ORDERS), last_id(registrar)
    wanted = whole(
        audiences=[renamed],
        clients=[{**ROBOT, "default_audience": new}],
        permissions=[{**ON_ORDERS, "audience": new}],
    )

    outcome = apply.apply(registrar, wanted, Pruning.LESSER_PART)

    assert [(one.action, one.title) for one in outcome.differences] == [(Action.CHANGE, new)]
    assert outcome.differences[0].before["identifier"] == ORDERS
    assert actions(registrar, event) == [("audience.renamed", ORDERS)]
    assert audiences.find_audience(registrar, new).id == before.id
    assert export.export(registrar) == wanted


def test_two_renames_may_be_promoted_as_one(registrar, granted):
    wanted = whole(
        audiences=[
            {
                **OF_ORDERS,
                "identifier": "third",
                "aliases": [
                    {"identifier": "second", "mode": "dual"},
                    {"identifier": ORDERS, "mode": "accept"},
                ],
            }
        ],
        permissions=[{**ON_ORDERS, "audience": "third"}],
    )

    apply.apply(registrar, wanted)

    assert audiences.find_audience(registrar, "second").identifier == "third"
    assert apply.apply(registrar, wanted).differences == ()


def test_an_alias_can_become_the_identifier(registrar, granted):
    aliases.add_alias(registrar, ORDERS, "orders", AliasMode.ACCEPT)
    wanted = whole(
        audiences=[
            {**OF_ORDERS, "identifier": "orders", "aliases": [{"identifier": ORDERS, "mode": "dual"}]}
        ],
        permissions=[{**ON_ORDERS, "audience": "orders"}],
    )

    apply.apply(registrar, wanted)

    assert export.export(registrar) == wanted


def test_a_successor_may_be_on_its_way_out_itself(registrar):
    """It came about step by step: each successor was active when it was named."""
    chain = [
        {**OF_ORDERS, "state": "deprecated", "successor": "b"},
        {"identifier": "b", "service": "Shop", "state": "disabled", "successor": "c"},
        {"identifier": "c", "service": "Shop"},
    ]
    wanted = whole(audiences=chain)

    apply.apply(registrar, wanted)

    assert export.export(registrar) == wanted


def test_a_trust_group_is_made_by_its_first_mention(registrar):
    outcome = apply.apply(registrar, document(services=[{**SHOP, "trust_group": "group"}]))

    assert [(one.kind, one.title) for one in outcome.differences] == [
        (Kind.TRUST_GROUP, "group"),
        (Kind.SERVICE, "Shop"),
    ]
    assert actions(registrar) == [("trust_group.added", "group"), ("service.added", "Shop")]


def test_a_service_changes_hands_and_trust_group(registrar, granted):
    wanted = whole(
        trust_groups=[{"name": "group", "owner": "other"}],
        services=[{**SHOP, "owner": "other", "trust_group": "group"}],
    )

    apply.apply(registrar, wanted)

    assert export.export(registrar) == wanted


def test_the_admin_api_is_that_of_the_installation(registrar, engine, clock):
    issuer_url.align(engine, "https://prod.example", clock)
    wanted = document(
        clients=[{**ROBOT, "default_audience": API}],
        permissions=[{"client_id": "robot-aaaaaaab", "audience": API}],
    )

    apply.apply(registrar, wanted)

    (permission,) = permissions.list_permissions(registrar)
    assert permission.audience.identifier == "https://prod.example/api/v1"
    assert clients.find_client(registrar, "robot-aaaaaaab").default_audience == permission.audience.id
    assert apply.apply(registrar, wanted).differences == ()


def test_a_registry_is_promoted_to_another_installation(registrar, engine, clock, granted, start_afresh):
    issuer_url.align(engine, "https://staging.example", clock)
    for identifier in ("https://staging.example/api/v1", "access"):
        permissions.grant_permission(registrar, NewPermission(ROBOT["client_id"], identifier))
    exported = export.export(registrar)
    production = start_afresh()
    issuer_url.align(production.session.get_bind(), "https://prod.example/auth", clock)

    apply.apply(production, exported)

    assert export.export(production) == exported
    assert {one.audience.identifier for one in permissions.list_permissions(production)} == {
        "access",
        "https://prod.example/auth/api/v1",
        ORDERS,
    }


@pytest.mark.parametrize("pruning", [Pruning.LESSER_PART, Pruning.ANYTHING])
def test_pruning_removes_what_is_not_in_the_document(registrar, granted, pruning):
    more = NewClient("More")
    for name in ("a", "b"):
        audiences.add_audience(registrar, NewAudience(name, "Shop"))
        services.add_service(registrar, NewService(name, "team"))
    kept = form.write(export.export(registrar))
    client, _ = clients.add_client(registrar, more)
    services.add_service(registrar, NewService("More", "team"))
    audiences.add_audience(registrar, NewAudience("more", "More"))
    permissions.grant_permission(registrar, NewPermission(ROBOT["client_id"], "more"))
    clients.change_client(registrar, ROBOT["client_id"], ClientChange(default_audience="more"))
    event = last_id(registrar)

    outcome = apply.apply(registrar, form.read(kept), pruning)

    assert [(one.action, one.title) for one in outcome.differences] == [
        (Action.REMOVE, "More"),
        (Action.REMOVE, "more"),
        (Action.CHANGE, ROBOT["client_id"]),
        (Action.REMOVE, client.client_id),
        (Action.REMOVE, f"{ROBOT['client_id']} on more"),
    ]
    assert actions(registrar, event) == [
        ("client.changed", ROBOT["client_id"]),
        ("permission.revoked", ROBOT["client_id"]),
        ("client.secret_revoked", client.client_id),
        ("client.removed", client.client_id),
        ("audience.removed", "more"),
        ("service.removed", "More"),
    ]
    assert form.write(export.export(registrar)) == kept
    assert services.find_service(registrar, "More").state is ServiceState.REMOVED
    assert audiences.find_audience(registrar, "more").state is AudienceState.REMOVED
    assert clients.find_client(registrar, client.client_id).state is ClientState.REMOVED


@pytest.mark.parametrize(
    ("section", "gone"),
    [
        ("services", "services"),
        ("audiences", "audiences"),
        ("clients", "clients"),
        ("permissions", "permissions"),
    ],
)
def test_removing_more_than_half_must_be_meant(registrar, granted, version, section, gone):
    raised = version()
    dependents = {
        "services": ["audiences", "permissions"],
        "audiences": ["permissions"],
        "clients": ["permissions"],
    }
    emptied = {name: [] for name in [section, *dependents.get(section, [])]}

    with pytest.raises(Conflict) as refused:
        apply.apply(registrar, whole(**emptied), Pruning.LESSER_PART)

    assert f"remove 1 of 1 {gone}" in refused.value.detail
    assert version() == raised
    assert apply.apply(registrar, whole(**emptied), Pruning.ANYTHING).differences


def test_removing_half_is_no_more_than_half(registrar, granted):
    services.add_service(registrar, NewService("Other", "team"))

    outcome = apply.apply(registrar, whole(), Pruning.LESSER_PART)

    assert [one.title for one in outcome.differences] == ["Other"]


@pytest.mark.parametrize("section", ["trust_groups", "services", "audiences", "clients", "permissions"])
def test_to_prune_a_document_has_every_section(registrar, granted, section):
    wanted = whole()

    with pytest.raises(InvalidValue) as refused:
        apply.apply(registrar, replace(wanted, sections=wanted.sections - {section}), Pruning.ANYTHING)

    assert f"{section} is missing" in refused.value.detail


def test_what_was_pruned_never_comes_back(registrar, granted):
    empty = document(trust_groups=[], services=[], audiences=[], clients=[], permissions=[])
    apply.apply(registrar, empty, Pruning.ANYTHING)

    with pytest.raises(Conflict) as refused:
        apply.apply(registrar, whole())

    assert refused.value.detail == (
        "services[0]: a service Shop is or was registered; names are never given again"
    )


OTHER = {"name": "Other", "owner": "team"}
B = {"identifier": "b", "service": "Shop"}


@pytest.mark.parametrize(
    ("sections", "refusal", "said"),
    [
        (
            {"trust_groups": [{"name": "g", "owner": "a"}], "services": [{**SHOP, "trust_group": "g"}]},
            Conflict,
            "services[0]: the trust group g belongs to a",
        ),
        ({"services": [{**SHOP, "owner": " "}]}, InvalidValue, "services[0]: the owner"),
        ({"services": [{**OTHER, "name": " "}]}, InvalidValue, "services[0]: the name"),
        ({"services": [{"name": "This issuer", "owner": "issuer"}]}, Locked, "services[0]: This issuer"),
        (
            {"trust_groups": [{"name": "g", "owner": "a"}], "services": [{**OTHER, "trust_group": "g"}]},
            Conflict,
            "services[0]: the trust group g belongs to a",
        ),
        ({"trust_groups": [{"name": "", "owner": "a"}]}, InvalidValue, "trust_groups[0]: "),
        ({"audiences": [{**B, "identifier": "a b"}]}, InvalidValue, "audiences[0]: an identifier holds"),
        (
            {"audiences": [{**B, "identifier": "https://issuer.example/auth/x"}]},
            InvalidValue,
            "audiences[0]: ",
        ),
        ({"audiences": [{**B, "identifier": "access"}]}, Locked, "audiences[0]: access"),
        ({"audiences": [{**B, "identifier": API}]}, Locked, "audiences[0]: "),
        ({"audiences": [{**B, "identifier": "Refresh"}]}, Locked, "audiences[0]: Refresh"),
        ({"audiences": [{**B, "identifier": "robot-aaaaaaab"}]}, Conflict, "audiences[0]: robot-aaaaaaab"),
        (
            {"audiences": [{**B, "identifier": "https://ORDERS.example"}]},
            Conflict,
            "audiences[0]: https://ORD",
        ),
        (
            {"audiences": [{**B, "service": "Nobody's"}]},
            NotFound,
            "audiences[0].service: no service Nobody's",
        ),
        ({"audiences": [{**B, "service": "This issuer"}]}, Locked, "audiences[0]: This issuer"),
        (
            {"services": [OTHER], "audiences": [{**OF_ORDERS, "service": "Other"}]},
            Conflict,
            "audiences[0].service: https://orders.example/ is of Shop",
        ),
        (
            {
                "services": [OTHER],
                "audiences": [{**B, "service": "Other", "aliases": [{"identifier": ORDERS, "mode": "dual"}]}],
            },
            Conflict,
            "audiences[0].service: b is of Shop",
        ),
        (
            {"audiences": [{**B, "access_token_seconds": 9}]},
            InvalidValue,
            "audiences[0]: an access token's life",
        ),
        (
            {"audiences": [{**B, "scopes": [{"name": "openid"}]}]},
            InvalidValue,
            "audiences[0]: the scope openid",
        ),
        (
            {"audiences": [{**B, "state": "deprecated", "successor": "x"}]},
            NotFound,
            "audiences[0].successor: ",
        ),
        (
            {"audiences": [{**B, "state": "deprecated", "successor": "access"}]},
            Locked,
            "audiences[0].successor: ",
        ),
        (
            {"audiences": [{**B, "state": "deprecated", "successor": "b"}]},
            Conflict,
            "audiences[0].successor: ",
        ),
        (
            {
                "audiences": [
                    {**OF_ORDERS, "state": "deprecated", "successor": "b"},
                    {**B, "state": "deprecated", "successor": ORDERS},
                ]
            },
            Conflict,
            "would succeed itself in the end",
        ),
        (
            {"audiences": [{**OF_ORDERS, "extra_claims": {"a": 1}}, {**B, "extra_claims": {"a": True}}]},
            Conflict,
            "audiences[0].extra_claims: b may stand in one token",
        ),
        (
            {"audiences": [{**B, "aliases": [{"identifier": "a b", "mode": "dual"}]}]},
            InvalidValue,
            "audiences[0].aliases[0]: ",
        ),
        (
            {"audiences": [{**B, "aliases": [{"identifier": "access", "mode": "dual"}]}]},
            Locked,
            "audiences[0].aliases[0]: ",
        ),
        (
            {"audiences": [{**OF_ORDERS, "scopes": []}]},
            Conflict,
            "audiences[0].scopes: orders:read, orders:write is permitted to robot",
        ),
        ({"clients": [{**ROBOT, "client_id": "a b"}]}, InvalidValue, "clients[0]: a client_id has"),
        ({"clients": [{**ROBOT, "client_id": "a" * 256}]}, InvalidValue, "clients[0]: a client_id has"),
        ({"clients": [{**ROBOT, "client_id": "ACCESS"}]}, Conflict, "clients[0]: ACCESS is or was"),
        ({"clients": [{**ROBOT, "name": ""}]}, InvalidValue, "clients[0]: the name is empty"),
        ({"clients": [{**ROBOT, "grant_types": []}]}, InvalidValue, "clients[0]: a client has at least one"),
        ({"clients": [{**ROBOT, "service": "No"}]}, NotFound, "clients[0].service: no service No"),
        ({"clients": [{**ROBOT, "service": "This issuer"}]}, Locked, "clients[0]: no client speaks for"),
        (
            {"clients": [{**ROBOT, "default_audience": "no"}]},
            NotFound,
            "clients[0].default_audience: no audience",
        ),
        (
            {"permissions": [{**ON_ORDERS, "client_id": "no"}]},
            NotFound,
            "permissions[0].client_id: no client no",
        ),
        (
            {"permissions": [{**ON_ORDERS, "audience": "no"}]},
            NotFound,
            "permissions[0].audience: no audience no",
        ),
        (
            {"permissions": [{**ON_ORDERS, "audience": "refresh", "scopes": []}]},
            Locked,
            "permissions[0]: refresh",
        ),
        ({"permissions": [{**ON_ORDERS, "scopes": ["no"]}]}, InvalidValue, "permissions[0]: https://orders"),
        (
            {"permissions": [{**ON_ORDERS, "default_scopes": ["orders:write"]}]},
            InvalidValue,
            "permissions[0]: default",
        ),
    ],
    ids=repr,
)
def test_what_one_change_would_refuse_a_document_refuses_with_its_path(
    registrar, granted, version, sections, refusal, said
):
    raised = version()

    with pytest.raises(RegistryRefusal) as refused:
        apply.apply(registrar, document(**sections))

    assert type(refused.value) is refusal
    assert said in refused.value.detail
    assert version() == raised


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"services": [], "audiences": [OF_ORDERS]}, "audiences[0].service: no service Shop"),
        ({"audiences": []}, "permissions[0].audience: no audience"),
        ({"clients": []}, "permissions[0].client_id: no client"),
    ],
    ids=repr,
)
def test_nothing_that_stays_may_name_what_is_pruned(registrar, granted, sections, said):
    with pytest.raises(NotFound) as refused:
        apply.apply(registrar, whole(**sections), Pruning.ANYTHING)

    assert said in refused.value.detail


@pytest.mark.parametrize(
    ("remove", "sections", "said"),
    [
        (lambda own: services.remove_service(own, "Shop"), {"services": [SHOP]}, "services[0]: "),
        (lambda own: audiences.remove_audience(own, ORDERS), {"audiences": [OF_ORDERS]}, "audiences[0]: "),
        (lambda own: clients.remove_client(own, ROBOT["client_id"]), {"clients": [ROBOT]}, "clients[0]: "),
    ],
    ids=["service", "audience", "client"],
)
def test_what_is_removed_stays_so(registrar, granted, remove, sections, said):
    remove(registrar)

    with pytest.raises(Conflict) as refused:
        apply.apply(registrar, document(**sections))

    assert refused.value.detail.startswith(said)


def test_offline_access_brings_its_grant_type_along_in_a_document_too(registrar, granted):
    wanted = whole(clients=[{**ROBOT, "may_use_offline_access": True}])

    first = apply.apply(registrar, wanted)
    again = apply.apply(registrar, wanted)

    robot = clients.find_client(registrar, ROBOT["client_id"])
    assert {*robot.grant_types} == {"client_credentials", "refresh_token"}
    (difference,) = first.differences
    assert difference.after == {
        "grant_types": ["client_credentials", "refresh_token"],
        "may_use_offline_access": True,
    }
    assert again.differences == ()


def test_a_default_that_is_not_permitted_is_taken_and_told(registrar, granted):
    """As a revoked permission leaves it: what is registered can always be applied again."""
    permissions.revoke_permission(registrar, ROBOT["client_id"], ORDERS)
    wanted = document(clients=[{**ROBOT, "default_audience": ORDERS}])

    outcome = apply.apply(registrar, wanted)

    assert outcome.unpermitted_defaults == ((ROBOT["client_id"], ORDERS),)
    assert apply.apply(registrar, wanted).differences == ()


@pytest.mark.parametrize("client_id", sorted(client_rules.NOT_CLIENT_IDS))
def test_a_client_id_that_is_a_page_of_the_console_is_refused(registrar, client_id):
    with pytest.raises(InvalidValue):
        apply.apply(registrar, document(clients=[{**ROBOT, "client_id": client_id}]))


def test_a_document_leaves_an_audiences_own_key_alone(registrar, granted):
    waits = Waits(60, 0, {KeyPurpose.TOKEN: 60, KeyPurpose.REFRESH: 60})
    before = own_keys.give(registrar, (bytes(32),), ORDERS, waits)

    applied = apply.apply(registrar, whole())

    assert applied.differences == ()
    assert audiences.find_audience(registrar, ORDERS) == before
