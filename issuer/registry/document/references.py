"""What the entries of a document say of each other, and of what is registered beside them.

Checked before anything is written, against the registry as it would become: one entry alone may well be
right only because of another.
"""

from collections.abc import Iterable, Mapping

from issuer.errors import Conflict, Locked, NotFound
from issuer.model.audience import JsonValue
from issuer.policy import extra_claims, resemblance
from issuer.registry import audience_rules
from issuer.registry.document import diff
from issuer.registry.document.entries import AudienceEntry, Document
from issuer.registry.document.snapshot import Snapshot


def merge(registered: Document, wanted: Document, renames: Mapping[str, str]) -> Document:
    """Return a document with, behind its entries, what else is registered; as `diff.follow` gives it."""
    services = {one.new.name for one in wanted.services}
    audiences = {one.new.identifier for one in wanted.audiences} | {*renames.values()}
    clients = {one.client_id for one in wanted.clients}
    permissions = {diff.name_of(one) for one in wanted.permissions}
    return Document(
        trust_groups=wanted.trust_groups,
        services=(*wanted.services, *(one for one in registered.services if one.new.name not in services)),
        audiences=(
            *wanted.audiences,
            *(one for one in registered.audiences if one.new.identifier not in audiences),
        ),
        clients=(*wanted.clients, *(one for one in registered.clients if one.client_id not in clients)),
        permissions=(
            *wanted.permissions,
            *(one for one in registered.permissions if diff.name_of(one) not in permissions),
        ),
    )


def check(wanted: Document, final: Document, registered: Snapshot) -> None:
    """Refuse a document that names what will not be there, or what is the issuer's own.

    final: the registry's document as it would become, `wanted` first. Raises NotFound, Locked, or
    Conflict if extra claims clash.
    """
    _check_not_builtin(wanted, registered)
    _check_audiences(wanted, final, registered)
    _check_clients(wanted, final, registered)
    _check_permissions(wanted, final, registered)
    _check_successors(final)
    _check_clashes(final)


def list_unpermitted_defaults(wanted: Document, final: Document) -> tuple[tuple[str, str], ...]:
    """Return client_id and default audience of each client of a document that may not ask for its default.

    It is not refused: a permission that is revoked leaves the default in place, so that no other audience
    takes its part unseen, and what is registered can be exported and applied.
    """
    permitted = {diff.name_of(one) for one in final.permissions}
    named = ((one.client_id, one.default_audience) for one in wanted.clients if one.default_audience)
    return tuple(one for one in named if one not in permitted)


def _check_not_builtin(wanted: Document, registered: Snapshot) -> None:
    for place, service in enumerate(wanted.services):
        found = registered.services.get(service.new.name)
        if found is not None and found.is_builtin:
            raise Locked(f"services[{place}]: {found.name} is the issuer itself; leave it out")
    for place, audience in enumerate(wanted.audiences):
        reserved = registered.audiences.get(audience.new.identifier)
        if reserved is not None and reserved.is_reserved:
            raise Locked(f"audiences[{place}]: {audience.new.identifier} is the issuer's own; leave it out")


def _check_audiences(wanted: Document, final: Document, registered: Snapshot) -> None:
    services, audiences = _service_names(final, registered), _identifiers(final, registered)
    for place, entry in enumerate(wanted.audiences):
        _require(f"audiences[{place}].service", "service", entry.new.service, services)
        _require(f"audiences[{place}].successor", "audience", entry.successor, audiences)
        successor = registered.audiences.get(entry.successor or "")
        if successor is not None and successor.is_reserved:
            raise Locked(
                f"audiences[{place}].successor: {entry.successor} is the issuer's own and succeeds no other"
            )


def _check_clients(wanted: Document, final: Document, registered: Snapshot) -> None:
    services, audiences = _service_names(final, registered), _identifiers(final, registered)
    for place, entry in enumerate(wanted.clients):
        path = f"clients[{place}]"
        _require(f"{path}.service", "service", entry.new.service, services)
        _require(f"{path}.default_audience", "audience", entry.default_audience, audiences)


def _check_permissions(wanted: Document, final: Document, registered: Snapshot) -> None:
    audiences = _identifiers(final, registered)
    clients = {one.client_id for one in final.clients}
    for place, entry in enumerate(wanted.permissions):
        _require(f"permissions[{place}].client_id", "client", entry.client_id, clients)
        _require(f"permissions[{place}].audience", "audience", entry.identifier, audiences)


def _check_successors(final: Document) -> None:
    successors = {entry.new.identifier: entry.successor for entry in final.audiences}
    ending: set[str] = set()
    for place, entry in enumerate(final.audiences):
        chain: set[str] = set()
        name: str | None = entry.new.identifier
        while name is not None and name not in ending:
            if name in chain:
                raise Conflict(f"audiences[{place}].successor: {name} would succeed itself in the end")
            chain.add(name)
            name = successors.get(name)
        ending |= chain


def _check_clashes(final: Document) -> None:
    groups = {one.new.name: one.new.trust_group for one in final.services}
    together: dict[tuple[str, str], list[tuple[int, AudienceEntry]]] = {}
    for place, entry in enumerate(final.audiences):
        group = groups.get(entry.new.service)
        key = ("service", entry.new.service) if group is None else ("trust group", group)
        together.setdefault(key, []).append((place, entry))
    for entries in together.values():
        _check_clash(entries)


def _check_clash(entries: Iterable[tuple[int, AudienceEntry]]) -> None:
    claims: dict[str, JsonValue] = {}
    holders: dict[str, tuple[int, str]] = {}
    for place, entry in entries:
        clash = extra_claims.find_clash(claims, entry.new.extra_claims)
        if clash is not None:
            first, identifier = holders[clash]
            # Those of the document come first, so that of two the first has a path in it.
            sentence = audience_rules.describe_clash(identifier, entry.new.identifier, clash)
            raise Conflict(f"audiences[{first}].extra_claims: {sentence}")
        claims.update(entry.new.extra_claims)
        for name in entry.new.extra_claims:
            holders.setdefault(name, (place, entry.new.identifier))


def _service_names(final: Document, registered: Snapshot) -> set[str]:
    # The built-in one is there as well, and is refused by the rules where it may not stand.
    builtin = {one.name for one in registered.all_services if one.is_builtin}
    return {one.new.name for one in final.services} | builtin


def _identifiers(final: Document, registered: Snapshot) -> set[str]:
    reserved = {name for name, one in registered.audiences.items() if one.is_reserved}
    return {one.new.identifier for one in final.audiences} | reserved


def _require(path: str, what: str, name: str | None, known: set[str]) -> None:
    if name is not None and name not in known:
        sentence = f"no {what} {name} is in the document, nor registered to stay beside it"
        raise NotFound(f"{path}: {sentence}{resemblance.suggest(name, known)}")
