"""Lifetimes: how long the tokens of some audiences live."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from issuer.model.audience import Audience, TokenPolicy
from issuer.model.client import Client


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The server's own bounds, in seconds."""

    access_token_seconds: int
    access_token_max_seconds: int


@dataclass(frozen=True, slots=True)
class RefreshLifetimes:
    """How long a refresh token may lie unused, and how long its family lives at most, in seconds."""

    idle_seconds: int
    absolute_seconds: int


class LifetimeOrigin(StrEnum):
    """Who said how long a token lives."""

    AUDIENCE = "audience"
    DEFAULT = "server default"
    CLIENT = "client cap"
    MAXIMUM = "server maximum"
    ABSOLUTE = "absolute life"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """A life in seconds, and who has the last word in it."""

    seconds: int
    origin: LifetimeOrigin


def access_token_seconds(audiences: Sequence[Audience], client: Client, bounds: Lifetimes) -> int:
    """Return the life of an access token: the shortest of all that have a say.

    audiences: at least one. Each audience's own lifetime or the server's default, the client's cap
    and the server's maximum.
    """
    lifetimes = [_or(one.policy.access_token_seconds, bounds.access_token_seconds) for one in audiences]
    cap = _or(client.access_token_max_seconds, bounds.access_token_max_seconds)
    return min(*lifetimes, cap, bounds.access_token_max_seconds)


def explain_access_token(policy: TokenPolicy, client_cap: int | None, bounds: Lifetimes) -> Lifetime:
    """Return what `access_token_seconds` says for one audience, and whose word it is.

    client_cap: the client's own cap, None for none or for clients at large. Of several who say the same,
    the audience comes first, then the client.
    """
    said = [
        _audience_or_default(policy.access_token_seconds, bounds.access_token_seconds),
        *([] if client_cap is None else [Lifetime(client_cap, LifetimeOrigin.CLIENT)]),
        Lifetime(bounds.access_token_max_seconds, LifetimeOrigin.MAXIMUM),
    ]
    return min(said, key=lambda lifetime: lifetime.seconds)


def explain_refresh(policy: TokenPolicy, defaults: RefreshLifetimes) -> tuple[Lifetime, Lifetime]:
    """Return what `refresh_lifetimes` says for one audience, idle and absolute, and whose word each is."""
    absolute = _audience_or_default(policy.refresh_absolute_seconds, defaults.absolute_seconds)
    idle = _audience_or_default(policy.refresh_idle_seconds, defaults.idle_seconds)
    if idle.seconds > absolute.seconds:
        idle = Lifetime(absolute.seconds, LifetimeOrigin.ABSOLUTE)
    return idle, absolute


def refresh_lifetimes(audiences: Sequence[Audience], defaults: RefreshLifetimes) -> RefreshLifetimes:
    """Return how long a family of refresh tokens lives: the shortest that its audiences say.

    audiences: all of the grant, at least one; each has its own lifetimes or the server's defaults.
    Idle is never longer than absolute.
    """
    idle = min(_or(one.policy.refresh_idle_seconds, defaults.idle_seconds) for one in audiences)
    absolute = min(_or(one.policy.refresh_absolute_seconds, defaults.absolute_seconds) for one in audiences)
    return RefreshLifetimes(min(idle, absolute), absolute)


def _audience_or_default(own: int | None, default: int) -> Lifetime:
    if own is None:
        return Lifetime(default, LifetimeOrigin.DEFAULT)
    return Lifetime(own, LifetimeOrigin.AUDIENCE)


def _or(seconds: int | None, default: int) -> int:
    # Not `or`: 0 is a lifetime, and the shortest.
    return default if seconds is None else seconds
