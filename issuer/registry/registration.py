"""Registration: a client, what it may ask for and its default audience, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from issuer.errors import InvalidValue
from issuer.model.client import Client
from issuer.registry import client_rules, clients, permissions, spellings
from issuer.registry.clients import NewClient
from issuer.registry.permissions import Granted, NewPermission
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.store.db import Connection


@dataclass(frozen=True, slots=True)
class WantedAudience:
    """An audience that a new client is to be permitted for itself. identifier: any spelling of it.

    scopes: names that the audience defines, possibly none.
    """

    identifier: str
    scopes: frozenset[str] = frozenset()


def register_client(
    registrar: Registrar, new: NewClient, wanted: Sequence[WantedAudience], default: str | None = None
) -> tuple[Client, str]:
    """Register a client with its permissions; return it with its first secret, which nobody can show again.

    wanted: each audience once. default: identifier of one of them, for requests that name none. Raises as
    `clients.add_client` and `permissions.grant_permission`; then nothing is registered.
    """
    with registrar.change(Power.CLIENTS) as change:
        client, secret = clients.write_new(registrar, change, new)
        granted = [_check(change.connection, client, each) for each in wanted]
        by_id = {one.wanted.audience.id: one for one in granted}
        if len(by_id) != len(granted):
            raise InvalidValue("an audience is named twice")
        permissions.write_granted(change, granted)
        if default is not None:
            audience = spellings.require_audience(change.connection, default)
            if audience.id not in by_id:
                raise InvalidValue("the default audience is not one of those that the client may ask for")
            after = replace(client, default_audience=audience.id)
            clients.write_changed(registrar, change, client, after)
        return client_rules.require_client(change.connection, client.client_id), secret


def _check(connection: Connection, client: Client, wanted: WantedAudience) -> Granted:
    audience = spellings.require_audience(connection, wanted.identifier)
    new = NewPermission(client.client_id, wanted.identifier, wanted.scopes)
    return Granted(client, permissions.check_grant(client, audience, new), None)
