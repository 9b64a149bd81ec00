"""Client records: all that the token path needs to know of a client, in one value."""

from sqlalchemy import Connection

from issuer.model.permission import ClientRecord
from issuer.store import audiences, clients, permissions


def find_record(connection: Connection, client_id: str) -> ClientRecord | None:
    """Return a client with its secrets and what is permitted to it, or None; ten statements at most.

    States are not looked at: removed and disabled ones come along, for policy to refuse.
    """
    client = clients.find_client(connection, client_id)
    if client is None:
        return None
    permitted = permissions.list_permissions(connection, client_key=client.key)
    if client.service is None:
        return ClientRecord(client, permitted)
    return ClientRecord(client, permitted, audiences.list_audiences(connection, client.service))
