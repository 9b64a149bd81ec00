"""Lifetimes: how long an access token of some audiences lives for a client."""

from collections.abc import Sequence
from dataclasses import dataclass

from issuer.model.audience import Audience
from issuer.model.client import Client


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The server's own bounds, in seconds."""

    access_token_seconds: int
    access_token_max_seconds: int


def access_token_seconds(audiences: Sequence[Audience], client: Client, bounds: Lifetimes) -> int:
    """Return the life of an access token: the shortest of all that have a say.

    audiences: at least one. Each audience's own lifetime or the server's default, the client's cap
    and the server's maximum.
    """
    lifetimes = [
        audience.policy.access_token_seconds or bounds.access_token_seconds for audience in audiences
    ]
    lifetimes.append(bounds.access_token_max_seconds)
    if client.access_token_max_seconds is not None:
        lifetimes.append(client.access_token_max_seconds)
    return min(lifetimes)
