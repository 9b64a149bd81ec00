"""Exports: rows of a list as CSV, as one JSON array, or as one JSON object a line; a piece at a time.

Every function yields text and holds one row at a time: what streams it to somebody slow needs no memory.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Final, Generic, TypeVar

from issuer.model.audience import JsonValue
from issuer.model.audit_event import AuditEvent
from issuer.model.list_row import ServiceRow
from issuer.registry.listings.audiences import ListedAudience
from issuer.registry.listings.clients import ListedClient
from issuer.registry.listings.permissions import ListedPermission

Row = TypeVar("Row")

# A spreadsheet takes what begins so for a formula (CWE-1236).
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table(Generic[Row]):
    """What of a row goes into an export, by the name of its column. Times are epoch seconds."""

    columns: Mapping[str, Callable[[Row], JsonValue]]

    def describe(self, row: Row) -> dict[str, JsonValue]:
        """Return a row by the names of its columns."""
        return {name: read(row) for name, read in self.columns.items()}


def write_csv(table: Table[Row], rows: Iterable[Row]) -> Iterator[str]:
    """Yield a line of names, then a line for each row, as RFC 4180 has it.

    Lists are joined by spaces, absent values are empty. A text that a spreadsheet would take for a formula
    gets an apostrophe before it.
    """
    yield _line(table.columns)
    for row in rows:
        yield _line(_cell(read(row)) for read in table.columns.values())


def write_json(table: Table[Row], rows: Iterable[Row]) -> Iterator[str]:
    """Yield one JSON array of objects, whole only with the last piece."""
    before = "["
    for row in rows:
        yield f"{before}\n{json.dumps(table.describe(row))}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def write_ndjson(table: Table[Row], rows: Iterable[Row]) -> Iterator[str]:
    """Yield one JSON object a line."""
    for row in rows:
        yield json.dumps(table.describe(row)) + "\n"


def _line(cells: Iterable[str]) -> str:
    line = StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _cell(value: JsonValue) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        value = " ".join(str(each) for each in value)
    elif isinstance(value, dict):
        value = json.dumps(value, sort_keys=True)
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_BEGINS_A_FORMULA) else value
    # Numbers of ours, below zero or not, are none that anybody typed.
    return json.dumps(value)


def _sorted(texts: Iterable[str]) -> JsonValue:
    return [*sorted(texts)]


SERVICES: Final[Table[ServiceRow]] = Table(
    {
        "name": lambda row: row.service.name,
        "owner": lambda row: row.service.owner,
        "trust_group": lambda row: row.service.trust_group,
        "state": lambda row: row.service.state.value,
        "audiences": lambda row: row.audiences,
        "clients": lambda row: row.clients,
        "created_at": lambda row: row.service.created_at,
    }
)
AUDIENCES: Final[Table[ListedAudience]] = Table(
    {
        "identifier": lambda row: row.audience.identifier,
        "service": lambda row: row.audience.service.name,
        "owner": lambda row: row.audience.service.owner,
        "description": lambda row: row.audience.description,
        "state": lambda row: row.audience.state.value,
        "is_reserved": lambda row: row.audience.is_reserved,
        "scopes": lambda row: _sorted(scope.name for scope in row.audience.scopes),
        "clients": lambda row: row.clients,
        "access_token_seconds": lambda row: row.lifetime.seconds,
        "access_token_seconds_from": lambda row: row.lifetime.origin.value,
        "signing_alg": lambda row: row.audience.policy.signing_alg.value,
        "typ": lambda row: row.audience.policy.typ.value,
        "tokens_24_hours": lambda row: row.use.total,
        "last_token_at": lambda row: row.use.last_at,
        "created_at": lambda row: row.audience.created_at,
    }
)
CLIENTS: Final[Table[ListedClient]] = Table(
    {
        "client_id": lambda row: row.client.client_id,
        "name": lambda row: row.client.name,
        "type": lambda row: row.client.type.value,
        "state": lambda row: row.client.state.value,
        "grant_types": lambda row: _sorted(one.value for one in row.client.grant_types),
        "tenant_id": lambda row: row.client.tenant_id,
        "audiences": lambda row: row.audiences,
        "tokens_24_hours": lambda row: row.use.total,
        "last_token_at": lambda row: row.use.last_at,
        "usable_secrets": lambda row: row.usable_secrets,
        "secret_expires_at": lambda row: row.expires_at,
        "created_at": lambda row: row.client.created_at,
    }
)
PERMISSIONS: Final[Table[ListedPermission]] = Table(
    {
        "client_id": lambda row: row.client_id,
        "client": lambda row: row.client_name,
        "client_state": lambda row: row.client_state.value,
        "audience": lambda row: row.permission.audience.identifier,
        "service": lambda row: row.permission.audience.service.name,
        "scopes": lambda row: _sorted(row.permission.scopes),
        "default_scopes": lambda row: _sorted(row.permission.default_scopes),
        "subject": lambda row: row.permission.subject.value,
        "access_token_seconds": lambda row: row.lifetime.seconds,
        "access_token_seconds_from": lambda row: row.lifetime.origin.value,
        "granted_at": lambda row: row.granted_at,
        "last_token_at": lambda row: row.last_used_at,
    }
)
AUDIT: Final[Table[AuditEvent]] = Table(
    {
        "id": lambda event: event.id,
        "at": lambda event: event.at,
        "actor_kind": lambda event: event.actor.kind.value,
        "actor": lambda event: event.actor.name,
        "action": lambda event: event.action,
        "target_kind": lambda event: event.target_kind,
        "target": lambda event: event.target,
        "before": lambda event: None if event.before is None else dict(event.before),
        "after": lambda event: None if event.after is None else dict(event.after),
        "request_id": lambda event: event.actor.request_id,
    }
)
