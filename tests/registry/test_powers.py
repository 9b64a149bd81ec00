"""What each role may do: every function that changes anything, with every role; and the whole table.

A new function without an entry here fails, and so does a new role or power.
"""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from issuer.errors import Conflict, NotAllowed, NotFound, SetupLinkRefused, SignInFailed, StepUpRequired
from issuer.jose.sealing import MasterKeys
from issuer.model.audience import AliasMode
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import KeyPurpose
from issuer.model.user import Authority, Role
from issuer.model.web_session import STEP_UP_SECONDS
from issuer.registry import (
    aliases,
    audiences,
    client_secrets,
    clients,
    families,
    key_import,
    key_rewrap,
    key_rotation,
    key_upkeep,
    key_withdrawal,
    own_keys,
    permissions,
    powers,
    registration,
    services,
    setup,
    sign_in,
    users,
    web_sessions,
)
from issuer.registry.audiences import AudienceChange, NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.document import apply, entries
from issuer.registry.key_steps import Waits
from issuer.registry.permissions import NewPermission
from issuer.registry.powers import Power
from issuer.registry.registration import WantedAudience
from issuer.registry.services import NewService, ServiceChange
from issuer.registry.setup import FirstOwner
from issuer.registry.users import NewUser, UserChange
from tests.architecture.sources import ROOT
from tests.conftest import fresh_database_url
from tests.registry.conftest import BROWSER, PASSWORD

VISITOR = "visitor"
OWNER, ADMIN, AUDITOR, SERVICE_OWNER = Role.OWNER, Role.ADMIN, Role.AUDITOR, Role.SERVICE_OWNER
OWNERS = {OWNER}
ADMINS = {OWNER, ADMIN}
WITHIN = {OWNER, ADMIN, SERVICE_OWNER}
SIGNED_IN = set(Role)
ANYONE = {*Role, VISITOR}

OTHER = "correct violet trombone marsh"
WAITS = Waits(60, 30, dict.fromkeys(KeyPurpose, 60))
MASTER: MasterKeys = (bytes(32),)
IMPORTED = ECKey.generate_key("P-256").as_pem(private=True)
EMPTY = entries.Document(sections=frozenset())

