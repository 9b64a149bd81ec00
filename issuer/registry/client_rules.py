"""What holds for every client, whether it is new or changed."""

import re
from typing import Final

from issuer.errors import Conflict, InvalidValue, Locked, NotFound, Stale
from issuer.model.client import Client, ClientState, GrantType
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.policy import free_text, identifiers, resemblance
from issuer.registry import audience_rules, services
from issuer.registry.registrar import Registrar
from issuer.store import clients, spellings
from issuer.store.db import Connection

_LONGEST_TENANT_ID = 255
_LONGEST_CLIENT_ID = 255
# Part of what RFC 6749 §A.1 allows: nothing that a shell, a URL or a log would have to quote.
_SUFFIX = re.compile(r"[a-z2-7]{8}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# Pages of the console that stand where the page of a client with such a name would stand.
NOT_CLIENT_IDS: Final = frozenset({"new", "export"})


def require_client(connection: Connection, client_id: str) -> Client:
    """Return the client of that client_id; raises NotFound. For use inside a transaction."""
    # What is no client_id may be what a database cannot even compare: PostgreSQL takes no NUL.
    is_possible = _CLIENT_ID.fullmatch(client_id) is not None
    client = clients.find_client(connection, client_id) if is_possible else None
    if client is None:
        raise NotFound(f"no client {client_id} is registered{_suggest(connection, client_id)}")
    return client


def require_changeable(connection: Connection, client_id: str, expected_version: int | None = None) -> Client:
    """Return the client if it may be changed.

    Raises NotFound, or Conflict if it is removed or not at the version expected.
    """
    client = require_client(connection, client_id)
    if client.state is ClientState.REMOVED:
        raise Conflict(f"the client {client_id} is removed; that is for good")
    if expected_version not in {None, client.version}:
        raise Stale(f"somebody changed {client_id} meanwhile: it is at version {client.version}")
    return client


def require_linkable_service(connection: Connection, name: str) -> ServiceId:
    """Return the id of a service that a client may speak for.

    Raises NotFound, Locked for the issuer itself, Conflict if it is removed.
    """
    service = services.require_service(connection, name)
    check_linkable(service)
    return service.id


def check_linkable(service: Service) -> None:
    """Refuse a service that no client speaks for: Locked for the issuer itself, Conflict if removed."""
    if service.is_builtin:
        raise Locked(f"no client speaks for {service.name}: that is the issuer itself")
    if service.state is ServiceState.REMOVED:
        raise Conflict(f"the service {service.name} is removed")


def check_client_id(connection: Connection, client_id: str) -> None:
    """Refuse a client_id that is chosen and not made: InvalidValue for its form, Conflict if it is taken."""
    if len(client_id) > _LONGEST_CLIENT_ID or _CLIENT_ID.fullmatch(client_id) is None:
        raise InvalidValue(
            f"a client_id has at most {_LONGEST_CLIENT_ID} letters, digits, dots, hyphens and underscores, "
            "and begins with a letter or digit"
        )
    if client_id in NOT_CLIENT_IDS:
        raise InvalidValue(f"{client_id} is no client_id: the console has another page of that name")
    if not is_free(connection, client_id):
        raise Conflict(f"{client_id} is or was a client or an audience; such names are never given again")


def check_suffix(suffix: str) -> None:
    """Refuse what `Entropy.suffix` does not make; raises InvalidValue."""
    if _SUFFIX.fullmatch(suffix) is None:
        raise InvalidValue("this is not an id that a form of ours bears")


def is_free(connection: Connection, client_id: str) -> bool:
    """Return whether neither a client nor, in any case of letters, an audience bears or bore this name."""
    # client_ids and audiences are disjoint: an ID token's aud is never an audience (RFC 9068 §5).
    canonical = identifiers.canonical_form(client_id)
    if spellings.find_spelling(connection, client_id, canonical) is not None:
        return False
    return clients.find_client(connection, client_id) is None


def complete_grant_types(
    grant_types: frozenset[GrantType], *, may_use_offline_access: bool
) -> frozenset[GrantType]:
    """Return the grant types of a client: `refresh_token` comes along with the switch that gives such tokens.

    Without it the switch would give nothing, and nobody would be told why.
    """
    return grant_types | {GrantType.REFRESH_TOKEN} if may_use_offline_access else grant_types


def check(registrar: Registrar, client: Client) -> None:
    """Refuse a client whose name, tenant, lifetime or grant types may not be so; raises InvalidValue."""
    free_text.check_name(client.name, "the name")
    if client.tenant_id is not None:
        free_text.check_name(client.tenant_id, "the tenant", _LONGEST_TENANT_ID)
    if not client.grant_types:
        raise InvalidValue("a client has at least one grant type")
    longest = registrar.access_token_max_seconds
    audience_rules.check_lifetime(
        client.access_token_max_seconds, "the cap of an access token's life", longest
    )


def _suggest(connection: Connection, wanted: str) -> str:
    """Return the end of the sentence: people write a client's name where its client_id is asked for."""
    there = [one for one in clients.list_clients(connection) if one.state is not ClientState.REMOVED]
    by_name = {one.name: one.client_id for one in there}
    nearest = resemblance.find_nearest(wanted, by_name)
    if nearest is not None:
        return f"; did you mean {by_name[nearest]}?"
    return resemblance.suggest(wanted, [one.client_id for one in there])
