"""Unseen keys: ones that other processes sign with already, and this one has not loaded yet.

They exist for a moment after `issuer key rotate --now`. A token of one is not known to be worthless, so
neither may it be called so nor its revocation be called done (RFC 7009 §2.2.1).
"""

from issuer.errors import TemporarilyUnavailable
from issuer.issuing.keyring import Keyring
from issuer.jose import unverified
from issuer.store import signing_keys
from issuer.store.db import Engine, reading


def refuse_unseen(token: str, keyring: Keyring, engine: Engine, now: int) -> None:
    """Raise TemporarilyUnavailable if a token names a key that is registered and not here yet.

    For a token that was not found to be ours: it costs a look at the database.
    """
    header = unverified.read(token).header
    kid = None if header is None else header.get("kid")
    if not isinstance(kid, str) or keyring.holds(kid):
        return
    with reading(engine) as connection:
        # Compared here: what was sent never becomes part of a statement.
        keys = [key for key in signing_keys.list_keys(connection) if key.kid == kid]
    if any(key.is_needed(now) for key in keys):
        raise TemporarilyUnavailable("the token names a key that this process does not hold yet")
