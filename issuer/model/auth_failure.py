"""Failed client authentications, as they are counted."""

from dataclasses import dataclass
from typing import Final, NamedTuple

# Stands for whoever asks from an address, registered or not.
ANYONE: Final = 0
# After so long a pause a failure begins a new row of failures.
WINDOW_SECONDS: Final = 15 * 60


class FailureKey(NamedTuple):
    """Whose failures are counted together: of one client, or of ANYONE, from one network."""

    client_key: int
    network: str


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures in a row. last_at: epoch seconds of the last one, or of the success that ended them."""

    count: int
    last_at: int


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What one process has counted since it last wrote. is_anew: after a success, so from nothing."""

    failures: Failures
    is_anew: bool = False
