"""The steps of a document that grant and revoke permissions."""

from collections.abc import Iterable

from issuer.model.permission import Permission
from issuer.registry import permissions, removal
from issuer.registry.document import diff, fields
from issuer.registry.document.application import Application
from issuer.registry.document.diff import Name
from issuer.registry.permissions import Granted


def revoke(application: Application, names: Iterable[Name]) -> None:
    """Take back permissions that are not in the document; names: by the identifiers that it knows."""
    registered = _registered(application)
    held = [(application.clients[name[0]], registered[name]) for name in names]
    removal.revoke_permissions(application.change, held)


def grant(application: Application) -> None:
    """Grant what is not permitted yet, or not so; all at once."""
    registered = _registered(application)
    granted = []
    for place, new in enumerate(application.wanted.permissions):
        client = application.clients[new.client_id]
        before = registered.get(diff.name_of(new))
        with fields.refusals_at(f"permissions[{place}]"):
            wanted = permissions.check_grant(client, application.audiences[new.identifier], new)
        if before is None or not _is_same(before, wanted):
            granted.append(Granted(client, wanted, before))
    if granted:
        permissions.write_granted(application.change, granted)


def _registered(application: Application) -> dict[Name, Permission]:
    renamed = {old: new for new, old in application.renames.items()}
    return {
        (client_id, renamed.get(identifier, identifier)): permission
        for (client_id, identifier), permission in application.registered.permissions.items()
    }


def _is_same(one: Permission, other: Permission) -> bool:
    return (one.scopes, one.default_scopes, one.subject) == (
        other.scopes,
        other.default_scopes,
        other.subject,
    )
