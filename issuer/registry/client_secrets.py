"""Secrets of clients: made here, shown once, stored as their hash; several at a time, so they can overlap."""

import hmac
from dataclasses import replace
from typing import Final

from issuer import hashing
from issuer.errors import Conflict, InvalidValue, NotFound
from issuer.model.client import SECRET_PREFIX, ClientId, ClientKey, ClientSecret
from issuer.policy import free_text
from issuer.registry import client_rules, descriptions
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.store import client_secrets as store
from issuer.store.db import Connection

MOST_USABLE: Final = 10
MOST_DAYS: Final = 3650

_DAY_SECONDS = 24 * 3600


def add_secret(
    registrar: Registrar,
    client_id: str,
    label: str = "",
    expires_in_days: int | None = None,
    *,
    secret_id: str | None = None,
) -> tuple[ClientSecret, str]:
    """Give a client another secret and return it with its text, which nobody can show again.

    expires_in_days: 1 to 3650, None for no end. secret_id: as `Entropy.suffix` makes them, so that asking
    twice makes one; None to have one made. Raises InvalidValue, NotFound, or Conflict if the client is
    removed or has 10 usable secrets, or the secret_id is taken.
    """
    free_text.check_text(label, "the label", free_text.LONGEST_NAME)
    if expires_in_days is not None and not 1 <= expires_in_days <= MOST_DAYS:
        raise InvalidValue(f"a secret expires in 1 to {MOST_DAYS} days, or never")
    with registrar.change(Power.CLIENT_SECRETS) as change:
        client = client_rules.require_changeable(change.connection, client_id)
        usable = [secret for secret in client.secrets if secret.is_usable(change.now)]
        if len(usable) >= MOST_USABLE:
            raise Conflict(f"{client_id} has {MOST_USABLE} usable secrets; revoke one first")
        expires_at = None if expires_in_days is None else change.now + expires_in_days * _DAY_SECONDS
        if secret_id is not None:
            _check_free(change.connection, secret_id)
        made = make_secret(registrar, change, client.key, label, expires_at, secret_id)
        record_secret(change, client.client_id, None, made[0])
        change.concerns_client(client.key)
    return made


def revoke_secret(registrar: Registrar, client_id: str, secret_id: str) -> ClientSecret:
    """Make a secret useless from now on, the last one too. Twice is once. Raises NotFound."""
    with registrar.change(Power.CLIENT_SECRETS) as change:
        client = client_rules.require_client(change.connection, client_id)
        found = next((secret for secret in client.secrets if secret.id == secret_id), None)
        if found is None:
            raise NotFound(f"{client_id} has no secret {secret_id}")
        revoked = found if found.revoked_at is not None else write_revoked(change, client.client_id, found)
        change.concerns_client(client.key)
    return revoked


def is_secret_of(registrar: Registrar, client_id: str, text: str) -> bool:
    """Return whether a text is a secret that authenticates this client now. Raises NotFound."""
    presented = hashing.hash_secret(text)
    with registrar.reading(Power.CLIENTS) as connection:
        client = client_rules.require_client(connection, client_id)
    now = registrar.clock.now()
    usable = [secret for secret in client.secrets if secret.is_usable(now)]
    return any(hmac.compare_digest(secret.secret_hash, presented) for secret in usable)


def make_secret(
    registrar: Registrar,
    change: Change,
    client_key: ClientKey,
    label: str,
    expires_at: int | None,
    secret_id: str | None = None,
) -> tuple[ClientSecret, str]:
    """Store a new secret of a client and return it with its text. For use inside a transaction.

    secret_id: one that is free, None to have one made. Raises NotAllowed or StepUpRequired, whatever the
    transaction was opened for: a client's first secret is one as well.
    """
    change.require(Power.CLIENT_SECRETS)
    text = SECRET_PREFIX + registrar.entropy.secret()
    secret = ClientSecret(
        id=secret_id or _make_id(registrar, change.connection),
        label=label,
        secret_hash=hashing.hash_secret(text),
        created_at=change.now,
        last_used_at=None,
        expires_at=expires_at,
        revoked_at=None,
    )
    store.add_secret(change.connection, client_key, secret)
    return secret, text


def write_revoked(change: Change, client_id: ClientId, secret: ClientSecret) -> ClientSecret:
    """Revoke a secret that is not revoked yet, and return it. For use inside a transaction."""
    revoked = replace(secret, revoked_at=change.now)
    store.change_revoked(change.connection, secret.id, change.now)
    record_secret(change, client_id, secret, revoked)
    return revoked


def record_secret(
    change: Change, client_id: ClientId, before: ClientSecret | None, after: ClientSecret
) -> None:
    """Add the audit event of a secret that was made or revoked."""
    action = "client.secret_added" if before is None else "client.secret_revoked"
    was = None if before is None else descriptions.of_secret(before)
    change.record(action, "client", client_id, was, descriptions.of_secret(after))


def _check_free(connection: Connection, secret_id: str) -> None:
    client_rules.check_suffix(secret_id)
    if store.is_taken(connection, secret_id):
        raise Conflict(f"the secret {secret_id} is there already, and was shown when it was made")


def _make_id(registrar: Registrar, connection: Connection) -> str:
    secret_id = registrar.entropy.suffix()
    while store.is_taken(connection, secret_id):
        secret_id = registrar.entropy.suffix()
    return secret_id
