"""Powers: what each role may do. The one table of it; whatever is not in it is refused.

Every function of registry/ that reads or changes names the power that it takes when it opens its
transaction (`Registrar.reading`, `Registrar.change`), so that none can be called without one. The
terminal and the server itself may do everything: who runs them has the database anyway.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from issuer.errors import NotAllowed, StepUpRequired
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.user import Role
from issuer.model.web_session import STEP_UP_SECONDS


class Power(StrEnum):
    """What may be done, in the words of a refusal."""

    SIGN_IN = "signing in"
    OWN_ACCOUNT = "one's own password and sessions"
    READ = "seeing what is registered"
    READ_USERS = "seeing users and their sessions"
    READ_AUDIT = "seeing who changed what"
    AUDIENCES = "changing audiences"
    PERMISSIONS = "granting and revoking permissions"
    NEW_AUDIENCES = "registering audiences"
    AUDIENCE_REMOVAL = "removing audiences"
    SERVICES = "registering and changing services"
    SERVICE_REMOVAL = "removing services"
    CLIENTS = "registering and changing clients"
    CLIENT_REMOVAL = "removing clients"
    CLIENT_SECRETS = "making and revoking secrets of clients"
    FAMILIES = "ending refresh tokens"
    KEYS = "rotating keys"
    DOCUMENT = "applying a document"
    USERS = "registering and changing users"


# Who has not signed in.
_ANYONE: Final = frozenset({Power.SIGN_IN})
_SIGNED_IN: Final = _ANYONE | {Power.OWN_ACCOUNT, Power.READ}
# A service owner's, and only for what is of the services that this user owns.
_WITHIN_SERVICES: Final = frozenset({Power.AUDIENCES, Power.PERMISSIONS, Power.READ_AUDIT})
_ADMIN: Final = (
    _SIGNED_IN
    | _WITHIN_SERVICES
    | {
        Power.NEW_AUDIENCES,
        Power.AUDIENCE_REMOVAL,
        Power.SERVICES,
        Power.SERVICE_REMOVAL,
        Power.CLIENTS,
        Power.CLIENT_REMOVAL,
        Power.CLIENT_SECRETS,
        Power.FAMILIES,
        Power.KEYS,
        Power.DOCUMENT,
    }
)
POWERS: Final[Mapping[Role, frozenset[Power]]] = {
    Role.OWNER: _ADMIN | {Power.READ_USERS, Power.USERS},
    Role.ADMIN: _ADMIN,
    Role.AUDITOR: _SIGNED_IN | {Power.READ_USERS, Power.READ_AUDIT},
    Role.SERVICE_OWNER: _SIGNED_IN | _WITHIN_SERVICES,
}
# What a browser that was left open must not be enough for.
DANGEROUS: Final = frozenset(
    {
        Power.AUDIENCE_REMOVAL,
        Power.SERVICE_REMOVAL,
        Power.CLIENT_REMOVAL,
        Power.CLIENT_SECRETS,
        Power.FAMILIES,
        Power.KEYS,
        Power.DOCUMENT,
        Power.USERS,
    }
)


def may(actor: Actor, power: Power, service: str | None = None) -> bool:
    """Return whether an actor has a power: over a service if one is named, else over anything at all.

    For pages, to show only what can be done. Does not ask whether the password was given lately.
    """
    if actor.kind is not ActorKind.USER:
        return True
    authority = actor.authority
    if authority is None:
        return power in _ANYONE
    if power not in POWERS[authority.role]:
        return False
    return service is None or not is_limited(actor, power) or service in authority.services


def check(actor: Actor, power: Power, now: int) -> None:
    """Raise NotAllowed unless an actor has a power; StepUpRequired if the password was given too long ago."""
    if not may(actor, power):
        raise NotAllowed(f"{_describe(actor)} has no power over {power.value}")
    authority = actor.authority
    if authority is None or power not in DANGEROUS:
        return
    if not authority.stepped_up_at <= now < authority.stepped_up_at + STEP_UP_SECONDS:
        raise StepUpRequired(f"{power.value} takes the password once more")


def check_service(actor: Actor, power: Power, service: str) -> None:
    """Raise NotAllowed unless an actor has a power over what is of a service."""
    if not may(actor, power, service):
        raise NotAllowed(f"{_describe(actor)} does not own the service {service}")


def find_limit(actor: Actor, power: Power) -> frozenset[str] | None:
    """Return the names of the services over which alone an actor has a power, None for no such limit."""
    authority = actor.authority
    return authority.services if authority is not None and is_limited(actor, power) else None


def is_limited(actor: Actor, power: Power) -> bool:
    """Return whether an actor has a power over what is of named services only."""
    authority = actor.authority
    return authority is not None and authority.role is Role.SERVICE_OWNER and power in _WITHIN_SERVICES


def _describe(actor: Actor) -> str:
    if actor.authority is None:
        return "who has not signed in"
    return f"the {actor.authority.role.value.replace('_', ' ')} {actor.name}"
