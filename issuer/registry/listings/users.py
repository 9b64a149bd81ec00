"""Users, searched, filtered and sorted: few enough for one page."""

from collections.abc import Callable, Mapping

from issuer.errors import InvalidValue
from issuer.model.listing import ListQuery
from issuer.model.user import User, UserState
from issuer.registry import users
from issuer.registry.registrar import Registrar

_KEYS: Mapping[str, Callable[[User], tuple[object, ...]]] = {
    "name": lambda user: (user.canonical,),
    "role": lambda user: (user.role.value, user.canonical),
    "last_sign_in": lambda user: (user.last_sign_in_at or 0, user.canonical),
}


def list_users(registrar: Registrar, query: ListQuery) -> tuple[User, ...]:
    """Return all users that a query finds; two statements.

    Sorted by name, role or last_sign_in; filtered by role and state (removed ones only on demand). The
    search is in names and services. Cursor and size are not looked at. Raises InvalidValue.
    """
    sort = query.sort or "name"
    if sort not in _KEYS:
        raise InvalidValue("no such column to sort by")
    found = [user for user in users.list_users(registrar) if _is_meant(user, query)]
    return tuple(sorted(found, key=_KEYS[sort], reverse=query.is_descending))


def _is_meant(user: User, query: ListQuery) -> bool:
    role, state = query.filters.get("role"), query.filters.get("state")
    if role and user.role.value != role:
        return False
    if user.state.value != state if state else user.state is UserState.REMOVED:
        return False
    search = query.search.casefold()
    return any(search in text.casefold() for text in (user.name, *user.services))