# Each function of registry/ that opens a writing transaction, who may call it, and a call that would
# change something. r: the registrar of who calls, w: what is registered.
ACTS = {
    "services.add_service": (ADMINS, lambda r, w: services.add_service(r, NewService("New", "team"))),
    "services.change_service": (
        ADMINS,
        lambda r, w: services.change_service(r, "Shop", ServiceChange(owner="others")),
    ),
    "services.disable_service": (ADMINS, lambda r, w: services.disable_service(r, "Shop")),
    "services.enable_service": (ADMINS, lambda r, w: services.enable_service(r, "Shop")),
    "services.remove_service": (ADMINS, lambda r, w: services.remove_service(r, "Shop")),
    "audiences.add_audience": (
        ADMINS,
        lambda r, w: audiences.add_audience(r, NewAudience("new", "Shop")),
    ),
    "audiences.add_audience_and_service": (
        ADMINS,
        lambda r, w: audiences.add_audience_and_service(
            r, NewAudience("newer", ""), NewService("Newer", "team")
        ),
    ),
    "audiences.change_audience": (
        WITHIN,
        lambda r, w: audiences.change_audience(r, w.identifier, AudienceChange(description="D")),
    ),
    "audiences.disable_audience": (WITHIN, lambda r, w: audiences.disable_audience(r, w.identifier)),
    "audiences.enable_audience": (WITHIN, lambda r, w: audiences.enable_audience(r, w.identifier)),
    "audiences.deprecate_audience": (WITHIN, lambda r, w: audiences.deprecate_audience(r, w.identifier)),
    "audiences.remove_audience": (ADMINS, lambda r, w: audiences.remove_audience(r, w.identifier)),
    "aliases.add_alias": (
        WITHIN,
        lambda r, w: aliases.add_alias(r, w.identifier, "another", AliasMode.ACCEPT),
    ),
    "aliases.remove_alias": (WITHIN, lambda r, w: aliases.remove_alias(r, w.identifier, w.alias)),
    "aliases.rename_audience": (WITHIN, lambda r, w: aliases.rename_audience(r, w.identifier, "renamed")),
    "permissions.grant_permission": (
        WITHIN,
        lambda r, w: permissions.grant_permission(r, NewPermission(w.client_id, w.identifier)),
    ),
    "permissions.revoke_permission": (
        WITHIN,
        lambda r, w: permissions.revoke_permission(r, w.client_id, w.identifier),
    ),
    "clients.add_client": (ADMINS, lambda r, w: clients.add_client(r, NewClient("New"))),
    "registration.register_client": (
        ADMINS,
        lambda r, w: registration.register_client(r, NewClient("New"), [WantedAudience(w.identifier)]),
    ),
    "clients.change_client": (
        ADMINS,
        lambda r, w: clients.change_client(r, w.client_id, ClientChange(service="Shop")),
    ),
    "clients.disable_client": (ADMINS, lambda r, w: clients.disable_client(r, w.client_id)),
    "clients.enable_client": (ADMINS, lambda r, w: clients.enable_client(r, w.client_id)),
    "clients.remove_client": (ADMINS, lambda r, w: clients.remove_client(r, w.client_id)),
    "client_secrets.add_secret": (ADMINS, lambda r, w: client_secrets.add_secret(r, w.client_id)),
    "client_secrets.revoke_secret": (
        ADMINS,
        lambda r, w: client_secrets.revoke_secret(r, w.client_id, w.secret_id),
    ),
    "families.end_families": (ADMINS, lambda r, w: families.end_families(r, w.client_id)),
    "families.end_family": (ADMINS, lambda r, w: families.end_family(r, w.client_id, "f1")),
    "key_rotation.rotate": (
        ADMINS,
        lambda r, w: key_rotation.rotate(r, MASTER, key_rotation.list_shared_lines(["RS256"]), WAITS),
    ),
    "key_rotation.rotate_due": (ADMINS, lambda r, w: key_rotation.rotate_due(r, MASTER, 60, WAITS)),
    "key_upkeep.keep": (ADMINS, lambda r, w: key_upkeep.keep(r, MASTER, WAITS, 60)),
    "key_upkeep.erase": (ADMINS, lambda r, w: key_upkeep.erase(r)),
    "own_keys.give": (ADMINS, lambda r, w: own_keys.give(r, MASTER, w.identifier, WAITS)),
    "own_keys.give_up": (ADMINS, lambda r, w: own_keys.give_up(r, w.identifier, WAITS)),
    "key_withdrawal.retire": (ADMINS, lambda r, w: key_withdrawal.retire(r, MASTER, "k", WAITS)),
    "key_withdrawal.compromise": (ADMINS, lambda r, w: key_withdrawal.compromise(r, MASTER, "k", WAITS)),
    "key_rotation.rotate_now": (
        ADMINS,
        lambda r, w: key_rotation.rotate_now(r, MASTER, key_rotation.list_shared_lines(["RS256"]), WAITS),
    ),
    "key_import.add_key": (ADMINS, lambda r, w: key_import.add_key(r, MASTER, IMPORTED, WAITS)),
    "key_rewrap.rewrap": (ADMINS, lambda r, w: key_rewrap.rewrap(r, MASTER)),
    "document.apply.apply": (ADMINS, lambda r, w: apply.apply(r, EMPTY)),
    "document.apply.rehearse": (ADMINS, lambda r, w: apply.rehearse(r, EMPTY)),
    "users.add_user": (
        OWNERS,
        lambda r, w: users.add_user(r, w.passwords, NewUser("new", AUDITOR, PASSWORD)),
    ),
    "users.change_user": (OWNERS, lambda r, w: users.change_user(r, "victim", UserChange(role=ADMIN))),
    "users.disable_user": (OWNERS, lambda r, w: users.disable_user(r, "victim")),
    "users.enable_user": (OWNERS, lambda r, w: users.enable_user(r, "victim")),
    "users.remove_user": (OWNERS, lambda r, w: users.remove_user(r, "victim")),
    "users.set_password": (OWNERS, lambda r, w: users.set_password(r, w.passwords, "victim", OTHER)),
    "web_sessions.end_session": (OWNERS, lambda r, w: web_sessions.end_session(r, w.victims_session)),
    "web_sessions.end_all_sessions": (OWNERS, lambda r, w: web_sessions.end_all_sessions(r, "victim")),
    "setup.make_link": (OWNERS, lambda r, w: setup.make_link(r)),
    "sign_in.step_up": (
        SIGNED_IN,
        lambda r, w: sign_in.step_up(r, w.passwords, w.signed_in, PASSWORD, BROWSER),
    ),
    "sign_in.change_own_password": (
        SIGNED_IN,
        lambda r, w: sign_in.change_own_password(r, w.passwords, w.signed_in, PASSWORD, OTHER, BROWSER),
    ),
    "web_sessions.sign_out": (SIGNED_IN, lambda r, w: web_sessions.sign_out(r, w.signed_in)),
    "web_sessions.end_own_session": (
        SIGNED_IN,
        lambda r, w: web_sessions.end_own_session(r, w.signed_in, w.signed_in.session.id),
    ),
    "sign_in.sign_in": (
        ANYONE,
        lambda r, w: sign_in.sign_in(r, w.passwords, "victim", PASSWORD, BROWSER),
    ),
    "web_sessions.end_other_sessions": (
        SIGNED_IN,
        lambda r, w: web_sessions.end_other_sessions(r, w.signed_in),
    ),
    "web_sessions.note_seen": (ANYONE, lambda r, w: web_sessions.note_seen(r, w.idle)),
    "password_proof.prove": (
        ANYONE,
        lambda r, w: sign_in.sign_in(r, w.passwords, "victim", "wrong", BROWSER),
    ),
    "setup.set_up": (
        ANYONE,
        lambda r, w: setup.set_up(r, w.passwords, FirstOwner("code", "new", OTHER), w.folder),
    ),
}
# What an act may run into that is allowed: there is an owner, no key yet, no such link or family.
BEYOND = (Conflict, NotFound, SetupLinkRefused, SignInFailed)
ONLY_WITHIN = [name for name, (roles, _) in ACTS.items() if SERVICE_OWNER in roles and roles == WITHIN]
SECRET_MAKING = ("clients.add_client", "registration.register_client", "client_secrets.add_secret")
# They write as the server itself, at its start or upkeep: no request leads to them.
OF_THE_SERVER = {"issuer_url", "signing_keys", "key_lifetimes", "tick"}


