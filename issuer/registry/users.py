"""Users: people who sign in to the console, and in which role. For owners and the terminal."""

from dataclasses import dataclass, field, replace

from issuer.errors import Conflict
from issuer.model.user import Role, User, UserId, UserState
from issuer.password_hashing import Passwords
from issuer.policy import passwords as password_policy
from issuer.policy import user_names
from issuer.registry import descriptions, user_rules
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.registry.unchanged import UNCHANGED, Unchanged, settle
from issuer.store import users as store
from issuer.store import web_sessions

_ACTIONS = {
    UserState.ACTIVE: "user.enabled",
    UserState.DISABLED: "user.disabled",
    UserState.REMOVED: "user.removed",
}


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be registered. services: names, for a service owner at least one, else none."""

    name: str
    role: Role
    password: str = field(repr=False)
    services: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UserChange:
    """What becomes of a user; fields left out stay, but services go with the role of a service owner.

    services: all of them, by name. expected_version: refuse if the user is no longer at this version.
    """

    role: Role | Unchanged = UNCHANGED
    services: frozenset[str] | Unchanged = UNCHANGED
    expected_version: int | None = None


def add_user(registrar: Registrar, passwords: Passwords, new: NewUser) -> User:
    """Register a user, who may sign in at once, and return the user.

    Raises InvalidValue, NotFound or Locked for a service, Conflict if the name is or was ever taken.
    """
    with registrar.reading(Power.USERS) as connection:
        user_rules.check_name_free(connection, new.name)
    password_hash = hash_new(registrar, passwords, new.name, new.password)
    with registrar.change(Power.USERS) as change:
        return write_added(change, new, password_hash, "user.added")


def find_user(registrar: Registrar, name: str) -> User:
    """Return the user of that name, however its case; raises NotFound."""
    with registrar.reading(Power.READ_USERS) as connection:
        return user_rules.require_user(connection, name)


def list_users(registrar: Registrar) -> tuple[User, ...]:
    """Return all users, removed ones included, by name."""
    with registrar.reading(Power.READ_USERS) as connection:
        return store.list_users(connection)


def is_last_owner(registrar: Registrar, user: User) -> bool:
    """Return whether nobody would be left to make owners if this user were none."""
    if not user_rules.is_active_owner(user):
        return False
    with registrar.reading(Power.READ_USERS) as connection:
        return store.count_active(connection, Role.OWNER) <= 1


def make_password(registrar: Registrar) -> str:
    """Return a new password that nobody guesses, for somebody who changes it at once."""
    return registrar.entropy.secret()


def change_user(registrar: Registrar, name: str, wanted: UserChange) -> User:
    """Give a user another role or other services, which ends the user's sessions; nothing if nothing differs.

    Raises InvalidValue, NotFound, Locked, or Conflict if the user is removed, was changed meanwhile, or
    is the last active owner.
    """
    with registrar.change(Power.USERS) as change:
        before = user_rules.require_changeable(change.connection, name, wanted.expected_version)
        role = settle(wanted.role, before.role)
        kept = frozenset(before.services) if role is Role.SERVICE_OWNER else frozenset()
        services = settle(wanted.services, kept)
        user_rules.check_services(role, services)
        return _write(
            change, before, replace(before, role=role, services=tuple(sorted(services))), "user.changed"
        )


def disable_user(registrar: Registrar, name: str) -> User:
    """Let a user no longer sign in, and end the user's sessions. Twice is once.

    Raises NotFound, or Conflict for a removed user and the last active owner.
    """
    with registrar.change(Power.USERS) as change:
        return _write_state(
            change, user_rules.require_changeable(change.connection, name), UserState.DISABLED
        )


def enable_user(registrar: Registrar, name: str) -> User:
    """Let a disabled user sign in again. Twice is once. Raises NotFound, or Conflict for a removed one."""
    with registrar.change(Power.USERS) as change:
        user = user_rules.require_changeable(change.connection, name)
        return _write_state(change, user, UserState.ACTIVE)


def remove_user(registrar: Registrar, name: str) -> User:
    """Remove a user for good; the name stays taken. Twice is once. Raises as `disable_user`."""
    with registrar.change(Power.USERS) as change:
        return _write_state(change, user_rules.require_user(change.connection, name), UserState.REMOVED)


def set_password(registrar: Registrar, passwords: Passwords, name: str, password: str) -> User:
    """Give a user another password, which ends the user's sessions.

    Raises NotFound, InvalidValue, or Conflict if the user is removed.
    """
    with registrar.reading(Power.USERS) as connection:
        user = user_rules.require_changeable(connection, name)
    password_hash = hash_new(registrar, passwords, user.name, password)
    with registrar.change(Power.USERS) as change:
        user = user_rules.require_changeable(change.connection, name)
        web_sessions.change_all_ended(change.connection, user.id, change.now)
        return write_password(change, user, password_hash, "user.password_set")


def check_password(registrar: Registrar, name: str, password: str) -> None:
    """Raise InvalidValue unless a user of that name may have a password."""
    password_policy.check_password(password, (name, registrar.issuer_url))


def hash_new(registrar: Registrar, passwords: Passwords, name: str, password: str) -> str:
    """Return the hash of a password that a user is to have. Never inside a transaction: it is slow.

    Raises InvalidValue, or PasswordsBusy if too many passwords are checked just now.
    """
    check_password(registrar, name, password)
    with passwords.turn() as hasher:
        return hasher.hash(password)


def write_added(change: Change, new: NewUser, password_hash: str, action: str) -> User:
    """Register a user, inside a transaction. Raises as `add_user`."""
    user_rules.check_name_free(change.connection, new.name)
    user_rules.check_services(new.role, new.services)
    service_ids = user_rules.find_service_ids(change.connection, new.services, ())
    draft = User(
        id=UserId(0),
        name=new.name,
        canonical=user_names.canonical_form(new.name),
        role=new.role,
        services=tuple(sorted(new.services)),
        state=UserState.ACTIVE,
        created_at=change.now,
        last_sign_in_at=None,
        password_changed_at=change.now,
        version=1,
    )
    user_id = store.add_user(change.connection, draft, service_ids, password_hash)
    change.record(action, "user", draft.name, None, descriptions.of_user(draft))
    return replace(draft, id=user_id)


def write_password(change: Change, before: User, password_hash: str, action: str) -> User:
    """Give a user another password, inside a transaction, and return the user."""
    store.change_password(change.connection, before.id, password_hash, change.now)
    after = user_rules.require_user(change.connection, before.name)
    # Whole events, not what differs: two in one second differ in nothing.
    change.record(action, "user", before.name, None, {"password_changed_at": change.now})
    return after


def _write_state(change: Change, before: User, state: UserState) -> User:
    if before.state is UserState.REMOVED and state is not UserState.REMOVED:
        raise Conflict(f"the user {before.name} is removed; that is for good")
    return _write(change, before, replace(before, state=state), _ACTIONS[state])


def _write(change: Change, before: User, after: User, action: str) -> User:
    if before == after:
        return before
    user_rules.check_owner_left(change.connection, before, after)
    service_ids = user_rules.find_service_ids(change.connection, after.services, before.services)
    store.change_user(change.connection, after, service_ids)
    web_sessions.change_all_ended(change.connection, before.id, change.now)
    change.record(action, "user", before.name, descriptions.of_user(before), descriptions.of_user(after))
    return user_rules.require_user(change.connection, before.name)
