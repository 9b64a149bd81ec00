"""Applying a document: the registry becomes what it says, all of it or nothing, in one transaction.

What differs is found inside the transaction, so that what is reported is what was written. The rules are
those of all other changes; each changed thing has its audit event.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from issuer.errors import Conflict, InvalidValue
from issuer.registry.document import (
    apply_audiences,
    apply_clients,
    apply_permissions,
    apply_services,
    diff,
    references,
    snapshot,
)
from issuer.registry.document.application import Application
from issuer.registry.document.diff import Action, Difference, Kind, Name
from issuer.registry.document.entries import SECTIONS, Document, TrustGroupEntry
from issuer.registry.document.snapshot import Snapshot
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar

_NEVER_REMOVED = Kind.TRUST_GROUP


class Pruning(StrEnum):
    """What becomes of that which is registered and not in the document.

    nothing: it is left alone. lesser_part: it is removed, unless that is more than half of its kind.
    anything: it is removed. Trust groups always stay.
    """

    NOTHING = "nothing"
    LESSER_PART = "lesser_part"
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a document changed.

    left_alone: how many entries of a kind are registered, not in the document, and stay.
    without_secret: clients of the document that nothing can authenticate yet, by client_id.
    unpermitted_defaults: client_id and default audience of those that may not ask for it.
    """

    differences: tuple[Difference, ...]
    left_alone: Mapping[Kind, int]
    without_secret: tuple[str, ...]
    unpermitted_defaults: tuple[tuple[str, str], ...]


def apply(registrar: Registrar, document: Document, pruning: Pruning = Pruning.NOTHING) -> Outcome:
    """Make the registry what a document says; where nothing differs, nothing is written.

    Raises what the changes would raise one by one, with the path in the document; InvalidValue if a
    document that prunes leaves out a section, Conflict if it would remove more than half of a kind.
    """
    with registrar.change(Power.DOCUMENT) as change:
        return _apply(registrar, change, document, pruning)


def rehearse(registrar: Registrar, document: Document, pruning: Pruning = Pruning.NOTHING) -> Outcome:
    """Return, or refuse, what `apply` would, and leave all as it was."""
    with registrar.change(Power.DOCUMENT) as change:
        outcome = _apply(registrar, change, document, pruning)
        change.discard()
    return outcome


def _apply(registrar: Registrar, change: Change, document: Document, pruning: Pruning) -> Outcome:
    registered = snapshot.take(change.connection)
    wanted = _with_trust_groups(document, registered)
    renames = diff.find_renames(registered.document, wanted)
    followed = diff.follow(registered.document, renames)
    all_differences = diff.compare(followed, wanted, renames)
    differences = tuple(one for one in all_differences if _is_meant(one, pruning))
    if pruning is not Pruning.NOTHING:
        _check_whole(document)
    if pruning is Pruning.LESSER_PART:
        _check_lesser_part(differences, followed)
    final = references.merge(followed, wanted, renames) if pruning is Pruning.NOTHING else wanted
    references.check(wanted, final, registered)
    application = Application(registrar, change, wanted, registered, renames)
    if differences:
        _write(application, differences)
    return Outcome(
        differences,
        _count(one for one in all_differences if not _is_meant(one, pruning)),
        apply_clients.list_without_secret(application),
        references.list_unpermitted_defaults(wanted, final),
    )


def _write(application: Application, differences: tuple[Difference, ...]) -> None:
    apply_services.add_trust_groups(application)
    apply_services.write_services(application)
    apply_audiences.retire_aliases(application)
    apply_audiences.rename(application)
    apply_audiences.add(application)
    apply_audiences.change(application)
    apply_audiences.add_aliases(application)
    apply_clients.add(application)
    apply_clients.change(application)
    apply_permissions.revoke(application, _removed(differences, Kind.PERMISSION))
    apply_permissions.grant(application)
    apply_audiences.remove_scopes(application)
    apply_audiences.write_states(application)
    apply_services.write_states(application)
    for (client_id,) in _removed(differences, Kind.CLIENT):
        apply_clients.remove(application, client_id)
    for (identifier,) in _removed(differences, Kind.AUDIENCE):
        apply_audiences.remove(application, identifier)
    for (name,) in _removed(differences, Kind.SERVICE):
        apply_services.remove(application, name)


def _with_trust_groups(document: Document, registered: Snapshot) -> Document:
    """Return a document that lists every trust group it mentions: the first service's owner owns it."""
    groups = {entry.name: entry for entry in document.trust_groups}
    for entry in document.services:
        name = entry.new.trust_group
        if name is not None and name not in groups:
            groups[name] = TrustGroupEntry(name, registered.trust_groups.get(name, entry.new.owner))
    return replace(document, trust_groups=tuple(groups.values()))


def _is_meant(difference: Difference, pruning: Pruning) -> bool:
    if difference.action is not Action.REMOVE:
        return True
    return pruning is not Pruning.NOTHING and difference.kind is not _NEVER_REMOVED


def _check_whole(document: Document) -> None:
    missing = [name for name in SECTIONS if name not in document.sections]
    if missing:
        raise InvalidValue(
            f"to prune, a document has every section; {', '.join(missing)} is missing "
            f"(`{missing[0]}: []` if none is to stay)"
        )


def _check_lesser_part(differences: tuple[Difference, ...], registered: Document) -> None:
    present = {
        Kind.SERVICE: len(registered.services),
        Kind.AUDIENCE: len(registered.audiences),
        Kind.CLIENT: len(registered.clients),
        Kind.PERMISSION: len(registered.permissions),
    }
    for kind, gone in _count(one for one in differences if one.action is Action.REMOVE).items():
        if 2 * gone > present[kind]:
            raise Conflict(
                f"this would remove {gone} of {present[kind]} {kind.section}, more than half, for good; "
                "say expressly that it is meant (--yes)"
            )


def _count(differences: Iterable[Difference]) -> dict[Kind, int]:
    counts: dict[Kind, int] = {}
    for one in differences:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    return counts


def _removed(differences: tuple[Difference, ...], kind: Kind) -> tuple[Name, ...]:
    return tuple(one.name for one in differences if (one.action, one.kind) == (Action.REMOVE, kind))
