"""Clients: programs that ask for tokens."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from issuer.errors import Conflict
from issuer.model.audience import AudienceId
from issuer.model.client import AuthMethod, Client, ClientId, ClientKey, ClientState, ClientType, GrantType
from issuer.model.service import ServiceId
from issuer.registry import client_rules, client_secrets, descriptions, removal, services, spellings
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.registry.unchanged import UNCHANGED, Unchanged, settle
from issuer.store import clients as store
from issuer.store import permissions as permission_store
from issuer.store.db import Connection

_LONGEST_SLUG = 40
_ACTIONS = {
    ClientState.ACTIVE: "client.enabled",
    ClientState.DISABLED: "client.disabled",
    ClientState.REMOVED: "client.removed",
}


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client to be registered. service: name of the service it speaks for, or None.

    may_use_offline_access brings the grant type `refresh_token` along. suffix: the end of its client_id, as
    `Entropy.suffix` makes them, so that asking twice registers one; None to have one made.
    """

    name: str
    type: ClientType = ClientType.SERVICE
    grant_types: frozenset[GrantType] = frozenset({GrantType.CLIENT_CREDENTIALS})
    auth_method: AuthMethod = AuthMethod.CLIENT_SECRET_BASIC
    may_use_offline_access: bool = False
    tenant_id: str | None = None
    access_token_max_seconds: int | None = None
    service: str | None = None
    suffix: str | None = None


@dataclass(frozen=True, slots=True)
class ClientChange:
    """What becomes of a client; fields left out stay.

    may_use_offline_access: on, or on already, it brings the grant type `refresh_token` along.
    default_audience: any spelling of an audience that is permitted to the client, or None.
    service: a name, or None. expected_version: refuse if the client is no longer at this version.
    """

    name: str | Unchanged = UNCHANGED
    type: ClientType | Unchanged = UNCHANGED
    grant_types: frozenset[GrantType] | Unchanged = UNCHANGED
    auth_method: AuthMethod | Unchanged = UNCHANGED
    may_use_offline_access: bool | Unchanged = UNCHANGED
    default_audience: str | Unchanged | None = UNCHANGED
    tenant_id: str | Unchanged | None = UNCHANGED
    access_token_max_seconds: int | Unchanged | None = UNCHANGED
    service: str | Unchanged | None = UNCHANGED
    expected_version: int | None = None


def add_client(registrar: Registrar, new: NewClient) -> tuple[Client, str]:
    """Register a client and return it with its first secret, which nobody can show again.

    The client_id is made of the name. It takes the power over secrets, too. Raises InvalidValue, NotFound
    for the service, Locked for the issuer's own, Conflict if the service is removed or a client of this
    name and suffix is there.
    """
    with registrar.change(Power.CLIENTS) as change:
        return write_new(registrar, change, new)


def find_client(registrar: Registrar, client_id: str) -> Client:
    """Return the client of that client_id; raises NotFound."""
    with registrar.reading() as connection:
        return client_rules.require_client(connection, client_id)


def list_names(registrar: Registrar, client_ids: Collection[str]) -> Mapping[ClientId, str]:
    """Return the names of some clients, by client_id; who is none is left out. One statement."""
    with registrar.reading() as connection:
        return store.list_names(connection, client_ids)


def list_clients(registrar: Registrar, service: str | None = None) -> tuple[Client, ...]:
    """Return the clients that speak for a service, or all, removed ones included, by client_id.

    Raises NotFound for the service.
    """
    with registrar.reading() as connection:
        service_id = None if service is None else services.require_service(connection, service).id
        return store.list_clients(connection, service_id)


def change_client(registrar: Registrar, client_id: str, wanted: ClientChange) -> Client:
    """Change a client and return it; where nothing differs, nothing is written.

    Raises InvalidValue, NotFound, Locked, or Conflict if the client is removed, was changed meanwhile
    or the default audience is not permitted to it.
    """
    with registrar.change(Power.CLIENTS) as change:
        before = client_rules.require_changeable(change.connection, client_id, wanted.expected_version)
        may_use_offline_access = settle(wanted.may_use_offline_access, before.may_use_offline_access)
        after = replace(
            before,
            name=settle(wanted.name, before.name),
            type=settle(wanted.type, before.type),
            grant_types=client_rules.complete_grant_types(
                settle(wanted.grant_types, before.grant_types), may_use_offline_access=may_use_offline_access
            ),
            auth_method=settle(wanted.auth_method, before.auth_method),
            may_use_offline_access=may_use_offline_access,
            default_audience=_settle_default(change.connection, before, wanted.default_audience),
            tenant_id=settle(wanted.tenant_id, before.tenant_id),
            access_token_max_seconds=settle(wanted.access_token_max_seconds, before.access_token_max_seconds),
            service=_settle_service(change.connection, before, wanted.service),
        )
        return write_changed(registrar, change, before, after)


def disable_client(registrar: Registrar, client_id: str) -> Client:
    """Refuse tokens to a client; what is registered stays. Twice is once."""
    with registrar.change(Power.CLIENTS) as change:
        before = client_rules.require_changeable(change.connection, client_id)
        return write_state(change, before, ClientState.DISABLED)


def enable_client(registrar: Registrar, client_id: str) -> Client:
    """Give tokens to a disabled client again. Twice is once."""
    with registrar.change(Power.CLIENTS) as change:
        before = client_rules.require_changeable(change.connection, client_id)
        return write_state(change, before, ClientState.ACTIVE)


