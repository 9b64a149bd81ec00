"""A snapshot: what is registered now, as a document, beside the rows that its entries stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from issuer.model.audience import (
    RESERVED_ACCESS,
    RESERVED_REFRESH,
    Audience,
    AudienceId,
    AudienceState,
)
from issuer.model.client import Client, ClientState
from issuer.model.permission import Permission
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.document.entries import (
    ADMIN_API,
    AliasEntry,
    AudienceEntry,
    ClientEntry,
    Document,
    ServiceEntry,
    TrustGroupEntry,
)
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store import audiences, clients, permissions, services
from issuer.store.db import Connection


@dataclass(frozen=True)
class Snapshot:
    """Everything that is registered, removed rows, built-in service and reserved audiences included.

    trust_groups: owners by name.
    """

    trust_groups: Mapping[str, str]
    all_services: tuple[Service, ...]
    all_audiences: tuple[Audience, ...]
    all_clients: tuple[Client, ...]
    all_permissions: tuple[Permission, ...]

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """The services that a document can name, the built-in one included, by name."""
        return {one.name: one for one in self.all_services if one.state is not ServiceState.REMOVED}

    @cached_property
    def audiences(self) -> Mapping[str, Audience]:
        """The audiences that a document can name, the reserved ones included, by portable identifier."""
        return {
            portable_identifier(one): one
            for one in self.all_audiences
            if one.state is not AudienceState.REMOVED
        }

    @cached_property
    def clients(self) -> Mapping[str, Client]:
        """The clients that a document can name, by client_id."""
        return {one.client_id: one for one in self.all_clients if one.state is not ClientState.REMOVED}

    @cached_property
    def permissions(self) -> Mapping[tuple[str, str], Permission]:
        """What is permitted, by client_id and portable identifier."""
        return {(one.client_id, portable_identifier(one.audience)): one for one in self.all_permissions}

    @cached_property
    def document(self) -> Document:
        """What is registered, as a document."""
        return Document(
            trust_groups=tuple(TrustGroupEntry(name, owner) for name, owner in self.trust_groups.items()),
            services=tuple(_service(one) for one in self.services.values() if not one.is_builtin),
            audiences=tuple(self._audience(one) for one in self.audiences.values() if not one.is_reserved),
            clients=tuple(map(self._client, self.clients.values())),
            permissions=tuple(_permission(one) for one in self.permissions.values()),
        )

    def _audience(self, audience: Audience) -> AudienceEntry:
        policy = audience.policy
        return AudienceEntry(
            new=NewAudience(
                identifier=audience.identifier,
                service=audience.service.name,
                description=audience.description,
                scopes=audience.scopes,
                access_token_seconds=policy.access_token_seconds,
                refresh_idle_seconds=policy.refresh_idle_seconds,
                refresh_absolute_seconds=policy.refresh_absolute_seconds,
                signing_alg=policy.signing_alg,
                typ=policy.typ,
                extra_claims=policy.extra_claims,
            ),
            aliases=tuple(AliasEntry(one.identifier, one.mode, one.until) for one in audience.aliases),
            state=audience.state,
            # One that is removed since stands in no document.
            successor=audience.successor if audience.successor in self.audiences else None,
        )

    def _client(self, client: Client) -> ClientEntry:
        return ClientEntry(
            client_id=client.client_id,
            new=NewClient(
                name=client.name,
                type=client.type,
                grant_types=client.grant_types,
                auth_method=client.auth_method,
                may_use_offline_access=client.may_use_offline_access,
                tenant_id=client.tenant_id,
                access_token_max_seconds=client.access_token_max_seconds,
                service=None if client.service is None else self._service_names[client.service],
            ),
            default_audience=(
                None if client.default_audience is None else self._identifiers[client.default_audience]
            ),
            state=client.state,
        )

    @cached_property
    def _service_names(self) -> Mapping[ServiceId, str]:
        return {one.id: one.name for one in self.all_services}

    @cached_property
    def _identifiers(self) -> Mapping[AudienceId, str]:
        return {one.id: portable_identifier(one) for one in self.all_audiences}


def take(connection: Connection) -> Snapshot:
    """Return what is registered, in twelve statements however much it is."""
    return Snapshot(
        trust_groups=dict(services.list_trust_groups(connection)),
        all_services=services.list_services(connection),
        all_audiences=audiences.list_audiences(connection),
        all_clients=clients.list_clients(connection),
        all_permissions=permissions.list_permissions(connection),
    )


def portable_identifier(audience: Audience) -> str:
    """Return the identifier of an audience, ADMIN_API for that of the admin API."""
    if audience.is_reserved and audience.identifier not in {RESERVED_ACCESS, RESERVED_REFRESH}:
        return ADMIN_API
    return audience.identifier


def _service(service: Service) -> ServiceEntry:
    return ServiceEntry(NewService(service.name, service.owner, service.trust_group), service.state)


def _permission(permission: Permission) -> NewPermission:
    return NewPermission(
        client_id=permission.client_id,
        identifier=portable_identifier(permission.audience),
        scopes=permission.scopes,
        default_scopes=permission.default_scopes,
        subject=permission.subject,
    )
