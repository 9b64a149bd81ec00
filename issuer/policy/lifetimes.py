"""Lifetimes: how long the tokens of some audiences live."""

from collections.abc import Sequence
from dataclasses import dataclass

from issuer.model.audience import Audience
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


def access_token_seconds(audiences: Sequence[Audience], client: Client, bounds: Lifetimes) -> int:
    """Return the life of an access token: the shortest of all that have a say.

    audiences: at least one. Each audience's own lifetime or the server's default, the client's cap
    and the server's maximum.
    """
    lifetimes = [_or(one.policy.access_token_seconds, bounds.access_token_seconds) for one in audiences]
    cap = _or(client.access_token_max_seconds, bounds.access_token_max_seconds)
    return min(*lifetimes, cap, bounds.access_token_max_seconds)


def refresh_lifetimes(audiences: Sequence[Audience], defaults: RefreshLifetimes) -> RefreshLifetimes:
    """Return how long a family of refresh tokens lives: the shortest that its audiences say.

    audiences: all of the grant, at least one; each has its own lifetimes or the server's defaults.
    Idle is never longer than absolute.
    """
    idle = min(_or(one.policy.refresh_idle_seconds, defaults.idle_seconds) for one in audiences)
    absolute = min(_or(one.policy.refresh_absolute_seconds, defaults.absolute_seconds) for one in audiences)
    return RefreshLifetimes(min(idle, absolute), absolute)


def _or(seconds: int | None, default: int) -> int:
    # Not `or`: 0 is a lifetime, and the shortest.
    return default if seconds is None else seconds
