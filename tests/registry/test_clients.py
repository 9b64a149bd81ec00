import pytest

from issuer import hashing
from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.model.client import AuthMethod, Client, ClientState, ClientType, GrantType
from issuer.registry import audiences, audit, client_secrets, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.permissions import NewPermission
from issuer.store.registry_version import Concern, ConcernKind

DAY = 24 * 3600
CREDENTIALS = frozenset({GrantType.CLIENT_CREDENTIALS})
BOTH_GRANTS = CREDENTIALS | {GrantType.REFRESH_TOKEN}


def test_a_client_is_registered_as_given(registrar, shop, clock):
    new = NewClient(
        "Nightly Report <1>",
        type=ClientType.DEVICE,
        auth_method=AuthMethod.CLIENT_SECRET_POST,
        may_use_offline_access=True,
        tenant_id="acme/eu",
        access_token_max_seconds=60,
        service="Shop",
    )

    client, secret = clients.add_client(registrar, new)

    assert client == Client(
        key=client.key,
        client_id="nightly-report-1-aaaaaaab",
        name="Nightly Report <1>",
        type=ClientType.DEVICE,
        grant_types=BOTH_GRANTS,
        auth_method=AuthMethod.CLIENT_SECRET_POST,
        may_use_offline_access=True,
        default_audience=None,
        tenant_id="acme/eu",
        access_token_max_seconds=60,
        service=shop.id,
        state=ClientState.ACTIVE,
        secrets=client.secrets,
        created_at=clock.at,
        version=1,
    )
    assert [one.secret_hash for one in client.secrets] == [hashing.hash_secret(secret)]
    assert clients.find_client(registrar, client.client_id) == client


def test_a_secret_is_random_and_known_for_one(registrar):
    _, first = clients.add_client(registrar, NewClient("Robot"))
    _, second = clients.add_client(registrar, NewClient("Robot"))

    assert first != second
    assert first.startswith("isr_")
    assert len(first) == len("isr_") + 43


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Robot", "robot"),
        ("  Robot"[2:] + " --- 2", "robot-2"),
        ("Zoë's Büro", "zoe-s-buro"),
        ("店", "client"),
        ("x" * 39 + " y", "x" * 39),
        ("y" * 100, "y" * 40),
    ],
)
def test_a_client_id_is_made_of_the_name(registrar, name, slug):
    client, _ = clients.add_client(registrar, NewClient(name))

    assert client.client_id == f"{slug}-aaaaaaab"


@pytest.mark.parametrize("identifier", ["robot-aaaaaaab", "ROBOT-aaaaaaab"])
def test_a_client_id_is_never_an_audience(registrar, shop, identifier):
    """The `aud` of an ID token is a client_id, so the two are disjoint sets."""
    audiences.add_audience(registrar, NewAudience(identifier, "Shop"))

    client, _ = clients.add_client(registrar, NewClient("Robot"))

    assert client.client_id == "robot-aaaaaaac"


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (NewClient(""), InvalidValue),
        (NewClient(" Robot"), InvalidValue),
        (NewClient("Ro\x00bot"), InvalidValue),
        (NewClient("Ro\ud83dbot"), InvalidValue),
        (NewClient("r" * 101), InvalidValue),
        (NewClient("Robot", tenant_id=""), InvalidValue),
        (NewClient("Robot", tenant_id="a\n"), InvalidValue),
        (NewClient("Robot", tenant_id="t" * 256), InvalidValue),
        (NewClient("Robot", access_token_max_seconds=9), InvalidValue),
        (NewClient("Robot", access_token_max_seconds=DAY + 1), InvalidValue),
        (NewClient("Robot", grant_types=frozenset()), InvalidValue),
        (NewClient("Robot", service="Nothing"), NotFound),
        (NewClient("Robot", service="This issuer"), Locked),
        (NewClient("Robot", service="Gone"), Conflict),
    ],
    ids=repr,
)
def test_a_client_that_cannot_be_is_refused(registrar, shop, version, new, refusal):
    services.add_service(registrar, services.NewService("Gone", "team"))
    services.remove_service(registrar, "Gone")
    raised = version()

    with pytest.raises(refusal):
        clients.add_client(registrar, new)

    assert clients.list_clients(registrar) == ()
    assert version() == raised


