"""Users, and which services a service owner owns."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from issuer.model.service import ServiceId
from issuer.model.user import Role, User, UserId, UserState
from issuer.store.tables import ServiceRow, UserRow, UserServiceRow


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """The hash of a user's password, and whose it is."""

    user_id: UserId
    name: str
    password_hash: str = field(repr=False)


def find_user(connection: Connection, canonical: str) -> User | None:
    """Return the user of that canonical name, removed or not, or None."""
    return _find(connection, _users().where(UserRow.canonical == canonical))


def find_user_by_id(connection: Connection, user_id: UserId) -> User | None:
    """Return the user of that id, removed or not, or None."""
    return _find(connection, _users().where(UserRow.id == user_id))


def find_password_hash(connection: Connection, user_id: UserId) -> str:
    """Return what is stored of the password of a user who is there."""
    return connection.execute(select(UserRow.password_hash).where(UserRow.id == user_id)).scalar_one()


def find_password(connection: Connection, canonical: str) -> StoredPassword | None:
    """Return what is stored of the password of a user who may sign in, or None.

    One statement whatever the answer, so that it takes as long for a name that nobody has.
    """
    row = connection.execute(
        select(UserRow.id, UserRow.name, UserRow.password_hash).where(
            UserRow.canonical == canonical, UserRow.state == UserState.ACTIVE.value
        )
    ).one_or_none()
    return None if row is None else StoredPassword(UserId(row.id), row.name, row.password_hash)


def find_name(connection: Connection, canonical: str) -> str | None:
    """Return the name of the user of that canonical name, removed or not, or None. One statement."""
    return connection.execute(select(UserRow.name).where(UserRow.canonical == canonical)).scalar_one_or_none()


def list_users(connection: Connection) -> tuple[User, ...]:
    """Return all users, removed ones included, by canonical name."""
    rows = connection.execute(_users().order_by(UserRow.canonical)).all()
    owned: dict[int, list[str]] = {}
    for row in connection.execute(
        select(UserServiceRow.user_id, ServiceRow.name).join(
            ServiceRow, ServiceRow.id == UserServiceRow.service_id
        )
    ):
        owned.setdefault(row.user_id, []).append(row.name)
    return tuple(_read(row, owned.get(row.id, ())) for row in rows)


def count_active(connection: Connection, role: Role) -> int:
    """Return how many active users have a role."""
    row = UserRow
    is_meant = (row.role == role.value) & (row.state == UserState.ACTIVE.value)
    return connection.execute(select(func.count()).select_from(row).where(is_meant)).scalar_one()


def add_user(
    connection: Connection, user: User, service_ids: Iterable[ServiceId], password_hash: str
) -> UserId:
    """Add a user and return the id; that of `user` is not looked at, nor are its services' names."""
    result = connection.execute(
        insert(UserRow)
        .values(
            name=user.name,
            canonical=user.canonical,
            password_hash=password_hash,
            role=user.role.value,
            state=user.state.value,
            created_at=user.created_at,
            last_sign_in_at=user.last_sign_in_at,
            password_changed_at=user.password_changed_at,
        )
        .returning(UserRow.id)
    )
    user_id = UserId(result.scalar_one())
    _add_services(connection, user_id, service_ids)
    return user_id


def change_user(connection: Connection, user: User, service_ids: Iterable[ServiceId]) -> None:
    """Write a user's role, services and state, and raise the version."""
    connection.execute(
        update(UserRow)
        .where(UserRow.id == user.id)
        .values(role=user.role.value, state=user.state.value, version=UserRow.version + 1)
    )
    connection.execute(delete(UserServiceRow).where(UserServiceRow.user_id == user.id))
    _add_services(connection, user.id, service_ids)


def change_password(connection: Connection, user_id: UserId, password_hash: str, now: int) -> None:
    """Write another password, and raise the version."""
    connection.execute(
        update(UserRow)
        .where(UserRow.id == user_id)
        .values(password_hash=password_hash, password_changed_at=now, version=UserRow.version + 1)
    )


def change_signed_in(connection: Connection, user_id: UserId, now: int, password_hash: str) -> None:
    """Write that a user has signed in. password_hash: of the same password, maybe at another cost."""
    connection.execute(
        update(UserRow).where(UserRow.id == user_id).values(last_sign_in_at=now, password_hash=password_hash)
    )


def _find(connection: Connection, statement: Select[*tuple[Any, ...]]) -> User | None:  # Any: as in _users
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    if row.role != Role.SERVICE_OWNER.value:
        return _read(row, ())
    names = connection.execute(
        select(ServiceRow.name)
        .join(UserServiceRow, ServiceRow.id == UserServiceRow.service_id)
        .where(UserServiceRow.user_id == row.id)
    ).scalars()
    return _read(row, names)


def _add_services(connection: Connection, user_id: UserId, service_ids: Iterable[ServiceId]) -> None:
    rows = [{"user_id": user_id, "service_id": service_id} for service_id in service_ids]
    if rows:
        connection.execute(insert(UserServiceRow), rows)


def _users() -> Select[*tuple[Any, ...]]:  # Any: the types of the columns
    row = UserRow
    # Not the hash of the password: what is not read cannot be shown.
    return select(
        row.id,
        row.name,
        row.canonical,
        row.role,
        row.state,
        row.created_at,
        row.last_sign_in_at,
        row.password_changed_at,
        row.version,
    )


def _read(row: Row[*tuple[Any, ...]], services: Iterable[str]) -> User:  # Any: as in _users
    return User(
        id=UserId(row.id),
        name=row.name,
        canonical=row.canonical,
        role=Role(row.role),
        services=tuple(sorted(services)),
        state=UserState(row.state),
        created_at=row.created_at,
        last_sign_in_at=row.last_sign_in_at,
        password_changed_at=row.password_changed_at,
        version=row.version,
    )
