"""What would change: two documents, entry by entry and field by field.

Entries are the same by their name, identifier or client_id. An audience is also the same as one that is
registered under an identifier which the document calls its alias: it was renamed.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from issuer.model.audience import JsonValue
from issuer.registry.document import form
from issuer.registry.document.entries import AudienceEntry, Document
from issuer.registry.permissions import NewPermission

Fields = Mapping[str, JsonValue]
# Of an entry: its name; for a permission, client_id and identifier.
Name = tuple[str, ...]


class Kind(StrEnum):
    """What an entry is."""

    TRUST_GROUP = "trust_group"
    SERVICE = "service"
    AUDIENCE = "audience"
    CLIENT = "client"
    PERMISSION = "permission"

    @property
    def section(self) -> str:
        """The name of the section that holds such entries."""
        return f"{self.value}s"


class Action(StrEnum):
    """What becomes of an entry."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that differs.

    before, after: its fields, scopes and aliases by their names; of a change those that differ. None
    where there is, or will be, nothing. path: where it stands in the document, None if it does not.
    """

    action: Action
    kind: Kind
    name: Name
    before: Fields | None
    after: Fields | None
    path: str | None

    @property
    def title(self) -> str:
        """What people call the entry."""
        return " on ".join(self.name)


def find_renames(registered: Document, wanted: Document) -> dict[str, str]:
    """Return old identifiers by new ones: of audiences whose old name the document calls an alias."""
    here = {entry.new.identifier for entry in registered.audiences}
    there = {entry.new.identifier for entry in wanted.audiences}
    renames: dict[str, str] = {}
    for entry in wanted.audiences:
        if entry.new.identifier in here:
            continue
        old = [one.identifier for one in entry.aliases if one.identifier in here - there]
        if len(old) == 1:
            renames[entry.new.identifier] = old[0]
    return renames


def follow(registered: Document, renames: Mapping[str, str]) -> Document:
    """Return what is registered, where something names a renamed audience, by the new identifier."""
    renamed = {old: new for new, old in renames.items()}

    def name(identifier: str) -> str:
        return renamed.get(identifier, identifier)

    return replace(
        registered,
        audiences=tuple(
            replace(one, successor=one.successor and name(one.successor)) for one in registered.audiences
        ),
        clients=tuple(
            replace(one, default_audience=one.default_audience and name(one.default_audience))
            for one in registered.clients
        ),
        permissions=tuple(replace(one, identifier=name(one.identifier)) for one in registered.permissions),
    )


def compare(registered: Document, wanted: Document, renames: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return what differs, section by section: in the order of the document, then what is not in it.

    registered: as `follow` gives it. What is not in the document stands there as removed.
    """
    renamed = {old: new for new, old in renames.items()}
    return (
        *_compare(
            Kind.TRUST_GROUP,
            {(one.name,): form.of_trust_group(one) for one in registered.trust_groups},
            {(one.name,): form.of_trust_group(one) for one in wanted.trust_groups},
        ),
        *_compare(
            Kind.SERVICE,
            {(one.new.name,): form.of_service(one) for one in registered.services},
            {(one.new.name,): form.of_service(one) for one in wanted.services},
        ),
        *_compare(
            Kind.AUDIENCE,
            {
                (renamed.get(one.new.identifier, one.new.identifier),): _of_audience(one)
                for one in registered.audiences
            },
            {(one.new.identifier,): _of_audience(one) for one in wanted.audiences},
        ),
        *_compare(
            Kind.CLIENT,
            {(one.client_id,): form.of_client(one) for one in registered.clients},
            {(one.client_id,): form.of_client(one) for one in wanted.clients},
        ),
        *_compare(
            Kind.PERMISSION,
            {name_of(one): form.of_permission(one) for one in registered.permissions},
            {name_of(one): form.of_permission(one) for one in wanted.permissions},
        ),
    )


def name_of(permission: NewPermission) -> Name:
    """Return the name under which a permission is compared."""
    return permission.client_id, permission.identifier


def _compare(
    kind: Kind, registered: Mapping[Name, Fields], wanted: Mapping[Name, Fields]
) -> Iterable[Difference]:
    for place, (name, after) in enumerate(wanted.items()):
        path = f"{kind.section}[{place}]"
        before = registered.get(name)
        if before is None:
            yield Difference(Action.ADD, kind, name, None, after, path)
            continue
        changed = [field for field in after if _as_json(before[field]) != _as_json(after[field])]
        if changed:
            yield Difference(
                Action.CHANGE,
                kind,
                name,
                {field: before[field] for field in changed},
                {field: after[field] for field in changed},
                path,
            )
    for name, before in registered.items():
        if name not in wanted:
            yield Difference(Action.REMOVE, kind, name, before, None, None)


def _of_audience(entry: AudienceEntry) -> Fields:
    """Return the fields of an audience, its scopes and aliases by their names: their order says nothing."""
    return {
        **form.of_audience(entry),
        "scopes": {scope.name: scope.description for scope in entry.new.scopes},
        "aliases": {
            alias.identifier: {"mode": alias.mode.value, "until": form.utc(alias.until)}
            for alias in entry.aliases
        },
    }


def _as_json(value: JsonValue) -> str:
    # To Python, the claims true and 1 are equal.
    return json.dumps(value, sort_keys=True)