def test_clients_are_listed_by_client_id(registrar, shop):
    clients.add_client(registrar, NewClient("b"))
    clients.add_client(registrar, NewClient("a", service="Shop"))

    everything = [client.name for client in clients.list_clients(registrar)]
    of_shop = [client.name for client in clients.list_clients(registrar, "Shop")]

    assert (everything, of_shop) == (["a", "b"], ["a"])


def test_listing_the_clients_of_an_unknown_service_is_refused(registrar):
    with pytest.raises(NotFound):
        clients.list_clients(registrar, "Shop")


def test_a_client_changes_as_asked_and_no_further(
    registrar, shop, orders, robot, last_event, *, version, concerns
):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))
    before = version()
    wanted = ClientChange(
        name="Machine",
        type=ClientType.WEB,
        auth_method=AuthMethod.CLIENT_SECRET_POST,
        may_use_offline_access=True,
        default_audience="https://ORDERS.example",
        tenant_id="acme",
        access_token_max_seconds=60,
        service="Shop",
        expected_version=1,
    )

    changed = clients.change_client(registrar, robot.client_id, wanted)

    assert (changed.client_id, changed.name, changed.type) == (robot.client_id, "Machine", ClientType.WEB)
    assert (changed.default_audience, changed.service, changed.version) == (orders.id, shop.id, 2)
    assert (changed.tenant_id, changed.access_token_max_seconds) == ("acme", 60)
    assert (changed.grant_types, changed.secrets) == (BOTH_GRANTS, robot.secrets)
    assert concerns(before) == {Concern(before + 1, ConcernKind.CLIENT, robot.key)}
    event = last_event()
    assert (event.action, event.target_kind, event.target) == ("client.changed", "client", robot.client_id)
    assert event.before == {
        "name": "Robot",
        "type": "service",
        "grant_types": ["client_credentials"],
        "auth_method": "client_secret_basic",
        "may_use_offline_access": False,
        "default_audience": None,
        "tenant_id": None,
        "access_token_max_seconds": None,
        "service": None,
    }
    assert event.after == {
        "name": "Machine",
        "type": "web",
        "grant_types": ["client_credentials", "refresh_token"],
        "auth_method": "client_secret_post",
        "may_use_offline_access": True,
        "default_audience": orders.identifier,
        "tenant_id": "acme",
        "access_token_max_seconds": 60,
        "service": "Shop",
    }


@pytest.mark.parametrize(
    "wanted",
    [
        ClientChange(may_use_offline_access=True),
        ClientChange(may_use_offline_access=True, grant_types=CREDENTIALS),
    ],
)
def test_offline_access_brings_its_grant_type_along(registrar, robot, wanted):
    changed = clients.change_client(registrar, robot.client_id, wanted)

    assert (changed.may_use_offline_access, changed.grant_types) == (True, BOTH_GRANTS)


def test_the_grant_type_stays_while_offline_access_does(registrar, robot):
    clients.change_client(registrar, robot.client_id, ClientChange(may_use_offline_access=True))

    changed = clients.change_client(registrar, robot.client_id, ClientChange(grant_types=CREDENTIALS))

    assert changed.grant_types == BOTH_GRANTS


def test_offline_access_is_taken_back_alone_or_with_its_grant_type(registrar, robot):
    clients.change_client(registrar, robot.client_id, ClientChange(may_use_offline_access=True))

    alone = clients.change_client(registrar, robot.client_id, ClientChange(may_use_offline_access=False))
    both = clients.change_client(registrar, robot.client_id, ClientChange(grant_types=CREDENTIALS))

    assert (alone.may_use_offline_access, alone.grant_types) == (False, BOTH_GRANTS)
    assert (both.may_use_offline_access, both.grant_types) == (False, CREDENTIALS)


