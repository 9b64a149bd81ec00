"""Users: how they are registered, changed, shut out; and that an owner is always left."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.model.user import Role, User, UserState
from issuer.registry import audit, services, users, web_sessions
from issuer.registry.services import NewService
from issuer.registry.users import NewUser, UserChange
from issuer.store.tables import UserRow
from tests.registry.conftest import PASSWORD

OTHER = "violet trombone on the marsh"


def test_a_user_is_registered_as_given(registrar, add_user, shop, clock):
    user = add_user("Alice", Role.SERVICE_OWNER, "Shop")

    assert user == User(
        id=user.id,
        name="Alice",
        canonical="alice",
        role=Role.SERVICE_OWNER,
        services=("Shop",),
        state=UserState.ACTIVE,
        created_at=clock.at,
        last_sign_in_at=None,
        password_changed_at=clock.at,
        version=1,
    )
    assert users.find_user(registrar, "ALICE") == user
    assert users.list_users(registrar) == (user,)


def test_the_password_stands_nowhere_but_as_argon2_hash(registrar, add_user, engine):
    add_user("alice")

    with engine.connect() as connection:
        (stored,) = connection.execute(select(UserRow.password_hash)).scalars()
    assert stored.startswith("$argon2id$")
    events = repr(audit.list_events(registrar))
    assert PASSWORD not in events
    assert stored not in events
    assert PASSWORD not in repr(NewUser("a", Role.OWNER, PASSWORD))


@pytest.mark.parametrize("name", ["alice", "ALICE", "Alice"])
def test_a_name_is_given_once(registrar, passwords, add_user, name):
    add_user("owner")
    add_user("Alice", Role.ADMIN)
    users.remove_user(registrar, "alice")

    with pytest.raises(Conflict):
        add_user(name, Role.ADMIN)


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (NewUser("", Role.ADMIN, PASSWORD), InvalidValue),
        (NewUser("al ice", Role.ADMIN, PASSWORD), InvalidValue),
        (NewUser("<script>", Role.ADMIN, PASSWORD), InvalidValue),
        (NewUser("alice", Role.ADMIN, "short"), InvalidValue),
        (NewUser("alice-the-great", Role.ADMIN, "alice-the-great!"), InvalidValue),
        (NewUser("alice", Role.ADMIN, "issuer.example/auth"), InvalidValue),
        (NewUser("alice", Role.SERVICE_OWNER, PASSWORD), InvalidValue),
        (NewUser("alice", Role.ADMIN, PASSWORD, frozenset({"Shop"})), InvalidValue),
        (NewUser("alice", Role.SERVICE_OWNER, PASSWORD, frozenset({"Nowhere"})), NotFound),
        (NewUser("alice", Role.SERVICE_OWNER, PASSWORD, frozenset({"This issuer"})), Locked),
    ],
    ids=map(str, range(10)),
)
def test_what_cannot_be_is_refused_and_nobody_registered(registrar, passwords, shop, new, error):
    with pytest.raises(error):
        users.add_user(registrar, passwords, new)

    assert users.list_users(registrar) == ()


def test_a_removed_service_is_nobodys_to_be(registrar, add_user, shop):
    services.remove_service(registrar, "Shop")

    with pytest.raises(Conflict):
        add_user("alice", Role.SERVICE_OWNER, "Shop")


def test_a_removed_service_that_was_owned_does_not_bar_a_change(registrar, add_user, shop):
    services.add_service(registrar, NewService("Billing", "team"))
    add_user("alice", Role.SERVICE_OWNER, "Shop")
    services.remove_service(registrar, "Shop")

    wanted = UserChange(services=frozenset({"Shop", "Billing"}))

    assert users.change_user(registrar, "alice", wanted).services == ("Billing", "Shop")
    assert users.disable_user(registrar, "alice").state is UserState.DISABLED


def test_services_go_with_the_role(registrar, add_user, shop, last_event):
    add_user("alice", Role.SERVICE_OWNER, "Shop")

    changed = users.change_user(registrar, "alice", UserChange(role=Role.AUDITOR))

    assert (changed.role, changed.services, changed.version) == (Role.AUDITOR, (), 2)
    event = last_event()
    assert (event.action, event.target_kind, event.target) == ("user.changed", "user", "alice")
    assert event.before == {"role": "service_owner", "services": ["Shop"]}
    assert event.after == {"role": "auditor", "services": []}


def test_a_service_owner_has_a_service(registrar, add_user, shop):
    add_user("owner")
    add_user("alice", Role.ADMIN)

    with pytest.raises(InvalidValue):
        users.change_user(registrar, "alice", UserChange(role=Role.SERVICE_OWNER))


def test_a_stale_change_is_refused(registrar, add_user):
    add_user("owner")
    add_user("alice", Role.ADMIN)
    users.change_user(registrar, "alice", UserChange(role=Role.AUDITOR, expected_version=1))

    with pytest.raises(Conflict) as refused:
        users.change_user(registrar, "alice", UserChange(role=Role.ADMIN, expected_version=1))

    assert "version 2" in refused.value.detail


@pytest.mark.parametrize(
    ("act", "state"),
    [(users.disable_user, UserState.DISABLED), (users.remove_user, UserState.REMOVED)],
    ids=["disable", "remove"],
)
def test_shutting_out_twice_is_once(registrar, add_user, act, state, version):
    add_user("owner")
    add_user("alice", Role.ADMIN)

    first = act(registrar, "alice")
    raised = version()

    assert act(registrar, "alice") == first
    assert first.state is state
    assert version() == raised


def test_removed_is_for_good(registrar, passwords, add_user):
    add_user("owner")
    add_user("alice", Role.ADMIN)
    users.remove_user(registrar, "alice")

    for act in (
        lambda: users.enable_user(registrar, "alice"),
        lambda: users.disable_user(registrar, "alice"),
        lambda: users.change_user(registrar, "alice", UserChange(role=Role.AUDITOR)),
        lambda: users.set_password(registrar, passwords, "alice", OTHER),
    ):
        with pytest.raises(Conflict):
            act()


@pytest.mark.parametrize(
    "act",
    [
        lambda r: users.disable_user(r, "owner"),
        lambda r: users.remove_user(r, "owner"),
        lambda r: users.change_user(r, "owner", UserChange(role=Role.ADMIN)),
    ],
    ids=["disable", "remove", "demote"],
)
def test_the_last_active_owner_stays(registrar, add_user, act):
    add_user("owner")
    add_user("second")
    users.disable_user(registrar, "second")
    add_user("admin", Role.ADMIN)

    with pytest.raises(Conflict) as refused:
        act(registrar)

    assert "last active owner" in refused.value.detail
    assert users.find_user(registrar, "owner").state is UserState.ACTIVE


def test_of_two_owners_who_remove_each_other_one_stays(registrar, engine, add_user):
    add_user("one")
    add_user("two")

    def remove(name):
        with Session(engine) as session:
            try:
                users.remove_user(replace(registrar, session=session), name)
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        removed = list(pool.map(remove, ["one", "two"]))

    assert sorted(removed) == [False, True]


@pytest.mark.parametrize(
    "act",
    [
        lambda r, p: users.disable_user(r, "alice"),
        lambda r, p: users.remove_user(r, "alice"),
        lambda r, p: users.change_user(r, "alice", UserChange(role=Role.AUDITOR)),
        lambda r, p: users.set_password(r, p, "alice", OTHER),
        lambda r, p: web_sessions.end_all_sessions(r, "alice"),
    ],
    ids=["disabled", "removed", "role", "password", "signed out"],
)
def test_what_changes_a_user_ends_the_users_sessions_and_no_others(
    registrar, passwords, visitor, add_user, sign_in_as, act
):
    add_user("owner")
    add_user("alice", Role.ADMIN)
    hers, other = sign_in_as("alice"), sign_in_as("owner")

    act(registrar, passwords)

    assert web_sessions.find_signed_in(visitor, hers.secret) is None
    assert web_sessions.find_signed_in(visitor, other.secret) is not None


def test_a_user_who_was_disabled_and_enabled_signs_in_anew(registrar, visitor, add_user, sign_in_as):
    add_user("owner")
    add_user("alice", Role.ADMIN)
    before = sign_in_as("alice")
    users.disable_user(registrar, "alice")

    users.enable_user(registrar, "alice")

    assert web_sessions.find_signed_in(visitor, before.secret) is None
    assert web_sessions.find_signed_in(visitor, sign_in_as("alice").secret) is not None


def test_a_user_who_is_not_there_is_not_found(registrar, passwords):
    for act in (
        lambda: users.find_user(registrar, "nobody"),
        lambda: users.disable_user(registrar, "nobody"),
        lambda: users.set_password(registrar, passwords, "nobody", OTHER),
        lambda: web_sessions.list_sessions(registrar, "nobody"),
        lambda: web_sessions.end_all_sessions(registrar, "nobody"),
        lambda: web_sessions.end_session(registrar, 999),
    ):
        with pytest.raises(NotFound):
            act()


def test_it_is_known_who_is_the_last_owner(registrar, add_user):
    alice, bob = add_user("alice"), add_user("bob", Role.ADMIN)

    alone = [users.is_last_owner(registrar, each) for each in (alice, bob)]
    add_user("carol")

    assert alone == [True, False]
    assert not users.is_last_owner(registrar, alice)
