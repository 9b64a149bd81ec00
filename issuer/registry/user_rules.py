"""What holds for every user, whether new or changed: an owner is always left, a role fits its services."""

from collections.abc import Iterable

from issuer.errors import Conflict, InvalidValue, Locked, NotFound, Stale
from issuer.model.service import ServiceId, ServiceState
from issuer.model.user import Role, User, UserState
from issuer.policy import user_names
from issuer.registry import services
from issuer.store import users as store
from issuer.store.db import Connection


def require_user(connection: Connection, name: str) -> User:
    """Return the user of that name, however its case; raises NotFound. For use inside a transaction."""
    user = store.find_user(connection, user_names.canonical_form(name))
    if user is None:
        raise NotFound(f"no user {name} is registered")
    return user


def require_changeable(connection: Connection, name: str, expected_version: int | None = None) -> User:
    """Return the user of that name; raises NotFound, or Conflict if removed or at another version."""
    user = require_user(connection, name)
    if user.state is UserState.REMOVED:
        raise Conflict(f"the user {user.name} is removed; that is for good")
    if expected_version not in {None, user.version}:
        raise Stale(f"somebody changed {user.name} meanwhile: the user is at version {user.version}")
    return user


def check_name_free(connection: Connection, name: str) -> None:
    """Raise InvalidValue for what is no name, Conflict for one that somebody has or had."""
    user_names.check_user_name(name)
    if store.find_user(connection, user_names.canonical_form(name)) is not None:
        raise Conflict(f"a user {name} is or was registered; names are never given again")


def check_services(role: Role, names: Iterable[str]) -> None:
    """Raise InvalidValue unless exactly a service owner has services."""
    if (role is Role.SERVICE_OWNER) is not any(True for _ in names):
        raise InvalidValue("a service owner has at least one service, every other role none")


def check_owner_left(connection: Connection, before: User, after: User) -> None:
    """Raise Conflict if after a change nobody could make anybody an owner."""
    is_lost = is_active_owner(before) and not is_active_owner(after)
    if is_lost and store.count_active(connection, Role.OWNER) <= 1:
        raise Conflict(f"{before.name} is the last active owner; make another one first")


def find_service_ids(connection: Connection, names: Iterable[str], kept: Iterable[str]) -> list[ServiceId]:
    """Return the ids of services. kept: those that were the user's already, which may be removed by now.

    Raises NotFound, Locked for the issuer itself, Conflict for one that is removed.
    """
    found = [services.require_service(connection, name) for name in sorted(set(names))]
    for service in found:
        if service.is_builtin:
            raise Locked(f"{service.name} is the issuer itself; nobody owns it")
        if service.state is ServiceState.REMOVED and service.name not in kept:
            raise Conflict(f"the service {service.name} is removed; that is for good")
    return [service.id for service in found]


def is_active_owner(user: User) -> bool:
    """Return whether a user may make others owners."""
    return user.role is Role.OWNER and user.state is UserState.ACTIVE