def test_none_clears_a_field(registrar, shop, orders, robot):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))
    filled = ClientChange(
        default_audience=orders.identifier, tenant_id="acme", access_token_max_seconds=60, service="Shop"
    )
    clients.change_client(registrar, robot.client_id, filled)
    empty = ClientChange(default_audience=None, tenant_id=None, access_token_max_seconds=None, service=None)

    changed = clients.change_client(registrar, robot.client_id, empty)

    assert (changed.default_audience, changed.service) == (None, None)
    assert (changed.tenant_id, changed.access_token_max_seconds) == (None, None)


def test_a_change_that_changes_nothing_leaves_nothing(registrar, robot, version):
    raised = version()

    same = clients.change_client(registrar, robot.client_id, ClientChange(name="Robot", tenant_id=None))

    assert same == robot
    assert version() == raised


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (ClientChange(name=""), InvalidValue),
        (ClientChange(tenant_id="\x7f"), InvalidValue),
        (ClientChange(access_token_max_seconds=1), InvalidValue),
        (ClientChange(grant_types=frozenset()), InvalidValue),
        (ClientChange(service="This issuer"), Locked),
        (ClientChange(service="Nothing"), NotFound),
        (ClientChange(default_audience="nothing"), NotFound),
        (ClientChange(default_audience="https://orders.example/"), Conflict),
        (ClientChange(default_audience="access"), Conflict),
        (ClientChange(default_audience="refresh"), Conflict),
        (ClientChange(name="x", expected_version=2), Conflict),
    ],
    ids=repr,
)
def test_a_refused_change_changes_nothing(registrar, orders, robot, version, wanted, refusal):
    raised = version()

    with pytest.raises(refusal):
        clients.change_client(registrar, robot.client_id, wanted)

    assert clients.find_client(registrar, robot.client_id) == robot
    assert version() == raised


ACTS = [clients.disable_client, clients.enable_client, clients.remove_client]


@pytest.mark.parametrize("act", [clients.find_client, *ACTS], ids=lambda act: act.__name__)
def test_an_unknown_client_is_not_found(registrar, act):
    with pytest.raises(NotFound):
        act(registrar, "nobody")


def test_a_client_is_disabled_and_enabled(registrar, robot, last_event, version):
    disabled = clients.disable_client(registrar, robot.client_id)
    event, raised = last_event(), version()

    assert clients.disable_client(registrar, robot.client_id) == disabled
    assert (last_event(), version()) == (event, raised)
    assert (disabled.state, event.action) == (ClientState.DISABLED, "client.disabled")
    assert clients.enable_client(registrar, robot.client_id).state is ClientState.ACTIVE


def test_a_client_goes_with_its_secrets_and_permissions(registrar, orders, robot, clock):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))
    clients.change_client(registrar, robot.client_id, ClientChange(default_audience=orders.identifier))

    removed = clients.remove_client(registrar, robot.client_id)

    assert removed.state is ClientState.REMOVED
    assert [secret.revoked_at for secret in removed.secrets] == [clock.at]
    assert permissions.list_permissions(registrar) == ()
    assert clients.find_client(registrar, robot.client_id) == removed
    assert clients.remove_client(registrar, robot.client_id) == removed


def test_removed_is_for_good(registrar, orders, robot):
    clients.remove_client(registrar, robot.client_id)

    with pytest.raises(Conflict):
        clients.enable_client(registrar, robot.client_id)
    with pytest.raises(Conflict):
        clients.disable_client(registrar, robot.client_id)
    with pytest.raises(Conflict):
        clients.change_client(registrar, robot.client_id, ClientChange(name="x"))
    with pytest.raises(Conflict):
        client_secrets.add_secret(registrar, robot.client_id)
    with pytest.raises(Conflict):
        permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))


def test_no_secret_stands_in_the_audit(registrar):
    client, secret = clients.add_client(registrar, NewClient("Robot"))
    _, another = client_secrets.add_secret(registrar, client.client_id)

    told = repr(audit.list_events(registrar))

    assert secret not in told
    assert another not in told
    assert "secret_hash" not in told
    assert hashing.hash_secret(secret).hex() not in told