def remove_client(registrar: Registrar, client_id: str) -> Client:
    """Remove a client with its secrets and permissions; its client_id stays taken. Twice is once."""
    with registrar.change(Power.CLIENT_REMOVAL) as change:
        return write_removed(change, client_rules.require_client(change.connection, client_id))


def draft(client_id: ClientId, new: NewClient, service: ServiceId | None, now: int) -> Client:
    """Return a new client as it will be registered, its key aside. service: the one that `new` names."""
    return Client(
        key=ClientKey(0),
        client_id=client_id,
        name=new.name,
        type=new.type,
        grant_types=client_rules.complete_grant_types(
            new.grant_types, may_use_offline_access=new.may_use_offline_access
        ),
        auth_method=new.auth_method,
        may_use_offline_access=new.may_use_offline_access,
        default_audience=None,
        tenant_id=new.tenant_id,
        access_token_max_seconds=new.access_token_max_seconds,
        service=service,
        state=ClientState.ACTIVE,
        secrets=(),
        created_at=now,
        version=1,
    )


def write_new(registrar: Registrar, change: Change, new: NewClient) -> tuple[Client, str]:
    """Do what `add_client` does, inside a transaction."""
    service = None
    if new.service is not None:
        service = client_rules.require_linkable_service(change.connection, new.service)
    client_id = _make_client_id(registrar, change.connection, new)
    added = write_added(registrar, change, draft(client_id, new, service, change.now))
    secret, text = client_secrets.make_secret(registrar, change, added.key, "first", None)
    client_secrets.record_secret(change, client_id, None, secret)
    return client_rules.require_client(change.connection, client_id), text


def write_added(registrar: Registrar, change: Change, new: Client) -> Client:
    """Register a client, without any secret, inside a transaction.

    Its client_id is free; its service may be spoken for. Raises InvalidValue.
    """
    client_rules.check(registrar, new)
    store.add_client(change.connection, new)
    client = client_rules.require_client(change.connection, new.client_id)
    after = descriptions.of_client(change.connection, client)
    change.record("client.added", "client", client.client_id, None, after)
    return client


def write_changed(registrar: Registrar, change: Change, before: Client, after: Client) -> Client:
    """Write the fields of a client, inside a transaction; nothing where nothing differs.

    Its default audience is permitted to it; its service may be spoken for. Raises InvalidValue.
    """
    client_rules.check(registrar, after)
    return _write(change, before, after, "client.changed")


def write_state(change: Change, before: Client, state: ClientState) -> Client:
    """Make a client active or disabled, inside a transaction; nothing where it is so."""
    return _write(change, before, replace(before, state=state), _ACTIONS[state])


def write_removed(change: Change, client: Client) -> Client:
    """Do what `remove_client` does, inside a transaction."""
    if client.state is ClientState.REMOVED:
        return client
    for permission in permission_store.list_permissions(change.connection, client_key=client.key):
        removal.revoke_permission(change, permission)
    for secret in client.secrets:
        if secret.revoked_at is None:
            client_secrets.write_revoked(change, client.client_id, secret)
    before = client_rules.require_client(change.connection, client.client_id)
    return _write(change, before, replace(before, state=ClientState.REMOVED), _ACTIONS[ClientState.REMOVED])


def make_client_id(name: str, suffix: str) -> ClientId:
    """Return the client_id of a client that is registered under a name with a suffix."""
    return ClientId(f"{_slug(name)}-{suffix}")


def _make_client_id(registrar: Registrar, connection: Connection, new: NewClient) -> ClientId:
    if new.suffix is not None:
        client_rules.check_suffix(new.suffix)
        client_id = make_client_id(new.name, new.suffix)
        if not client_rules.is_free(connection, client_id):
            raise Conflict(f"{client_id} is there already, and its secret was shown when it was registered")
        return client_id
    while True:
        client_id = make_client_id(new.name, registrar.entropy.suffix())
        # client_ids and audiences are disjoint: an ID token's aud is never an audience.
        if client_rules.is_free(connection, client_id):
            return client_id


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return words[:_LONGEST_SLUG].rstrip("-") or "client"


def _settle_default(
    connection: Connection, client: Client, wanted: str | Unchanged | None
) -> AudienceId | None:
    if isinstance(wanted, Unchanged):
        return client.default_audience
    if wanted is None:
        return None
    audience = spellings.require_audience(connection, wanted)
    if permission_store.find_permission(connection, client.key, audience.id) is None:
        raise Conflict(f"{audience.identifier} is not permitted to {client.client_id}; grant it first")
    return audience.id


def _settle_service(
    connection: Connection, client: Client, wanted: str | Unchanged | None
) -> ServiceId | None:
    if isinstance(wanted, Unchanged):
        return client.service
    return None if wanted is None else client_rules.require_linkable_service(connection, wanted)


def _write(change: Change, before: Client, after: Client, action: str) -> Client:
    if before == after:
        return before
    store.change_client(change.connection, after)
    written = client_rules.require_client(change.connection, before.client_id)
    change.concerns_client(before.key)
    was = descriptions.of_client(change.connection, before)
    is_now = descriptions.of_client(change.connection, written)
    change.record(action, "client", before.client_id, was, is_now)
    return written
