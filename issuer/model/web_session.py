"""A web session: one browser in which a user has signed in."""

from dataclasses import dataclass
from typing import Final

from issuer.model.user import UserId

IDLE_SECONDS: Final = 30 * 60
ABSOLUTE_SECONDS: Final = 12 * 3600
# For how long a password that was just given stands for dangerous acts.
STEP_UP_SECONDS: Final = 5 * 60


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session as it is stored. id: for lists and for ending it; it opens nothing.

    The secret that the browser holds is not in here. user_agent: cut. Times: epoch seconds; last_seen_at
    may be a minute behind.
    """

    id: int
    user_id: UserId
    created_at: int
    last_seen_at: int
    stepped_up_at: int
    address: str
    user_agent: str
    ended_at: int | None

    @property
    def expires_at(self) -> int:
        """When it ends unless it is used again."""
        return min(self.last_seen_at + IDLE_SECONDS, self.created_at + ABSOLUTE_SECONDS)

    def is_live(self, now: int) -> bool:
        """Return whether it still opens the console."""
        return self.ended_at is None and now < self.expires_at

    def is_stepped_up(self, now: int) -> bool:
        """Return whether the password was given a short while ago."""
        return now < self.stepped_up_at + STEP_UP_SECONDS
