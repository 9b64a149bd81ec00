"""The first start, and every other: what must stand before a request is served.

Called by the parent process only. Two at once are one: a file lock beside an SQLite database, an
advisory lock on PostgreSQL.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from issuer.clock import Clock
from issuer.config import Settings
from issuer.entropy import Entropy
from issuer.errors import SchemaNotAtHead
from issuer.model.signing_key import KeyPurpose
from issuer.registry import issuer_url, key_lifetimes, signing_keys
from issuer.store import schema
from issuer.store.db import Engine, start_lock

_LOCK_FILE = "first-start.lock"


def prepare(
    settings: Settings, engine: Engine, master_keys: tuple[bytes, ...], clock: Clock, entropy: Entropy
) -> None:
    """Bring the database to where this program can serve from it; does nothing where it is.

    Schema (made and upgraded only on the embedded SQLite), the issuer's own audiences under
    ISSUER_URL, the signing keys. Raises SchemaNotAtHead, WrongMasterKey or InvalidSettings, having
    changed nothing.
    """
    with _alone(settings, engine):
        if settings.is_embedded:
            schema.set_write_ahead_log(engine)
            schema.upgrade(engine)
        check_schema(engine)
        issuer_url.align(engine, settings.url, clock)
        longest = {
            KeyPurpose.TOKEN: settings.access_token_max_seconds,
            KeyPurpose.REFRESH: settings.refresh_absolute_seconds,
        }
        signing_keys.make_first_keys(engine, master_keys, clock, entropy, longest)
        key_lifetimes.align(engine, clock, longest)


def check_schema(engine: Engine) -> None:
    """Raise SchemaNotAtHead unless the database's schema is the one this program needs."""
    revision, head = schema.current(engine), schema.head()
    if revision == head:
        return
    found = f"is at {revision}" if revision else "is empty"
    raise SchemaNotAtHead(f"The database {found}, this program needs {head}: run `issuer db upgrade` first.")


@contextmanager
def _alone(settings: Settings, engine: Engine) -> Iterator[None]:
    if not settings.is_sqlite:
        with start_lock(engine):
            yield
        return
    with _file_lock(settings.data_dir / _LOCK_FILE):
        yield


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    # Who may open the file may lock it, and keep every start waiting.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
