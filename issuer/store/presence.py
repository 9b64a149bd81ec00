"""Whether the database is there, as the one thread of a process that looks has last seen it."""

from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from issuer.errors import TemporarilyUnavailable

_PRESENCE: Final = "issuer_presence"


@dataclass(slots=True)
class Presence:
    """What is known of an engine's database. Nobody waits for one that is known to be away."""

    is_away: bool = False

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Return what is known of the database of a prepared engine."""
        presence: Self = engine.get_execution_options()[_PRESENCE]
        return presence

    @classmethod
    def prepare_engine(cls, engine: Engine) -> None:
        """Make what is known of an engine's database: that it is there, until somebody looks."""
        engine.update_execution_options(**{_PRESENCE: cls()})

    def demand(self) -> None:
        """Raise TemporarilyUnavailable if the database is known to be away."""
        if self.is_away:
            raise TemporarilyUnavailable("the database is known to be away")

    def note_failure(self, cause: BaseException | None) -> None:
        """Take in why a look failed: a server that could not be reached, or said nothing, is away."""
        # One that says no is there: it is busy, or starting, and what it refuses, it refuses at once. So
        # does SQLite, and a file that another process locks is there, too.
        orig = cause.orig if isinstance(cause, OperationalError) else None
        if orig is not None and getattr(orig, "sqlstate", "") is None:
            self.is_away = True