class World:
    """What is registered, for the acts."""


@pytest.fixture
def database_url(request, tmp_path):
    """Give SQLite alone: no database decides here."""
    return fresh_database_url(request, tmp_path, "sqlite")


@pytest.fixture
def world(registrar, orders, robot, passwords, add_user, sign_in_as):
    """Give a shop with an audience that a client may ask for, and a second service with the same."""
    services.add_service(registrar, NewService("Billing", "others"))
    bills = audiences.add_audience(registrar, NewAudience("bills", "Billing"))
    for audience, alias in ((orders, "orders-alias"), (bills, "bills-alias")):
        aliases.add_alias(registrar, audience.identifier, alias, AliasMode.ACCEPT)
        permissions.grant_permission(registrar, NewPermission(robot.client_id, audience.identifier))
    add_user("victim", AUDITOR)
    for role in Role:
        add_user(role.value, role, *(["Shop"] if role is SERVICE_OWNER else []))
    world = World()
    world.identifier, world.alias = orders.identifier, "orders-alias"
    world.client_id, world.secret_id = robot.client_id, robot.secrets[0].id
    world.passwords, world.folder = passwords, Path("/nonexistent")
    world.victims_session = sign_in_as("victim").signed_in.session.id
    world.signed_in = world.idle = sign_in_as("victim").signed_in
    return world


