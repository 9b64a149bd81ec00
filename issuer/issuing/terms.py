"""The terms under which this server issues: who it is, and how long its tokens live."""

from dataclasses import dataclass

from issuer.policy.lifetimes import Lifetimes, RefreshLifetimes


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say of every token. issuer_url: the `iss`, as ISSUER_URL stands."""

    issuer_url: str
    access: Lifetimes
    refresh: RefreshLifetimes
