"""Documents: registered values as --json prints them.

Names of fields are those of the glossary and stay. Times are ISO 8601 in UTC. Secrets and their
hashes never stand in one; the two commands that make a secret add it themselves, once.
"""

from issuer.cli.output import utc
from issuer.config import Settings
from issuer.model.audience import Audience, AudienceId, own_jwks_path
from issuer.model.audit_event import AuditEvent
from issuer.model.client import Client, ClientSecret
from issuer.model.jwks_fetch import JwksFetch
from issuer.model.permission import Permission
from issuer.model.service import Service, ServiceId
from issuer.model.signing_key import StoredKey
from issuer.model.user import User
from issuer.registry import audiences, services
from issuer.registry.key_readiness import Readiness
from issuer.registry.registrar import Registrar
from issuer.registry.sign_in import SignedIn

Fields = dict[str, object]


def of_service(service: Service) -> Fields:
    """Return the fields of a service."""
    return {
        "name": service.name,
        "owner": service.owner,
        "trust_group": service.trust_group,
        "state": service.state.value,
        "is_builtin": service.is_builtin,
        "created_at": utc(service.created_at),
        "version": service.version,
    }


def of_user(user: User) -> Fields:
    """Return the fields of a user."""
    return {
        "name": user.name,
        "role": user.role.value,
        "services": list(user.services),
        "state": user.state.value,
        "created_at": utc(user.created_at),
        "last_sign_in_at": utc(user.last_sign_in_at),
        "password_changed_at": utc(user.password_changed_at),
        "version": user.version,
    }


def of_web_session(one: SignedIn) -> Fields:
    """Return the fields of a live session; its id opens nothing."""
    session = one.session
    return {
        "session_id": session.id,
        "user": one.user.name,
        "created_at": utc(session.created_at),
        "last_seen_at": utc(session.last_seen_at),
        "expires_at": utc(session.expires_at),
        "address": session.address,
        "user_agent": session.user_agent,
    }


def of_audience(audience: Audience, settings: Settings) -> Fields:
    """Return the fields of an audience; its lifetime as it takes effect under the server's settings."""
    policy = audience.policy
    return {
        "identifier": audience.identifier,
        "service": audience.service.name,
        "description": audience.description,
        "scopes": [scope.name for scope in audience.scopes],
        "access_token_seconds": min(
            policy.access_token_seconds or settings.access_token_seconds, settings.access_token_max_seconds
        ),
        "is_default_lifetime": policy.access_token_seconds is None,
        "signing_alg": policy.signing_alg.value,
        "typ": policy.typ.value,
        "extra_claims": dict(policy.extra_claims),
        "aliases": [
            {"identifier": alias.identifier, "mode": alias.mode.value, "until": utc(alias.until)}
            for alias in audience.aliases
        ],
        "state": audience.state.value,
        "successor": audience.successor,
        "is_reserved": audience.is_reserved,
        "own_jwks_uri": settings.url + own_jwks_path(audience.id) if audience.has_own_key else None,
        "created_at": utc(audience.created_at),
        "version": audience.version,
    }


class ClientDocuments:
    """Makes the documents of clients, which name their service and default audience by number."""

    def __init__(self, registrar: Registrar, now: int) -> None:
        self._now = now
        self._services: dict[ServiceId | None, str] = {
            service.id: service.name for service in services.list_services(registrar)
        }
        self._audiences: dict[AudienceId | None, str] = {
            audience.id: audience.identifier for audience in audiences.list_audiences(registrar)
        }

    def of_client(self, client: Client) -> Fields:
        """Return the fields of a client."""
        return {
            "client_id": client.client_id,
            "name": client.name,
            "type": client.type.value,
            "grant_types": sorted(grant_type.value for grant_type in client.grant_types),
            "auth_method": client.auth_method.value,
            "may_use_offline_access": client.may_use_offline_access,
            "default_audience": self._audiences.get(client.default_audience),
            "tenant_id": client.tenant_id,
            "access_token_max_seconds": client.access_token_max_seconds,
            "service": self._services.get(client.service),
            "state": client.state.value,
            "secrets": [of_secret(secret, self._now) for secret in client.secrets],
            "created_at": utc(client.created_at),
            "version": client.version,
        }


def of_secret(secret: ClientSecret, now: int) -> Fields:
    """Return the fields of a client's secret, never the secret or its hash."""
    return {
        "secret_id": secret.id,
        "label": secret.label,
        "is_usable": secret.is_usable(now),
        "created_at": utc(secret.created_at),
        "last_used_at": utc(secret.last_used_at),
        "expires_at": utc(secret.expires_at),
        "revoked_at": utc(secret.revoked_at),
    }


def of_permission(permission: Permission) -> Fields:
    """Return the fields of a permission; empty default_scopes stand for all scopes."""
    return {
        "client_id": permission.client_id,
        "audience": permission.audience.identifier,
        "service": permission.audience.service.name,
        "scopes": sorted(permission.scopes),
        "default_scopes": sorted(permission.default_scopes),
        "subject": permission.subject.value,
        "version": permission.version,
    }


def of_key(key: StoredKey, now: int) -> Fields:
    """Return the fields of a signing key, with nothing of its private part."""
    return {
        "kid": key.kid,
        "purpose": key.purpose.value,
        "alg": key.alg,
        "state": key.state(now).value,
        "created_at": utc(key.created_at),
        "published_at": utc(key.published_at),
        "signs_from": utc(key.signs_from),
        "signs_until": utc(key.signs_until),
        "verify_until": utc(key.verify_until),
        "compromised_at": utc(key.compromised_at),
    }


def of_readiness(one: Readiness, now: int) -> Fields:
    """Return the fields of what is known of a key that waits or signs."""
    return {
        "kid": one.key.kid,
        "alg": one.key.alg,
        "purpose": one.key.purpose.value,
        "audience_id": one.key.audience_id,
        "state": one.key.state(now).value,
        "published_at": utc(one.key.published_at),
        "signs_from": utc(one.key.signs_from),
        "horizon": utc(one.horizon),
        "is_safe": one.is_safe,
        "wait_until": utc(one.wait_until),
        "reason": one.reason,
        "fetched": [_of_fetch(each) for each in one.fetched],
        "missing": [_of_fetch(each) for each in one.missing],
    }


def of_event(event: AuditEvent) -> Fields:
    """Return the fields of an audit event."""
    return {
        "id": event.id,
        "at": utc(event.at),
        "actor_kind": event.actor.kind.value,
        "actor": event.actor.name,
        "action": event.action,
        "target_kind": event.target_kind,
        "target": event.target,
        "before": None if event.before is None else dict(event.before),
        "after": None if event.after is None else dict(event.after),
        "request_id": event.actor.request_id,
    }


def _of_fetch(fetch: JwksFetch) -> Fields:
    return {
        "user_agent": fetch.user_agent,
        "first_at": utc(fetch.first_at),
        "last_at": utc(fetch.last_at),
        "count": fetch.count,
    }
