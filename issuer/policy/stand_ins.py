"""Stand-ins: clients, audiences and permissions of which no more is looked at than is said here."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from issuer.model.audience import (
    Alias,
    Audience,
    AudienceId,
    AudienceState,
    SigningAlg,
    TokenPolicy,
    TokenTyp,
)
from issuer.model.client import AuthMethod, Client, ClientId, ClientKey, ClientState, ClientType
from issuer.model.permission import Permission, PermittedSubject
from issuer.model.service import Service, ServiceId, ServiceState

_NOTHING: Final[frozenset[str]] = frozenset()
_SERVICE: Final = Service(
    ServiceId(0), "", "", None, ServiceState.ACTIVE, is_builtin=False, created_at=0, version=0
)
_POLICY: Final = TokenPolicy(None, None, None, SigningAlg.RS256, TokenTyp.AT_JWT, {})


def make_client(client_id: ClientId, default_audience: AudienceId | None = None) -> Client:
    """Return an active client."""
    return Client(
        key=ClientKey(0),
        client_id=client_id,
        name="",
        type=ClientType.SERVICE,
        grant_types=frozenset(),
        auth_method=AuthMethod.CLIENT_SECRET_BASIC,
        may_use_offline_access=False,
        default_audience=default_audience,
        tenant_id=None,
        access_token_max_seconds=None,
        service=None,
        state=ClientState.ACTIVE,
        secrets=(),
        created_at=0,
        version=0,
    )


def make_service(service_id: ServiceId, name: str) -> Service:
    """Return an active service."""
    return replace(_SERVICE, id=service_id, name=name)


def make_audience(
    audience_id: AudienceId,
    identifier: str,
    *,
    canonical: str = "",
    service: Service | None = None,
    aliases: Iterable[Alias] = (),
    successor: str | None = None,
) -> Audience:
    """Return an active audience."""
    return Audience(
        id=audience_id,
        identifier=identifier,
        canonical=canonical,
        description="",
        service=_SERVICE if service is None else service,
        scopes=(),
        aliases=tuple(aliases),
        policy=_POLICY,
        state=AudienceState.ACTIVE,
        successor=successor,
        is_reserved=False,
        created_at=0,
        version=0,
    )


def permit(client_id: ClientId, audience: Audience) -> Permission:
    """Return the permission of a client on an audience."""
    return Permission(client_id, audience, _NOTHING, _NOTHING, PermittedSubject.CLIENT, 0)
