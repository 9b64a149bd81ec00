"""Timelines of keys, worked out here so that a template only prints: places are per cent of the width."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from issuer.model.signing_key import KeyState, StoredKey

MOST_LANES: Final = 6

_DAY: Final = 24 * 3600
_NEAREST: Final = _DAY
_FARTHEST: Final = 120 * _DAY
# Of what is shown, beside it on both sides.
_MARGIN: Final = 0.04
# A span that is shorter is still to be seen.
_NARROWEST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a key's life. state: what it is in then; x, width: per cent."""

    state: KeyState
    x: float
    width: float
    begins: int
    ends: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of a key's life. what: `horizon` or `last-token`; x: per cent."""

    what: str
    x: float
    at: int


@dataclass(frozen=True, slots=True)
class Lane:
    """The life of one key."""

    key: StoredKey
    spans: tuple[Span, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Keys that follow one another, the newest first. now: per cent; begins, ends: epoch seconds."""

    begins: int
    ends: int
    now: float
    lanes: tuple[Lane, ...]


def draw(keys: Sequence[StoredKey], now: int, horizon_seconds: int) -> Timeline:
    """Return the timeline of a line's keys. horizon_seconds: how long caches go on without a new key.

    Keys that are removed are left out, and of the others all but the newest few; what lies more than 120
    days ahead is cut off, and of the past what is longer ago than that.
    """
    shown = [key for key in keys if key.state(now) is not KeyState.REMOVED][:MOST_LANES]
    scale = _Scale.of(shown, now)
    lanes = tuple(
        Lane(key, tuple(_list_spans(key, scale)), tuple(_list_marks(key, now, horizon_seconds, scale)))
        for key in shown
    )
    return Timeline(scale.begins, scale.ends, scale.place(now), lanes)


@dataclass(frozen=True, slots=True)
class _Scale:
    begins: int
    ends: int

    @classmethod
    def of(cls, keys: Iterable[StoredKey], now: int) -> "_Scale":
        times = [at for key in keys for at in _list_times(key)]
        last = min(max([*times, now + _NEAREST]), now + _FARTHEST)
        # What is to come is asked for more often than what was: as much of that at the most.
        first = max(min([*times, now - _NEAREST]), now - (last - now))
        margin = int((last - first) * _MARGIN)
        return cls(first - margin, last + margin)

    def place(self, at: int) -> float:
        inside = min(max(at, self.begins), self.ends)
        return round(100 * (inside - self.begins) / (self.ends - self.begins), 2)


def _list_times(key: StoredKey) -> Iterator[int]:
    yield from (key.published_at, key.signs_from)
    yield from (at for at in (key.signs_until, key.verify_until, key.compromised_at) if at is not None)


def _list_spans(key: StoredKey, scale: _Scale) -> Iterator[Span]:
    """Yield what a key is in turn; a compromised one ends when it was found out."""
    found_out = key.compromised_at
    parts: list[tuple[KeyState, int, int | None]] = [(KeyState.PENDING, key.published_at, key.signs_from)]
    parts.append((KeyState.ACTIVE, key.signs_from, key.signs_until))
    if key.signs_until is not None:
        parts.append((KeyState.RETIRED, key.signs_until, key.verify_until))
    for state, begins, ends in parts:
        last = ends if found_out is None or (ends is not None and ends < found_out) else found_out
        if last is None or last > begins:
            yield _span(state, begins, last, scale)
    if found_out is not None:
        yield _span(KeyState.COMPROMISED, found_out, None, scale)


def _span(state: KeyState, begins: int, ends: int | None, scale: _Scale) -> Span:
    x = scale.place(begins)
    width = scale.place(scale.ends if ends is None else ends) - x
    return Span(state, x, round(max(width, _NARROWEST), 2), begins, ends)


def _list_marks(key: StoredKey, now: int, horizon_seconds: int, scale: _Scale) -> Iterator[Mark]:
    if key.compromised_at is not None:
        return
    horizon = key.published_at + horizon_seconds
    is_awaited = key.public_jwk is not None and (key.state(now) is KeyState.PENDING or now < horizon)
    if is_awaited and scale.begins <= horizon <= scale.ends:
        yield Mark("horizon", scale.place(horizon), horizon)
    if key.signs_until is None or key.signs_until == key.signs_from:
        return
    last = key.signs_until + key.longest_lifetime_seconds
    if scale.begins <= last <= scale.ends:
        yield Mark("last-token", scale.place(last), last)
