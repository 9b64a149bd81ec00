"""The last refusals of clients, with their particulars: for admins who are asked why it does not work.

Requests only put them into memory; a thread writes them about once a second, with the counts. Only clients
that have proved who they are leave any, each a few at a time: whoever asks in vain in a loop is told of once
or twice a second and counted for the rest. What is in memory is lost if the process is killed: the log lines
are the record.
"""

import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from issuer.errors import TemporarilyUnavailable
from issuer.model.audience import AudienceId
from issuer.model.client import ClientKey
from issuer.model.refusal_note import RefusalNote
from issuer.policy import identifiers
from issuer.store import refusals as store
from issuer.store.db import Engine, writing

# Between two times of writing.
MOST_OF_A_CLIENT: Final = 3
MOST_CLIENTS: Final = 30
REMOVED_AT_ONCE: Final = 500

_MOST_ASKED: Final = 4
_LONGEST: Final = 255
_LONGEST_REASON: Final = 500
_LONGEST_GRANT_TYPE: Final = 64


class RefusalNotes:
    """Refusals that wait to be written: the newest of each client."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._waiting: dict[ClientKey, list[RefusalNote]] = {}
        self._left_out: dict[ClientKey, int] = {}
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many refusals this process has not kept, since its start."""
        return self._dropped

    def note(self, note: RefusalNote) -> None:
        """Remember a refusal until it is written; texts in it are cut and made harmless."""
        cut = _cut(note)
        with self._lock:
            mine = self._waiting.get(note.client_key)
            if mine is None:
                if len(self._waiting) >= MOST_CLIENTS:
                    self._dropped += 1
                    return
                self._waiting[note.client_key] = [cut]
                return
            mine.append(cut)
            if len(mine) > MOST_OF_A_CLIENT:
                del mine[0]
                self._dropped += 1
                self._left_out[note.client_key] = self._left_out.get(note.client_key, 0) + 1

    def write_once(self) -> None:
        """Write what waits. If the database is away it goes on waiting; raises TemporarilyUnavailable."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            left_out, self._left_out = self._left_out, {}
        notes = _with_left_out(waiting, left_out)
        if not notes:
            return
        try:
            with writing(self._engine) as connection:
                targets = {target for note in notes for target in note.asked}
                found = store.find_spellings(connection, _canonical_forms(targets))
                store.add_refusals(
                    connection, [(note, _first(note, found)) for note in notes], REMOVED_AT_ONCE
                )
        except TemporarilyUnavailable:
            self._put_back(waiting, left_out)
            raise

    def _put_back(self, waiting: dict[ClientKey, list[RefusalNote]], left_out: dict[ClientKey, int]) -> None:
        with self._lock:
            for key, earlier in waiting.items():
                if key not in self._waiting and len(self._waiting) >= MOST_CLIENTS:
                    self._dropped += len(earlier)
                    continue
                every = [*earlier, *self._waiting.get(key, ())]
                self._waiting[key] = every[-MOST_OF_A_CLIENT:]
                more = len(every) - len(self._waiting[key])
                self._dropped += more
                self._left_out[key] = self._left_out.get(key, 0) + left_out.get(key, 0) + more


def _with_left_out(
    waiting: dict[ClientKey, list[RefusalNote]], left_out: dict[ClientKey, int]
) -> list[RefusalNote]:
    """Return all that waits in order of time; the first of each client tells how many went before it."""
    notes = [
        replace(note, left_out=left_out.get(key, 0)) if place == 0 else note
        for key, mine in waiting.items()
        for place, note in enumerate(mine)
    ]
    return sorted(notes, key=lambda note: note.at)


def _cut(note: RefusalNote) -> RefusalNote:
    return replace(
        note,
        asked=tuple(_printable(target, _LONGEST) for target in note.asked[:_MOST_ASKED]),
        grant_type=_printable(note.grant_type, _LONGEST_GRANT_TYPE),
        reason=_printable(note.reason, _LONGEST_REASON),
        request_id=_printable(note.request_id, _LONGEST),
        address=_printable(note.address, _LONGEST),
    )


def _printable(text: str, longest: int) -> str:
    # No NUL or lone surrogate, which databases refuse, and nothing that turns the direction of a page.
    return "".join(one if one.isprintable() else "\ufffd" for one in text[:longest])


def _canonical_forms(targets: Iterable[str]) -> dict[str, str]:
    # As the decision compares (policy.audience): plain names by themselves alone, whatever their case.
    return {target: identifiers.comparison_form(target) if ":" in target else "" for target in targets}


def _first(note: RefusalNote, found: dict[str, AudienceId]) -> AudienceId | None:
    return next((found[target] for target in note.asked if target in found), None)
