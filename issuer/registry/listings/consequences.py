"""Consequences, in numbers, of what cannot be taken back at once: told before it is done."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from issuer.errors import NotFound
from issuer.model.audience import Audience, AudienceId, AudienceState
from issuer.model.client import Client, ClientState
from issuer.model.service import ServiceState
from issuer.model.signing_key import KeyPurpose
from issuer.registry import client_rules, services, spellings
from issuer.registry.registrar import Registrar
from issuer.store import signing_keys
from issuer.store.db import Connection
from issuer.store.listings import activity
from issuer.store.listings import consequences as store

_HOUR_SECONDS: Final = 3600
_DAY_SECONDS: Final = 24 * _HOUR_SECONDS
_MONTH_SECONDS: Final = 30 * _DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Tokens:
    """Access tokens that are out there.

    last_ends_at: when the last of them ends, None if none is left; until then services that verify by
    themselves go on taking it. in_a_day, in_a_month: how many were issued in 24 hours and in 30 days, the
    hour that runs included.
    """

    last_ends_at: int | None
    in_a_day: int
    in_a_month: int


@dataclass(frozen=True, slots=True)
class Consequences:
    """What hangs on something: nothing at once where it gives no tokens now, as it is disabled already.

    audiences: that it concerns and for which tokens are issued now. clients: active ones that may ask for
    them. families: that still give tokens. permissions: that go for good if it is removed, those of what is
    disabled, too.
    """

    audiences: int
    clients: int
    families: int
    tokens: Tokens
    permissions: int

    @property
    def is_issuing(self) -> bool:
        """Whether anybody loses anything at once."""
        return self.audiences > 0


@dataclass(frozen=True, slots=True)
class SecretConsequences:
    """What hangs on a secret. others: how many of the client's secrets authenticate without it."""

    last_used_at: int | None
    is_usable: bool
    others: int


def of_audience(registrar: Registrar, identifier: str) -> Consequences:
    """Return what ends when an audience is disabled or removed. Raises NotFound."""
    with registrar.reading() as connection:
        audience = spellings.require_audience(connection, identifier)
        permissions = store.count_permissions(connection, store.permitted_at(audience.id))
        return _of_audiences(registrar, connection, [audience.id], permissions, is_open=_is_open(audience))


def of_service(registrar: Registrar, name: str) -> Consequences:
    """Return what ends when a service is disabled or removed. Raises NotFound."""
    with registrar.reading() as connection:
        service = services.require_service(connection, name)
        owned = store.list_issuing_ids(connection, service.id)
        permissions = store.count_permissions(connection, store.permitted_at_service(service.id))
        is_open = service.state is ServiceState.ACTIVE
        return _of_audiences(registrar, connection, owned, permissions, is_open=is_open)


def of_client(registrar: Registrar, client_id: str) -> Consequences:
    """Return what ends when a client is disabled or removed. Raises NotFound."""
    now = registrar.clock.now()
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        is_open = client.state is ClientState.ACTIVE
        return Consequences(
            audiences=store.count_audiences(connection, client.key) if is_open else 0,
            clients=int(is_open),
            families=activity.count_client_families(connection, client.key, now) if is_open else 0,
            tokens=_find_tokens(connection, registrar, store.of_client(client.key)),
            permissions=store.count_permissions(connection, store.permitted_to(client.key)),
        )


def count_families(registrar: Registrar, client: Client) -> int:
    """Return how many families of a client still give tokens; one statement."""
    with registrar.reading() as connection:
        return activity.count_client_families(connection, client.key, registrar.clock.now())


def of_permission(registrar: Registrar, client_id: str, identifier: str) -> Consequences:
    """Return what ends when a client may no longer ask for an audience. Raises NotFound."""
    now = registrar.clock.now()
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        audience = spellings.require_audience(connection, identifier)
        names = store.list_spellings(connection, [audience.id])
        families = activity.count_audience_families(connection, [audience.id], names, now, client.key)
        tokens = _find_tokens(connection, registrar, store.of_pair(client.key, audience.id))
        return Consequences(audiences=1, clients=1, families=families, tokens=tokens, permissions=1)


def of_secret(registrar: Registrar, client_id: str, secret_id: str) -> SecretConsequences:
    """Return what ends when a secret is revoked. Raises NotFound.

    Tokens are not counted by secret; access tokens and families of the client stay.
    """
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
    found = of_secrets(client, registrar.clock.now()).get(secret_id)
    if found is None:
        raise NotFound(f"{client_id} has no secret {secret_id}")
    return found


def of_secrets(client: Client, now: int) -> dict[str, SecretConsequences]:
    """Return what `of_secret` tells of each secret of a client, by its id."""
    usable = {secret.id for secret in client.secrets if secret.is_usable(now)}
    return {
        secret.id: SecretConsequences(secret.last_used_at, secret.id in usable, len(usable - {secret.id}))
        for secret in client.secrets
    }


def _of_audiences(
    registrar: Registrar,
    connection: Connection,
    audience_ids: Collection[AudienceId],
    permissions: int,
    *,
    is_open: bool,
) -> Consequences:
    tokens = _find_tokens(connection, registrar, store.for_audiences(audience_ids))
    if not is_open:
        return Consequences(audiences=0, clients=0, families=0, tokens=tokens, permissions=permissions)
    names = store.list_spellings(connection, audience_ids)
    now = registrar.clock.now()
    return Consequences(
        audiences=len(audience_ids),
        clients=store.count_clients(connection, audience_ids),
        families=activity.count_audience_families(connection, audience_ids, names, now),
        tokens=tokens,
        permissions=permissions,
    )


def _is_open(audience: Audience) -> bool:
    is_issued = audience.state in {AudienceState.ACTIVE, AudienceState.DEPRECATED}
    return is_issued and audience.service.state is ServiceState.ACTIVE


def _find_tokens(connection: Connection, registrar: Registrar, of: store.Condition) -> Tokens:
    now = registrar.clock.now()
    hour = now - now % _HOUR_SECONDS
    # A maximum that was lowered since still lives on in tokens.
    keys = [key for key in signing_keys.list_keys(connection) if key.purpose is KeyPurpose.TOKEN]
    longest = max([registrar.access_token_max_seconds, *(key.longest_lifetime_seconds for key in keys)])
    month = hour - _MONTH_SECONDS + _HOUR_SECONDS
    issued = store.find_issued(
        connection,
        of,
        since=min(month, hour - longest),
        counted_since=month,
        recent_since=hour - _DAY_SECONDS + _HOUR_SECONDS,
    )
    is_any_left = issued.last_end > now
    return Tokens(issued.last_end if is_any_left else None, issued.recent_count, issued.count)
