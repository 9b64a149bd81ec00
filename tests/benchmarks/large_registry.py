"""A large registry, written straight into the tables: to list, not to issue from."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, insert, text

from issuer.store.tables import (
    AudienceRow,
    AuditEventRow,
    Base,
    ClientRow,
    ClientSecretRow,
    FamilyRow,
    IdentifierRow,
    PermissionRow,
    PermissionScopeRow,
    RefusalRow,
    ScopeRow,
    ServiceRow,
    SigningKeyRow,
    UsageRow,
    UserRow,
)
from tests.conftest import START

SERVICES, AUDIENCES, CLIENTS, PERMISSIONS_EACH = 1_000, 10_000, 10_000, 10
USAGE_HOURS, USAGE_EACH_HOUR = 100, 2_000
FAMILIES, EVENTS, REFUSALS = 50_000, 100_000, 20_000
USERS = 1_000
# Behind the rows of the first migration.
FIRST = 100
_AT_ONCE = 5_000


def identifier_of(number: int) -> str:
    """Return the identifier of an audience."""
    return f"https://api{number % SERVICES}.example/v{number // SERVICES}/thing-{number:05d}"


def fill(connection: Connection) -> None:
    """Add the rows of everything."""
    key = {"kid": "k", "purpose": "refresh", "alg": "HS256", "sealed": b"", "master_key_id": "m"}
    times = {"created_at": 1, "published_at": 1, "signs_from": 1, "longest_lifetime_seconds": 1}
    _insert(connection, SigningKeyRow, [{**key, **times}])
    fill_beside(connection, "k")


def fill_beside(connection: Connection, kid: str) -> None:
    """Add the rows of everything to a registry that has keys. kid: of one for refresh tokens."""
    for table, rows in _list_tables(kid):
        _insert(connection, table, rows)
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE"))


def _insert(connection: Connection, table: type[Base], rows: Iterable[dict[str, Any]]) -> None:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _AT_ONCE:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)


def _list_tables(kid: str) -> Iterator[tuple[type[Base], Iterable[dict[str, Any]]]]:
    numbers = range(FIRST, FIRST + AUDIENCES)
    clients = range(FIRST, FIRST + CLIENTS)
    yield (
        ServiceRow,
        (
            {"id": n, "name": f"Service {n}", "owner": f"team {n % 50}", "state": "active", "created_at": n}
            for n in range(FIRST, FIRST + SERVICES)
        ),
    )
    yield (
        AudienceRow,
        (
            {
                "id": n,
                "service_id": FIRST + n % SERVICES,
                "description": f"What thing {n} does for whom",
                "state": "active",
                "signing_alg": "RS256",
                "typ": "at+jwt",
                "extra_claims": {},
                "created_at": START - n * 60,
            }
            for n in numbers
        ),
    )
    yield (
        IdentifierRow,
        (
            {
                "identifier": identifier_of(n),
                "canonical": identifier_of(n),
                "audience_id": n,
                "role": "primary",
                "id": n,
            }
            for n in numbers
        ),
    )
    yield (
        ScopeRow,
        (
            {"id": 2 * n + k, "audience_id": n, "name": f"thing:{name}"}
            for n in numbers
            for k, name in enumerate(("read", "write"))
        ),
    )
    yield (
        ClientRow,
        (
            {
                "key": n,
                "client_id": f"client-{n:05d}",
                "name": f"Client {n} of team {n % 50}",
                "type": "service",
                "grant_types": ["client_credentials"],
                "auth_method": "client_secret_basic",
                "state": "active" if (n - FIRST) % 20 != 7 else "disabled",
                "created_at": START - n * 60,
            }
            for n in clients
        ),
    )
    yield (
        ClientSecretRow,
        (
            {
                "id": f"s{n}-{k}",
                "client_key": n,
                "secret_hash": b"\0" * 32,
                "created_at": START - 86400,
                "expires_at": START + 86400 * k if k else None,
            }
            for n in clients
            for k in (0, 1)
        ),
    )
    # Most have ten; one audience is permitted to everybody, and one client may ask for everything.
    pairs = {(n, FIRST + (n * 7 + k * 977) % AUDIENCES) for n in clients for k in range(PERMISSIONS_EACH - 2)}
    pairs |= {(n, FIRST) for n in clients} | {(FIRST, n) for n in numbers}
    ordered = sorted(pairs)
    yield (
        PermissionRow,
        (
            {"id": i, "client_key": c, "audience_id": a, "subject": "client", "created_at": START - i}
            for i, (c, a) in enumerate(ordered, FIRST)
        ),
    )
    yield (
        PermissionScopeRow,
        (
            {"permission_id": i, "scope_id": 2 * a + k, "is_default": k == 0}
            for i, (_, a) in enumerate(ordered, FIRST)
            for k in (0, 1)
        ),
    )
    hour = START - START % 3600
    yield (
        UsageRow,
        (
            {
                "hour": hour - 3600 * h,
                "client_key": c,
                "audience_id": a,
                "grant_type": "client_credentials",
                "outcome": "issued",
                "count": 3,
                "last_at": hour - 3600 * h + 7,
                "max_exp": hour - 3600 * h + 907,
            }
            for h in range(USAGE_HOURS)
            for c, a in (ordered[(h * 31 + j * 53) % len(ordered)] for j in range(USAGE_EACH_HOUR))
        ),
    )
    yield FamilyRow, (_family(n, kid, *ordered[n * 2 % len(ordered)]) for n in range(FAMILIES))
    yield (
        AuditEventRow,
        (
            {
                "at": START - EVENTS + n,
                "actor_kind": "user",
                "actor": f"admin {n % 7}",
                "action": "audience.changed",
                "target_kind": "audience",
                "target": identifier_of(n % AUDIENCES),
                "before": {"description": "a"},
                "after": {"description": "b"},
                "request_id": f"request-{n}",
            }
            for n in range(EVENTS)
        ),
    )
    yield (
        RefusalRow,
        (
            {
                "at": START - REFUSALS + n,
                "client_key": FIRST + n % 200,
                "audience_id": FIRST + n % 100,
                "asked": [identifier_of(n)],
                "grant_type": "client_credentials",
                "error": "invalid_target",
                "reason": "not permitted",
                "request_id": f"request-{n}",
                "address": "192.0.2.1",
                "left_out": 0,
            }
            for n in range(REFUSALS)
        ),
    )
    yield (
        UserRow,
        (
            {
                "id": n,
                "name": f"user-{n:05d}",
                "canonical": f"user-{n:05d}",
                "password_hash": "none",
                "role": ("owner", "admin", "auditor")[n % 3],
                "state": "active" if n % 20 else "disabled",
                "created_at": START - n,
                "last_sign_in_at": START - n if n % 7 else None,
                "password_changed_at": START - n,
            }
            for n in range(FIRST, FIRST + USERS)
        ),
    )


def _family(number: int, kid: str, client_key: int, audience_id: int) -> dict[str, Any]:
    return {
        "id": f"family-{FIRST + number}",
        "client_key": client_key,
        "sub": "somebody",
        "subject_kind": "client",
        "granted_aud": [identifier_of(audience_id)],
        "granted_scopes": ["thing:read"],
        "kid": kid,
        "generation": 1,
        "created_at": START - number,
        "rotated_at": START - number,
        "idle_seconds": 86400,
        "expires_at": START + 86400 * 30,
    }
