"""Permissions: which client may ask for which audience."""

from dataclasses import dataclass

from issuer.model.permission import Permission, PermittedSubject
from issuer.registry.registrar import Registrar


@dataclass(frozen=True, slots=True)
class NewPermission:
    """What a client is to be permitted. identifier: any spelling of the audience.

    scopes: names the audience defines, possibly none. default_scopes: part of scopes; none means all.
    """

    client_id: str
    identifier: str
    scopes: frozenset[str] = frozenset()
    default_scopes: frozenset[str] = frozenset()
    subject: PermittedSubject = PermittedSubject.CLIENT


def grant_permission(registrar: Registrar, new: NewPermission) -> Permission:
    """Permit an audience to a client and return the permission; one that is there is replaced.

    Raises NotFound, Locked for the audience `refresh`, InvalidValue for scopes that the audience does
    not define, Conflict if client or audience is removed.
    """


def revoke_permission(registrar: Registrar, client_id: str, identifier: str) -> None:
    """Take a permission back, and the client's default audience if it was that one. Twice is once.

    Raises NotFound if there never was such a client or audience.
    """


def list_permissions(
    registrar: Registrar, client_id: str | None = None, identifier: str | None = None
) -> tuple[Permission, ...]:
    """Return the permissions of a client, on an audience, of both, or all; by client_id, then registration.

    Raises NotFound for a client or audience that is named and not registered.
    """
