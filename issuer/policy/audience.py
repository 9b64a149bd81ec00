"""Which audiences a request gets: the one place where that is decided.

The decision sees what is asked, what the client may ask for, and the time; nothing else. It gives
permissions, whose audiences carry the registered spelling: no word of the request reaches a token.
"""

from collections.abc import Iterable

from issuer.errors import InvalidGrant, InvalidScope, InvalidTarget
from issuer.model.audience import (
    RESERVED_ACCESS,
    RESERVED_REFRESH,
    Alias,
    AliasMode,
    Audience,
    AudienceId,
    AudienceState,
)
from issuer.model.permission import ClientRecord, Permission, SubjectKind
from issuer.model.service import ServiceState
from issuer.model.token_plan import Grant, TargetRequest
from issuer.policy import identifiers, scopes

_ISSUING_STATES = frozenset({AudienceState.ACTIVE, AudienceState.DEPRECATED})


def choose(
    request: TargetRequest,
    asked_scopes: frozenset[str],
    record: ClientRecord,
    kind: SubjectKind,
    now: int,
    grant: Grant | None = None,
) -> tuple[Permission, ...]:
    """Return the permissions whose audiences the token gets, in order of registration; at least one.

    asked_scopes: without those that address the issuer. kind: whom the token will speak of.
    grant: what a code or refresh token covers, None where a grant starts afresh.
    Raises InvalidTarget, InvalidScope or, where a grant has lost what it covered, InvalidGrant.
    """
    _check_resources(request)
    if grant is not None:
        chosen = _choose_of_grant(request, grant, record, kind, now)
    elif request.resources or request.audiences:
        chosen = _choose_asked(request, record, kind, now)
    else:
        chosen = [_choose_default(asked_scopes, record, kind)]
    by_id = {permission.audience.id: permission for permission in chosen}
    together = tuple(by_id[audience_id] for audience_id in sorted(by_id))
    reason = _apart_because(together)
    if reason:
        # What was granted together and is apart since is lost, like a permission: the client starts afresh.
        raise (InvalidTarget if grant is None else InvalidGrant)(reason)
    return together


def emitted_identifiers(audience: Audience, now: int) -> tuple[str, ...]:
    """Return what stands in `aud` for one audience: its identifier, then its aliases that are dual now."""
    if not audience.aliases:
        return (audience.identifier,)
    return (audience.identifier, *(alias.identifier for alias in audience.aliases if _is_dual(alias, now)))


def find_permission(identifier: str, record: ClientRecord, now: int) -> Permission | None:
    """Return the permission whose audience bears this identifier now, whatever its state, else None.

    Exact spelling first, then canonical equality of http and https URIs, then aliases.
    """
    for permission in record.permissions:
        if permission.audience.identifier == identifier:
            return permission
    # Plain names compare byte for byte, though no two that differ in case alone are registered.
    form = identifiers.comparison_form(identifier) if ":" in identifier else None
    for permission in record.permissions:
        if permission.audience.canonical == form:
            return permission
    for permission in record.permissions:
        if permission.audience.aliases and _has_alias(permission.audience, identifier, form, now):
            return permission
    return None


def list_granted(grant: Grant, record: ClientRecord, now: int) -> tuple[Permission, ...]:
    """Return the permissions, whatever their state, whose audiences a grant covers.

    Each once; audiences no longer permitted to the client at all are left out.
    """
    found = (find_permission(name, record, now) for name in grant.audiences)
    return tuple(
        {permission.audience.id: permission for permission in found if permission is not None}.values()
    )


def _check_resources(request: TargetRequest) -> None:
    for resource in request.resources:
        if not identifiers.is_absolute_uri(resource):
            raise InvalidTarget("a resource is no absolute URI without fragment (RFC 8707 section 2)")


def _choose_asked(
    request: TargetRequest, record: ClientRecord, kind: SubjectKind, now: int
) -> list[Permission]:
    sides = [
        {permission.audience.id: permission for permission in _find_all_usable(names, record, kind, now)}
        for names in (request.resources, request.audiences)
        if names
    ]
    if sides[0].keys() != sides[-1].keys():
        raise InvalidTarget("resource and audience name different targets")
    return list(sides[0].values())


def _find_all_usable(
    names: Iterable[str], record: ClientRecord, kind: SubjectKind, now: int
) -> Iterable[Permission]:
    for name in dict.fromkeys(names):
        permission = find_permission(name, record, now)
        if permission is None:
            raise InvalidTarget(f"this client has no permission for {name!r}")
        reason = _unusable_because(permission, kind)
        if reason:
            raise InvalidTarget(reason)
        yield permission


def _choose_default(asked_scopes: frozenset[str], record: ClientRecord, kind: SubjectKind) -> Permission:
    # Disabled audiences count here and are refused after: otherwise disabling one would silently
    # turn the tokens of a client that names none towards another.
    offered = [
        permission
        for permission in record.permissions
        if permission.subject.covers(kind) and permission.audience.state is not AudienceState.REMOVED
    ]
    default = record.client.default_audience
    if asked_scopes:
        permission = _choose_by_scopes(asked_scopes, offered, default)
    else:
        permission = _choose_without_scopes(offered, default)
    reason = _unusable_because(permission, kind)
    if reason:
        raise InvalidTarget(f"no target is named, and the one it means cannot be used: {reason}")
    return permission


