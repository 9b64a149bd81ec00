"""Dates that admins write: a day or a moment, UTC unless it says otherwise."""

from datetime import UTC, datetime

from issuer.errors import InvalidValue

_FORM = "here stands a date such as 2027-01-31 or 2027-01-31T12:00:00Z"


def read_date(text: str) -> int:
    """Return the epoch seconds of `2027-01-31` (when that day begins) or `2027-01-31T12:00:00Z`.

    Raises InvalidValue for what is none, or in UTC lies before 1970 or after 9999: such a moment could
    not be written again.
    """
    try:
        at = datetime.fromisoformat(text)
        seconds = int((at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).timestamp())
    except (ValueError, OverflowError) as error:
        raise InvalidValue(_FORM) from error
    if seconds < 0:
        raise InvalidValue(_FORM)
    return seconds
