"""Proof by password, and how long wrong ones lock a name.

Each attempt is counted before its password is looked at, and forgotten with all before it when it was
right: so attempts that come at the same moment cannot be more than those that come one by one. A name
that nobody has is counted like any other, and costs the same work.

Two counts are kept, as `policy.lockout` reckons: five wrong ones from one network lock the name for that
network, twenty-five from anywhere lock it for all. The second is there for those who guess from many
addresses; it is slower, because it lets a stranger lock somebody out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from issuer.errors import SignInFailed, SignInLocked
from issuer.model.auth_failure import Failures, Unwritten
from issuer.password_hashing import Passwords
from issuer.policy import lockout
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.store import sign_in_failures as store
from issuer.store.db import Connection

FREE_ANYWHERE: Final = 25
MOST_COUNTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says to be. canonical: empty for what cannot be a name.

    stored: the hash of the password of a user who may sign in, else None.
    """

    canonical: str
    stored: str | None = field(repr=False)
    password: str = field(repr=False)
    address: str


def prove(registrar: Registrar, passwords: Passwords, claim: Claim) -> str:
    """Return the hash to be stored from now on of a password that is right.

    Raises SignInFailed, SignInLocked with nothing checked or counted, TemporarilyUnavailable if too many
    are checked just now. Who is let in by it calls `forget_failures` in the same transaction.
    """
    network = lockout.network_of(claim.address)
    now = registrar.clock.now()
    with registrar.reading(Power.SIGN_IN) as connection:
        _refuse_locked(store.list_failures(connection, claim.canonical, network), now)
    with passwords.turn() as hasher:
        with registrar.noting(Power.SIGN_IN) as connection:
            _count_attempt(connection, claim.canonical, network, now)
        if not hasher.verify(claim.stored, claim.password) or claim.stored is None:
            raise SignInFailed(
                "no such user, or none who may sign in" if claim.stored is None else "wrong password"
            )
        return hasher.hash(claim.password) if hasher.is_outdated(claim.stored) else claim.stored


def forget_failures(connection: Connection, canonical: str, address: str) -> None:
    """Forget the wrong passwords of somebody who has just given the right one."""
    store.remove_counts(connection, canonical, {store.ANYWHERE, lockout.network_of(address)})


def _count_attempt(connection: Connection, canonical: str, network: str, now: int) -> None:
    known = store.hold_failures(connection, canonical, network, now)
    _refuse_locked(known, now)
    for place, failures in known.items():
        more = lockout.add(failures, Unwritten(Failures(1, now)))
        store.change_failures(connection, canonical, place, more)
    store.remove_oldest(connection, MOST_COUNTS)


def _refuse_locked(known: Mapping[str, Failures], now: int) -> None:
    seconds = max((_seconds_left(place, failures, now) for place, failures in known.items()), default=0)
    if seconds:
        raise SignInLocked("too many wrong passwords", seconds)


def _seconds_left(place: str, failures: Failures, now: int) -> int:
    free = FREE_ANYWHERE if place == store.ANYWHERE else lockout.FREE_FAILURES
    beyond = max(0, failures.count - free + lockout.FREE_FAILURES)
    return lockout.seconds_left(Failures(beyond, failures.last_at), now)
