"""Rules on clients, their secrets and what they may ask for."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from issuer.model.audience import RESERVED_ACCESS, AudienceState
from issuer.model.client import Client, ClientId, ClientSecret
from issuer.model.finding import Finding, Severity
from issuer.model.permission import Permission
from issuer.policy.lint.registered import DAY_SECONDS, LONGEST_UNUSED_SECONDS, Registered, is_issuing
from issuer.policy.lint.wording import command

# The longest of all, by which the database is asked as well.
UNUSED_PERMISSION_DAYS: Final = LONGEST_UNUSED_SECONDS // DAY_SECONDS

_MOST_AUDIENCES: Final = 10
_OLD_SECRET_DAYS: Final = 365
_NO_EXPIRY_DAYS: Final = 180
_SOON_DAYS: Final = 14


def find_verifying_access(registered: Registered) -> Iterator[Finding]:
    """Yield clients that may ask for `access`: whoever verifies it shares its tokens with everyone."""
    for permission in registered.list_live_permissions():
        audience = permission.audience
        if audience.is_reserved and audience.identifier == RESERVED_ACCESS:
            yield _finding(
                "verifies-access",
                Severity.WARNING,
                permission.client_id,
                "It may ask for access, which names no service: each service that verifies it can use the "
                "token at all others that do.",
                "Give the service an audience of its own, then take this one back: "
                f"{command('permission', 'revoke', permission.client_id, RESERVED_ACCESS)}.",
                frozenset({RESERVED_ACCESS}),
            )


def find_many_audiences(registered: Registered) -> Iterator[Finding]:
    """Yield clients that may ask for more than ten audiences."""
    counted = Counter(permission.client_id for permission in registered.list_live_permissions())
    for client_id, number in counted.items():
        yield from judge_number(client_id, number)


def judge_number(client_id: ClientId, number: int) -> Iterator[Finding]:
    """Yield what is found at an active client that may ask for so many audiences."""
    if number > _MOST_AUDIENCES:
        yield _finding(
            "many-audiences",
            Severity.WARNING,
            client_id,
            f"It may ask for {number} audiences: whoever gets hold of its secret gets into all of them.",
            f"Divide it, and take back what it does not need: "
            f"{command('permission', 'revoke', client_id, 'IDENTIFIER')}.",
        )


def find_without_permission(registered: Registered) -> Iterator[Finding]:
    """Yield clients that may ask for nothing."""
    permitted = {permission.client_id for permission in registered.list_live_permissions()}
    for client in registered.list_active_clients():
        # One that speaks for a service asks about tokens, not for them.
        if client.client_id not in permitted and client.service is None:
            yield _finding(
                "no-permission",
                Severity.INFO,
                client.client_id,
                "It may ask for no audience for which tokens are issued, so all its requests are refused.",
                f"Permit it one, or close it: {command('client', 'disable', client.client_id)}.",
            )


def find_bad_defaults(registered: Registered) -> Iterator[Finding]:
    """Yield clients whose default audience can no longer be had, or is on its way out."""
    audiences = {audience.id: audience for audience in registered.audiences}
    permitted = {(one.client_id, one.audience.id) for one in registered.permissions}
    for client in registered.list_active_clients():
        audience = None if client.default_audience is None else audiences.get(client.default_audience)
        if audience is None:
            continue
        if not is_issuing(audience) or (client.client_id, audience.id) not in permitted:
            severity, what = Severity.ERROR, "cannot be had, so requests that name no audience are refused"
        elif audience.state is AudienceState.DEPRECATED:
            severity, what = (
                Severity.WARNING,
                "is deprecated, and requests that name no audience still get it",
            )
        else:
            continue
        yield _finding(
            "expired-default",
            severity,
            client.client_id,
            f"Its default audience {audience.identifier} {what}.",
            "Name another: "
            f"{command('client', 'change', client.client_id, '--default-audience', 'IDENTIFIER')}.",
            frozenset({audience.identifier}),
        )


def find_unused_permissions(registered: Registered) -> Iterator[Finding]:
    """Yield permissions that their clients have not used for 90 days; younger ones never."""
    since = registered.now - UNUSED_PERMISSION_DAYS * DAY_SECONDS
    for permission in registered.list_live_permissions():
        pair = (permission.client_id, permission.audience.id)
        if registered.granted_at.get(pair, registered.now) <= since and pair not in registered.last_issued_at:
            yield _unused(permission)


def find_secretless(registered: Registered) -> Iterator[Finding]:
    """Yield clients that cannot prove who they are."""
    for client in registered.list_active_clients():
        if not _list_usable(client, registered.now):
            yield _finding(
                "no-secret",
                Severity.WARNING,
                client.client_id,
                "It has no secret that still authenticates, so all its requests are refused.",
                f"Give it one: {_add_secret(client)}; or close it: "
                f"{command('client', 'disable', client.client_id)}.",
            )


def find_stale_secrets(registered: Registered) -> Iterator[Finding]:
    """Yield secrets over a year old, and those over half a year old that never expire."""
    for client in registered.list_active_clients():
        for secret in _list_usable(client, registered.now):
            days = (registered.now - secret.created_at) // DAY_SECONDS
            if days > _OLD_SECRET_DAYS:
                code, severity = "old-secret", Severity.WARNING
                why = f"Its secret {secret.id} is {days} days old: many have had the time to see it."
            elif days > _NO_EXPIRY_DAYS and secret.expires_at is None:
                code, severity = "secret-without-expiry", Severity.INFO
                why = f"Its secret {secret.id} is {days} days old and never expires."
            else:
                continue
            mend = (
                f"Give it another: {_add_secret(client)}; then, once that is in use: "
                f"{command('client', 'secret', 'revoke', client.client_id, secret.id)}."
            )
            yield _finding(code, severity, client.client_id, why, mend)


def find_expiring_secrets(registered: Registered) -> Iterator[Finding]:
    """Yield clients whose last usable secret expires within two weeks."""
    for client in registered.list_active_clients():
        ends = [secret.expires_at for secret in _list_usable(client, registered.now)]
        last = max((end for end in ends if end is not None), default=None)
        if last is None or None in ends or last - registered.now > _SOON_DAYS * DAY_SECONDS:
            continue
        days = (last - registered.now) // DAY_SECONDS
        yield _finding(
            "secret-expires-soon",
            Severity.WARNING,
            client.client_id,
            f"Its last usable secret expires in {days} days; then all its requests are refused.",
            f"Give it the next one: {_add_secret(client)}.",
        )


def _unused(permission: Permission) -> Finding:
    client_id, identifier = permission.client_id, permission.audience.identifier
    return _finding(
        f"permission-unused-{UNUSED_PERMISSION_DAYS}-days",
        Severity.WARNING,
        client_id,
        f"It got no token for {identifier} for {UNUSED_PERMISSION_DAYS} days: it does not need it.",
        f"Take it back: {command('permission', 'revoke', client_id, identifier)}.",
        frozenset({identifier}),
    )


def _list_usable(client: Client, now: int) -> list[ClientSecret]:
    return [secret for secret in client.secrets if secret.is_usable(now)]


def _add_secret(client: Client) -> str:
    return command("client", "secret", "add", client.client_id, "--expires-in-days", "365")


def _finding(
    code: str, severity: Severity, client_id: str, why: str, mend: str, concerns: frozenset[str] = frozenset()
) -> Finding:
    return Finding(code, severity, "client", client_id, why, mend, concerns)
