"""Rules on audiences and their token policies."""

from collections.abc import Iterator
from typing import Final

from issuer.model.audience import Alias, AliasMode, Audience, AudienceState, TokenTyp
from issuer.model.finding import Finding, Severity
from issuer.model.service import ServiceState
from issuer.policy.lint.registered import DAY_SECONDS, Registered, is_issuing
from issuer.policy.lint.wording import command

UNUSED_DAYS: Final = 30

_MOST_SCOPES: Final = 30
_LONG_SECONDS: Final = 3600
_TOO_LONG_SECONDS: Final = 24 * 3600
_NO_OWNERS: Final = frozenset(
    {"", "-", "?", "admin", "anybody", "n/a", "nobody", "none", "root", "tbd", "todo", "unknown"}
)


def find_unowned(registered: Registered) -> Iterator[Finding]:
    """Yield services for which nobody answers."""
    for service in registered.services:
        owner = service.owner.strip().lower()
        if service.is_builtin or service.state is ServiceState.REMOVED:
            continue
        if owner in _NO_OWNERS or owner.startswith("uid "):
            yield Finding(
                "no-owner",
                Severity.WARNING,
                "service",
                service.name,
                f"Its owner is {service.owner or 'not named'}: nobody is asked before it changes.",
                f"Name its team: {command('service', 'change', service.name, '--owner', 'TEAM')}.",
                frozenset(one.identifier for one in registered.audiences if one.service.id == service.id),
            )


def find_without_scopes(registered: Registered) -> Iterator[Finding]:
    """Yield audiences that define no scope."""
    for audience in registered.list_issuing():
        if not audience.scopes:
            yield _finding(
                "no-scopes",
                Severity.WARNING,
                audience,
                "It defines no scope, so a token opens all of the service or nothing.",
                f"Name what can be done: {_change(audience, '--add-scope', 'SCOPE')}.",
            )


def find_odd_scopes(registered: Registered) -> Iterator[Finding]:
    """Yield audiences with a scope that means everything, or with more scopes than anybody can oversee."""
    for audience in registered.list_issuing():
        wild = [scope.name for scope in audience.scopes if "*" in scope.name]
        if wild:
            yield _finding(
                "wildcard-scope",
                Severity.WARNING,
                audience,
                f"The scope {wild[0]} is compared as it stands here, and may mean everything to the service.",
                f"Name each thing by itself: {_change(audience, '--remove-scope', wild[0])}.",
            )
        if len(audience.scopes) > _MOST_SCOPES:
            yield _finding(
                "many-scopes",
                Severity.INFO,
                audience,
                f"It defines {len(audience.scopes)} scopes, which nobody oversees when permitting.",
                f"Put together what is permitted together: {_change(audience, '--remove-scope', 'SCOPE')}.",
            )


def find_orphans(registered: Registered) -> Iterator[Finding]:
    """Yield audiences that no active client may ask for."""
    permitted = {permission.audience.id for permission in registered.list_live_permissions()}
    for audience in registered.list_issuing():
        if audience.id not in permitted:
            yield _finding(
                "no-client",
                Severity.WARNING,
                audience,
                "No active client may ask for it, so nobody can call the service.",
                f"Permit one: {command('permission', 'grant', 'CLIENT_ID', audience.identifier)}.",
            )


def find_unused(registered: Registered) -> Iterator[Finding]:
    """Yield audiences that some client may ask for and none has, for 30 days; younger ones never."""
    since = registered.now - UNUSED_DAYS * DAY_SECONDS
    used = {audience_id for (_, audience_id), at in registered.last_issued_at.items() if at > since}
    permitted = {permission.audience.id for permission in registered.list_live_permissions()}
    for audience in registered.list_issuing():
        if audience.created_at <= since and audience.id in permitted - used:
            yield _finding(
                f"unused-{UNUSED_DAYS}-days",
                Severity.WARNING,
                audience,
                f"No token was issued for it for {UNUSED_DAYS} days: an open door that nobody needs.",
                f"Close it, and open it again if somebody asks: "
                f"{command('audience', 'disable', audience.identifier)}.",
            )


def find_long_lifetimes(registered: Registered) -> Iterator[Finding]:
    """Yield audiences whose access tokens live over an hour; over a day is an error."""
    bounds = registered.lifetimes
    for audience in registered.list_issuing():
        own = audience.policy.access_token_seconds
        seconds = min(bounds.access_token_seconds if own is None else own, bounds.access_token_max_seconds)
        if seconds <= _LONG_SECONDS:
            continue
        is_error = seconds > _TOO_LONG_SECONDS
        yield _finding(
            "lifetime-over-a-day" if is_error else "lifetime-over-an-hour",
            Severity.ERROR if is_error else Severity.WARNING,
            audience,
            f"Its access tokens live {seconds} seconds, and a stolen one is good for as long: services that "
            "verify by themselves never learn of a revocation.",
            f"Let clients ask again instead: {_change(audience, '--access-token-seconds', '900')}.",
        )


def find_plain_typ(registered: Registered) -> Iterator[Finding]:
    """Yield audiences whose tokens are of typ `JWT`."""
    for audience in registered.list_issuing():
        if audience.policy.typ is TokenTyp.JWT:
            yield _finding(
                "typ-jwt",
                Severity.WARNING,
                audience,
                "Its tokens are of typ JWT, as ID tokens are: only aud tells the one from the other.",
                f"Once its verifiers take at+jwt: {_change(audience, '--typ', 'at+jwt')}.",
            )


def find_deprecated(registered: Registered) -> Iterator[Finding]:
    """Yield audiences on their way out that clients still may ask for, with nowhere to go."""
    issuing = {audience.identifier for audience in registered.audiences if is_issuing(audience)}
    permitted = {permission.audience.id for permission in registered.list_live_permissions()}
    for audience in registered.list_issuing():
        if audience.state is not AudienceState.DEPRECATED or audience.id not in permitted:
            continue
        if audience.successor in issuing:
            continue
        gone = (
            f"its successor {audience.successor} is closed" if audience.successor else "no successor is named"
        )
        yield _finding(
            "no-successor",
            Severity.WARNING,
            audience,
            f"It is deprecated, clients still ask for it, and {gone}.",
            "Name where they are to go: "
            f"{command('audience', 'deprecate', audience.identifier, '--successor', 'IDENTIFIER')}.",
        )


def find_past_aliases(registered: Registered) -> Iterator[Finding]:
    """Yield audiences with an alias whose date is over."""
    for audience in registered.list_issuing():
        for alias in audience.aliases:
            if alias.until is not None and alias.until <= registered.now:
                yield _past_alias(audience, alias)


def _past_alias(audience: Audience, alias: Alias) -> Finding:
    is_dual = alias.mode is AliasMode.DUAL
    what = (
        "stands in tokens no more and is only accepted"
        if is_dual
        else "is refused to whoever still asks for it"
    )
    return _finding(
        "alias-past-date",
        Severity.INFO if is_dual else Severity.WARNING,
        audience,
        f"The date of its alias {alias.identifier} is over: it {what}.",
        f"Once nobody asks for it: {command('audience', 'alias', 'remove', alias.identifier)}.",
    )


def _change(audience: Audience, *options: str) -> str:
    return command("audience", "change", audience.identifier, *options)


def _finding(code: str, severity: Severity, audience: Audience, why: str, mend: str) -> Finding:
    name = audience.identifier
    return Finding(code, severity, "audience", name, why, mend, frozenset({name}))
