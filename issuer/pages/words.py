"""Times, durations and counts in words, as pages print them."""

import json
import time

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR = 365 * _DAY
_UNITS = ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1, "s"))
_LONG_UNITS = ((_YEAR, "year"), (30 * _DAY, "month"), (_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"))
_JUST_NOW_SECONDS = 45


def duration(seconds: int) -> str:
    """Return a duration in its two largest units: `15 min`, `1 h 30 min`, `14 d`."""
    parts = []
    rest = seconds
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def relative(at: int, now: int) -> str:
    """Return a time as seen from now: `just now`, `3 minutes ago`, `in 2 days`. Both: epoch seconds."""
    distance = abs(now - at)
    if distance < _JUST_NOW_SECONDS:
        return "just now" if at <= now else "in a moment"
    size, unit = next((each for each in _LONG_UNITS if distance >= each[0]), _LONG_UNITS[-1])
    count = max(1, distance // size)
    words = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{words} ago" if at <= now else f"in {words}"


def exact_time(at: int) -> str:
    """Return epoch seconds for people: `2027-01-15 08:00:00 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))


def iso_time(at: int) -> str:
    """Return epoch seconds for machines (RFC 3339): `2027-01-15T08:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def pretty_json(value: object) -> str:
    """Return a value as JSON for people, on lines of its own."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def count(number: int) -> str:
    """Return a number with its thousands apart: `10,234`."""
    return f"{number:,}"