@pytest.fixture
def acting(registrar, visitor, sign_in_as, world):
    """Give the function that returns the registrar of a role."""

    def become(role):
        if role == VISITOR:
            return visitor
        world.signed_in = sign_in_as(role.value).signed_in
        return replace(registrar, actor=world.signed_in.actor("request-3"))

    return become


def is_allowed(act, registrar, world):
    """Return whether an act is not refused for want of a power."""
    try:
        act(registrar, world)
    except NotAllowed:
        return False
    except BEYOND:
        return True
    return True


def opens_writing(call):
    # `apply_audiences.change(application)` is no transaction: those are handed one.
    is_named_so = isinstance(call.func, ast.Attribute) and call.func.attr in {"change", "noting"}
    return is_named_so and ast.unparse(call.args[0]).startswith("Power.")


def find_writing_functions():
    """Return the public functions of registry/ that open a writing transaction, and their modules."""
    found = set()
    folder = ROOT / "issuer" / "registry"
    for path in folder.rglob("*.py"):
        module = ".".join(path.relative_to(folder).with_suffix("").parts)
        for node in ast.parse(path.read_text()).body:
            calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
            if isinstance(node, ast.FunctionDef) and any(map(opens_writing, calls)):
                found.add(f"{module}.{node.name}")
    return found


def test_every_function_that_changes_anything_stands_in_the_table():
    assert find_writing_functions() == ACTS.keys()


def test_only_the_servers_own_work_opens_transactions_by_itself():
    """Whatever else writes goes through the registrar, which asks for a power."""
    folder = ROOT / "issuer" / "registry"
    by_themselves = {
        path.stem
        for path in folder.rglob("*.py")
        if any(
            word in path.read_text() for word in ("writing(engine", "writing(self._engine", "begin_writing")
        )
    }

    assert by_themselves == {*OF_THE_SERVER, "registrar"}


@pytest.mark.parametrize("role", [*Role, VISITOR], ids=str)
@pytest.mark.parametrize("name", ACTS)
def test_a_role_may_do_what_the_table_says(name, role, acting, world):
    roles, act = ACTS[name]

    assert is_allowed(act, acting(role), world) == (role in roles)


@pytest.mark.parametrize("name", ACTS)
def test_the_terminal_may_do_everything(name, registrar, world):
    assert is_allowed(ACTS[name][1], registrar, world)


@pytest.mark.parametrize("name", ONLY_WITHIN)
def test_a_service_owner_may_do_it_to_named_services_only(name, acting, world):
    registrar = acting(SERVICE_OWNER)
    world.identifier, world.alias = "bills", "bills-alias"

    with pytest.raises(NotAllowed) as refused:
        ACTS[name][1](registrar, world)

    assert refused.value.detail == "the service owner service_owner does not own the service Billing"


def test_a_service_owner_changes_nothing_where_no_service_is_said(acting):
    registrar = acting(SERVICE_OWNER)

    with pytest.raises(NotAllowed), registrar.change(Power.AUDIENCES) as change:
        change.record("audience.changed", "audience", "bills", None, {})


@pytest.mark.parametrize("role", Role)
def test_who_has_signed_in_reads_what_is_registered(role, acting, world):
    assert audiences.find_audience(acting(role), world.identifier).identifier == world.identifier


def test_a_visitor_reads_nothing(visitor, world):
    with pytest.raises(NotAllowed) as refused:
        audiences.list_audiences(visitor)

    assert (refused.value.status, refused.value.code) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("role", "is_reading"), [(OWNER, True), (AUDITOR, True), (ADMIN, False), (SERVICE_OWNER, False)]
)
def test_users_are_seen_by_owners_and_auditors(role, is_reading, acting):
    registrar = acting(role)

    assert is_allowed(lambda r, _: users.list_users(r), registrar, None) is is_reading
    assert is_allowed(lambda r, _: users.find_user(r, "victim"), registrar, None) is is_reading
    assert is_allowed(lambda r, _: web_sessions.list_sessions(r), registrar, None) is is_reading