def _choose_by_scopes(
    asked_scopes: frozenset[str], offered: list[Permission], default: AudienceId | None
) -> Permission:
    defining = [permission for permission in offered if scopes.defines_all(permission, asked_scopes)]
    if not defining:
        raise InvalidScope("no permitted audience defines all the scopes asked for")
    if len(defining) == 1:
        return defining[0]
    for permission in defining:
        if permission.audience.id == default:
            return permission
    raise InvalidTarget("no target is named, several define the scopes, and none of them is the default")


def _choose_without_scopes(offered: list[Permission], default: AudienceId | None) -> Permission:
    if default is not None:
        for permission in offered:
            if permission.audience.id == default:
                return permission
        # Never another one instead: the client would not notice whose token it got.
        raise InvalidTarget("no target is named, and the default is removed or not permitted to this client")
    if not offered:
        raise InvalidTarget("no target is named, and no audience is permitted to this client")
    if len(offered) == 1:
        return offered[0]
    for permission in offered:
        if permission.audience.is_reserved and permission.audience.identifier == RESERVED_ACCESS:
            return permission
    raise InvalidTarget("no target is named, several are permitted, and none of them is the default")


def _choose_of_grant(
    request: TargetRequest, grant: Grant, record: ClientRecord, kind: SubjectKind, now: int
) -> list[Permission]:
    if not grant.audiences:
        raise InvalidGrant("the grant covers no audience")
    held = {name: find_permission(name, record, now) for name in grant.audiences}
    named = [
        {_name_in_grant(name, held, record, now) for name in names}
        for names in (request.resources, request.audiences)
        if names
    ] or [set(grant.audiences)]
    if named[0] != named[-1]:
        raise InvalidTarget("resource and audience name different targets")
    return [_still_usable(name, held[name], kind) for name in grant.audiences if name in named[0]]


def _name_in_grant(name: str, held: dict[str, Permission | None], record: ClientRecord, now: int) -> str:
    found = find_permission(name, record, now)
    form = identifiers.comparison_form(name)
    for granted, permission in held.items():
        if permission is None:
            is_meant = form == identifiers.comparison_form(granted)
        else:
            is_meant = found is not None and found.audience.id == permission.audience.id
        if is_meant:
            return granted
    raise InvalidTarget(f"{name!r} is not among the audiences of the grant")


def _still_usable(name: str, permission: Permission | None, kind: SubjectKind) -> Permission:
    if permission is None:
        raise InvalidGrant(f"{name} was granted once and is no longer permitted to this client")
    reason = _unusable_because(permission, kind)
    if reason:
        raise InvalidGrant(reason)
    return permission


def _unusable_because(permission: Permission, kind: SubjectKind) -> str:
    audience = permission.audience
    if audience.canonical == RESERVED_REFRESH:
        return "refresh is the audience of refresh tokens, which no access token opens"
    if audience.state not in _ISSUING_STATES:
        return f"the audience {audience.identifier} is {audience.state}"
    if audience.service.state is not ServiceState.ACTIVE:
        return f"the service {audience.service.name} of {audience.identifier} is {audience.service.state}"
    if not permission.subject.covers(kind):
        return f"{audience.identifier} is permitted for subjects of kind {permission.subject}, not {kind}"
    return ""


def _apart_because(chosen: tuple[Permission, ...]) -> str:
    """Return why audiences may not stand in one token, "" where they may."""
    if len(chosen) == 1:
        return ""
    audiences = [permission.audience for permission in chosen]
    if any(audience.is_reserved for audience in audiences):
        return "an audience of the issuer itself never stands in one token with another"
    for audience in audiences:
        if audience.has_own_key:
            return (
                f"{audience.identifier} has a key of its own, which signs for no other: "
                "ask for one token each"
            )
    first = audiences[0]
    for audience in audiences[1:]:
        if not _may_stand_with(first, audience):
            return (
                f"{first.identifier} and {audience.identifier} belong neither to one service "
                "nor to one trust group: ask for one token each"
            )
        if (first.policy.signing_alg, first.policy.typ) != (audience.policy.signing_alg, audience.policy.typ):
            return (
                f"{first.identifier} and {audience.identifier} differ in signing algorithm or typ: "
                "ask for one token each"
            )
    return ""


def _may_stand_with(one: Audience, other: Audience) -> bool:
    if one.service.id == other.service.id:
        return True
    return one.service.trust_group is not None and one.service.trust_group == other.service.trust_group


def _has_alias(audience: Audience, identifier: str, form: str | None, now: int) -> bool:
    return any(
        (alias.identifier == identifier or alias.canonical == form) and _is_accepted(alias, now)
        for alias in audience.aliases
    )


def _is_accepted(alias: Alias, now: int) -> bool:
    return alias.mode is AliasMode.DUAL or alias.until is None or now < alias.until


def _is_dual(alias: Alias, now: int) -> bool:
    return alias.mode is AliasMode.DUAL and (alias.until is None or now < alias.until)
