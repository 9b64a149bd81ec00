"""Who fetches the published keys: user agents, noted in memory and written about once a second.

It tells which kinds of verifiers know a key before it signs. Of what a program says of itself only the
short names of products are kept, no comments and nothing long enough to be a secret; and of names only so
many, so that whoever invents new ones makes nothing grow.
"""

import re
import threading
from dataclasses import dataclass
from typing import Final

from issuer.clock import Clock
from issuer.model.jwks_fetch import FetchKey, FetchSum
from issuer.store import jwks_fetches as store
from issuer.store.db import Engine, writing

# Of one process. Another name is one of the OTHERS until one of these has not come for an hour.
MOST_NAMES: Final = 64
LONGEST_NAME: Final = 120
FORGET_SECONDS: Final = 3600
# No product is called so: parentheses begin a comment.
OTHERS: Final = "(others)"
NOBODY: Final = "(none)"

_LONGEST_SENT = 512
_COMMENT = re.compile(r"\([^()]*\)?")
# RFC 9110 §10.1.5: a product and its version. Both short: a token of another kind would be longer.
_PRODUCT = re.compile(r"(?<![^ ])[A-Za-z][A-Za-z0-9._+-]{0,31}(?:/[A-Za-z0-9._+-]{1,23})?(?![^ ])")


@dataclass(slots=True)
class _Entry:
    """What is counted of a name and not written yet; changed in place. first_at: 0 where nothing is."""

    key: FetchKey
    first_at: int = 0
    last_at: int = 0
    count: int = 0


class FetchNotes:
    """Counts fetches by document and user agent until they are written."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[FetchKey, _Entry] = {}
        # The same ones by what is sent, so that it is read once and not at each fetch.
        self._as_sent: dict[tuple[int, str], _Entry] = {}

    def note(self, document: int, user_agent: str | None) -> None:
        """Count one fetch. document: as in `FetchKey`; user_agent: the header as sent, None for none."""
        now = self._clock.now()
        with self._lock:
            entry = self._as_sent.get((document, user_agent or ""))
            if entry is None:
                entry = self._enter(document, (user_agent or "")[:_LONGEST_SENT])
            entry.count += 1
            entry.last_at = now
            entry.first_at = entry.first_at or now

    def write_once(self) -> None:
        """Write what has come together; what cannot be written is kept for the next time.

        Raises TemporarilyUnavailable if the database is away.
        """
        with self._lock:
            sums = {
                key: FetchSum(entry.first_at, entry.last_at, entry.count)
                for key, entry in self._entries.items()
                if entry.count
            }
            for key in sums:
                self._entries[key].count = self._entries[key].first_at = 0
            self._forget_old()
        if not sums:
            return
        try:
            with writing(self._engine) as connection:
                store.add_fetches(connection, sums)
        except BaseException:
            self._put_back(sums)
            raise

    def _enter(self, document: int, sent: str) -> _Entry:
        key = FetchKey(document, _name(sent))
        if key not in self._entries and len(self._entries) >= MOST_NAMES:
            key = FetchKey(document, OTHERS)
        entry = self._entries.setdefault(key, _Entry(key))
        # Comments differ where names do not, so there may be more of these.
        if len(self._as_sent) < 4 * MOST_NAMES and key.user_agent != OTHERS:
            self._as_sent[document, sent] = entry
        return entry

    def _forget_old(self) -> None:
        before = self._clock.now() - FORGET_SECONDS
        old = {key for key, entry in self._entries.items() if not entry.count and entry.last_at < before}
        if old or len(self._as_sent) >= 4 * MOST_NAMES:
            self._entries = {key: entry for key, entry in self._entries.items() if key not in old}
            self._as_sent = {}

    def _put_back(self, sums: dict[FetchKey, FetchSum]) -> None:
        with self._lock:
            for key, one in sums.items():
                entry = self._entries.setdefault(key, _Entry(key))
                entry.count += one.count
                entry.first_at = one.first_at
                entry.last_at = max(entry.last_at, one.last_at)


def _name(sent: str) -> str:
    """Return the products that a user agent names, at most 120 characters of printable ASCII."""
    products = _PRODUCT.findall(_COMMENT.sub(" ", sent))
    name = ""
    for product in dict.fromkeys(products):
        longer = f"{name} {product}".strip()
        if len(longer) > LONGEST_NAME:
            break
        name = longer
    return name or (OTHERS if sent else NOBODY)
