"""What the registry holds, in numbers, and what runs out: for the console's front page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of what is registered, the issuer's own and what is removed left out.

    has_issued: whether any token was ever issued. issued_in_a_day, refused_in_a_day: token requests of 24
    hours, the one that runs included.
    """

    services: int
    audiences: int
    clients: int
    permissions: int
    has_issued: bool
    issued_in_a_day: int
    refused_in_a_day: int

    @property
    def is_under_way(self) -> bool:
        """Whether every first step was taken."""
        return self.has_issued and all((self.services, self.audiences, self.clients, self.permissions))


@dataclass(frozen=True, slots=True)
class LastSecret:
    """A client that has no secret beyond a time. ends_at: epoch seconds, of the one that is good longest."""

    client_id: str
    name: str
    ends_at: int