def test_the_whole_table():
    """Every power of every role, written a second time on purpose."""
    signed_in = {Power.SIGN_IN, Power.OWN_ACCOUNT, Power.READ}
    within = {Power.AUDIENCES, Power.PERMISSIONS, Power.READ_AUDIT}
    of_users = {Power.USERS, Power.READ_USERS}

    assert {
        OWNER: set(Power),
        ADMIN: set(Power) - of_users,
        AUDITOR: signed_in | {Power.READ_USERS, Power.READ_AUDIT},
        SERVICE_OWNER: signed_in | within,
    } == powers.POWERS


@pytest.mark.parametrize("power", Power, ids=lambda power: power.name)
def test_what_is_dangerous_takes_the_password_of_the_last_five_minutes(power, clock):
    def check(stepped_up_at):
        authority = Authority(1, OWNER, frozenset(), stepped_up_at)
        powers.check(Actor(ActorKind.USER, "owner", None, authority), power, clock.at)

    is_dangerous = power in powers.DANGEROUS
    check(clock.at - STEP_UP_SECONDS + 1)
    for stepped_up_at in (clock.at - STEP_UP_SECONDS, clock.at + 1):
        if is_dangerous:
            with pytest.raises(StepUpRequired):
                check(stepped_up_at)
        else:
            check(stepped_up_at)


@pytest.mark.parametrize("name", SECRET_MAKING)
def test_no_secret_is_made_without_the_password_of_the_last_five_minutes(
    name, acting, world, registrar, clock
):
    admin, before = acting(ADMIN), clients.list_clients(registrar)
    clock.step(STEP_UP_SECONDS)

    with pytest.raises(StepUpRequired):
        ACTS[name][1](admin, world)

    assert clients.list_clients(registrar) == before


@pytest.mark.parametrize("name", SECRET_MAKING)
def test_who_has_no_power_over_secrets_gets_none_with_a_new_client_either(
    name, acting, world, registrar, monkeypatch
):
    """No role is so today; one that would be gets no client, for each comes with a secret."""
    admin, before = acting(ADMIN), clients.list_clients(registrar)
    monkeypatch.setitem(powers.POWERS, ADMIN, powers.POWERS[ADMIN] - {Power.CLIENT_SECRETS})

    with pytest.raises(NotAllowed, match="not_allowed"):
        ACTS[name][1](admin, world)

    assert clients.list_clients(registrar) == before


@pytest.mark.parametrize(
    ("role", "power", "service", "expected"),
    [
        (SERVICE_OWNER, Power.AUDIENCES, None, True),
        (SERVICE_OWNER, Power.AUDIENCES, "Shop", True),
        (SERVICE_OWNER, Power.AUDIENCES, "Billing", False),
        (SERVICE_OWNER, Power.CLIENTS, "Shop", False),
        (ADMIN, Power.AUDIENCES, "Billing", True),
        (AUDITOR, Power.AUDIENCES, "Shop", False),
    ],
)
def test_pages_can_ask_what_to_show(role, power, service, expected):
    owned = frozenset({"Shop"}) if role is SERVICE_OWNER else frozenset()
    actor = Actor(ActorKind.USER, "a", None, Authority(1, role, owned, 0))

    assert powers.may(actor, power, service) is expected


@pytest.mark.parametrize(
    "take_away",
    [
        lambda r: users.disable_user(r, "admin"),
        lambda r: users.remove_user(r, "admin"),
        lambda r: users.change_user(r, "admin", UserChange(role=AUDITOR)),
    ],
    ids=["disabled", "removed", "demoted"],
)
def test_what_was_taken_away_is_not_used_a_moment_later(take_away, acting, registrar):
    """The request began while the user was an admin still."""
    begun = acting(ADMIN)

    take_away(registrar)

    with pytest.raises(NotAllowed):
        services.add_service(begun, NewService("New", "team"))


def test_the_event_names_the_user(acting, last_event):
    services.add_service(acting(ADMIN), NewService("New", "team"))

    event = last_event()
    assert (event.action, event.actor) == ("service.added", Actor(ActorKind.USER, "admin", "request-3"))
