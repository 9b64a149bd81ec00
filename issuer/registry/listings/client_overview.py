"""One client, whole: what its page tells of it beside its own fields."""

from collections.abc import Collection
from dataclasses import dataclass

from issuer.errors import NotFound
from issuer.model.audience import RESERVED_ACCESS, Audience, AudienceId
from issuer.model.client import Client
from issuer.model.finding import Finding
from issuer.model.permission import Permission
from issuer.model.service import Service
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import one_client
from issuer.policy.lint.one_client import Holder
from issuer.policy.lint.registered import LONGEST_UNUSED_SECONDS
from issuer.registry import client_rules
from issuer.registry.registrar import Registrar
from issuer.store import audiences, idle_permissions, services
from issuer.store import permissions as permission_store
from issuer.store.listings import consequences as consequence_store


@dataclass(frozen=True, slots=True)
class Linked:
    """A client with what it names. service: that it speaks for. default_audience: permitted or not."""

    client: Client
    service: Service | None
    default_audience: Audience | None


@dataclass(frozen=True, slots=True)
class Target:
    """A client and an audience, with the permission that joins them, if there is one."""

    client: Client
    audience: Audience
    permission: Permission | None


def find_linked(registrar: Registrar, client_id: str) -> Linked:
    """Return a client with its service and its default audience. Raises NotFound."""
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        service = None
        if client.service is not None:
            service = services.find_service_by_id(connection, client.service)
        default = None
        if client.default_audience is not None:
            default = audiences.find_audience(connection, client.default_audience)
    return Linked(client, service, default)


def lint_client(registrar: Registrar, linked: Linked, bounds: Lifetimes) -> tuple[Finding, ...]:
    """Return the findings on a client, errors first; six statements. bounds: the server's own lifetimes."""
    client, default = linked.client, linked.default_audience
    now = registrar.clock.now()
    with registrar.reading() as connection:
        named = [*audiences.list_audiences_named(connection, [RESERVED_ACCESS])]
        if default is not None:
            named.append(default)
        permitted = permission_store.list_audience_ids(connection, client.key, [one.id for one in named])
        holder = Holder(
            client=client,
            audiences=consequence_store.count_audiences(connection, client.key),
            idle=idle_permissions.list_of_client(connection, client.key, now - LONGEST_UNUSED_SECONDS),
            default=default,
            permitted=[one for one in named if one.id in permitted],
        )
    return one_client.judge(holder, bounds, now)


def find_target(registrar: Registrar, client_id: str, audience_id: AudienceId) -> Target:
    """Return a client and an audience, removed or not; raises NotFound for either."""
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        audience = audiences.find_audience(connection, audience_id)
        if audience is None:
            raise NotFound(f"no audience has the id {audience_id}")
        return Target(client, audience, permission_store.find_permission(connection, client.key, audience.id))


def list_held_ids(registrar: Registrar, client: Client) -> frozenset[AudienceId]:
    """Return the ids of the audiences that a client is permitted; one statement."""
    with registrar.reading() as connection:
        return permission_store.list_audience_ids(connection, client.key)


def find_default_identifier(registrar: Registrar, client: Client) -> str:
    """Return the identifier of a client's default audience, "" where it has none; one statement."""
    if client.default_audience is None:
        return ""
    with registrar.reading() as connection:
        found = audiences.list_primary_identifiers(connection, [client.default_audience])
    return found.get(client.default_audience, "")


def list_named(registrar: Registrar, identifiers: Collection[str]) -> tuple[Audience, ...]:
    """Return the audiences of which these are the identifiers; what is none is left out."""
    if not identifiers:
        return ()
    with registrar.reading() as connection:
        return audiences.list_audiences_named(connection, identifiers)
