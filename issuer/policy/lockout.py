"""How long failed client authentications lock: after five in a row, 1 s, 2 s, 4 s … up to 15 min.

Nothing here asks who exists, so an answer that is decided here tells nobody.
"""

import ipaddress
import re
from typing import Final

from issuer.model.auth_failure import WINDOW_SECONDS, Failures, Unwritten

FREE_FAILURES: Final = 5
LONGEST_SECONDS: Final = 15 * 60
# How long a count matters: while it locks, and while a further failure would be added to it.
KEEP_SECONDS: Final = WINDOW_SECONDS + LONGEST_SECONDS

_IPV6_NETWORK_BITS = 64
_LONGEST_ADDRESS = 64
_WITH_PORT = re.compile(r"([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]+")


def seconds_left(failures: Failures, now: int) -> int:
    """Return for how long no further attempt is taken, 0 for not at all."""
    if failures.count < FREE_FAILURES or failures.last_at > now + LONGEST_SECONDS:
        # A time that far ahead is of a clock that has been set back since: it must not lock for ever.
        return 0
    # The exponent is bounded before it is used: a count grows as long as somebody tries.
    exponent = min(failures.count - FREE_FAILURES, LONGEST_SECONDS.bit_length())
    lock = min(1 << exponent, LONGEST_SECONDS)
    return max(0, min(failures.last_at + lock - now, lock))


def add(known: Failures | None, more: Unwritten) -> Failures:
    """Return the failures in a row after some more; those before a pause of 15 minutes do not count.

    Nor do those from a time that far ahead, of a clock that has been set back since: kept, they would
    keep the key from being locked until then.
    """
    new = more.failures
    if known is None or more.is_anew or abs(new.last_at - known.last_at) > WINDOW_SECONDS:
        return new
    return Failures(known.count + new.count, max(known.last_at, new.last_at))


def network_of(address: str) -> str:
    """Return what stands for an address: itself, or the /64 of IPv6, all of which one host may use.

    address: as the server or a trusted proxy tells it; a port is dropped, and what is no address stays
    as it is, but for characters that no address holds.
    """
    match = _WITH_PORT.fullmatch(address)
    bare = match[1].strip("[]") if match else address
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:
        return "".join(letter for letter in address if "!" <= letter <= "~")[:_LONGEST_ADDRESS]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), _IPV6_NETWORK_BITS), strict=False))
