"""Descriptions: registered values as the audit shows them, by the names that admins know; no secrets."""

from collections.abc import Iterable

from issuer.model.audience import Audience, JsonValue
from issuer.model.client import Client, ClientSecret
from issuer.model.permission import Permission
from issuer.model.service import Service
from issuer.model.user import User
from issuer.store import audiences, services
from issuer.store.db import Connection

Fields = dict[str, JsonValue]


def of_service(service: Service) -> Fields:
    """Return the fields of a service."""
    return {"owner": service.owner, "trust_group": service.trust_group, "state": service.state.value}


def of_user(user: User) -> Fields:
    """Return the fields of a user."""
    return {"role": user.role.value, "services": list(user.services), "state": user.state.value}


def of_audience(audience: Audience) -> Fields:
    """Return the fields of an audience."""
    policy = audience.policy
    return {
        "identifier": audience.identifier,
        "service": audience.service.name,
        "description": audience.description,
        "scopes": {scope.name: scope.description for scope in audience.scopes},
        "aliases": {
            alias.identifier: {"mode": alias.mode.value, "until": alias.until} for alias in audience.aliases
        },
        "access_token_seconds": policy.access_token_seconds,
        "refresh_idle_seconds": policy.refresh_idle_seconds,
        "refresh_absolute_seconds": policy.refresh_absolute_seconds,
        "signing_alg": policy.signing_alg.value,
        "typ": policy.typ.value,
        "extra_claims": dict(policy.extra_claims),
        "has_own_key": audience.has_own_key,
        "state": audience.state.value,
        "successor": audience.successor,
    }


def of_client(connection: Connection, client: Client) -> Fields:
    """Return the fields of a client, its default audience and service by their names."""
    return {
        "name": client.name,
        "type": client.type.value,
        "grant_types": _names(grant_type.value for grant_type in client.grant_types),
        "auth_method": client.auth_method.value,
        "may_use_offline_access": client.may_use_offline_access,
        "default_audience": _identifier(connection, client),
        "tenant_id": client.tenant_id,
        "access_token_max_seconds": client.access_token_max_seconds,
        "service": _service_name(connection, client),
        "state": client.state.value,
    }


def of_secret(secret: ClientSecret) -> Fields:
    """Return which secret of a client it is, under its id; never the secret or its hash."""
    return {
        secret.id: {
            "label": secret.label,
            "expires_at": secret.expires_at,
            "revoked_at": secret.revoked_at,
        }
    }


def of_permission(permission: Permission) -> Fields:
    """Return what is permitted, under the identifier of the audience; the client is the event's target."""
    return {
        permission.audience.identifier: {
            "scopes": _names(permission.scopes),
            "default_scopes": _names(permission.default_scopes),
            "subject": permission.subject.value,
        }
    }


def _names(names: Iterable[str]) -> list[JsonValue]:
    return [*sorted(names)]


def _identifier(connection: Connection, client: Client) -> str | None:
    if client.default_audience is None:
        return None
    audience = audiences.find_audience(connection, client.default_audience)
    return None if audience is None else audience.identifier


def _service_name(connection: Connection, client: Client) -> str | None:
    if client.service is None:
        return None
    service = services.find_service_by_id(connection, client.service)
    return None if service is None else service.name
