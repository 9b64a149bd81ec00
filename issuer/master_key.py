"""The master key, which seals the private keys in the database.

It is set by the operator. Only where the database is the embedded file is it made here, once, and
kept beside that file: somebody who tries the server out has nothing to prepare.
"""

import base64
import os
from pathlib import Path

from issuer import config
from issuer.config import Settings
from issuer.entropy import Entropy
from issuer.errors import InvalidSettings

FILE_NAME = "master-key"

_KEY_BYTES = 32
_HOW_TO_MAKE_ONE = 'python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'


def find_or_make_master_key(settings: Settings, entropy: Entropy) -> tuple[bytes, ...]:
    """Return the master keys, 32 bytes each, at least one: the first seals, all of them open.

    The data directory must exist where the key is made. Two processes at once get the same key.
    Raises InvalidSettings if none is set and none may be made, or if its file is unfit.
    """
    if settings.master_key:
        return settings.master_key
    if not settings.is_embedded:
        raise InvalidSettings(
            f"ISSUER_MASTER_KEY is required with this database. Make one with {_HOW_TO_MAKE_ONE} and "
            "keep it apart from the database's backups: without it the signing keys cannot be opened."
        )
    path = settings.data_dir / FILE_NAME
    try:
        if not path.exists():
            _make(path, entropy)
        return _read(path)
    except OSError as error:
        raise InvalidSettings(
            f"The master key {path} cannot be read or made: {error.strerror}. "
            "Put that right or set ISSUER_MASTER_KEY."
        ) from error


def _read(path: Path) -> tuple[bytes, ...]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise InvalidSettings(f"The master key {path} is open to others than its owner: chmod 600 {path}")
        content = file.read()
    try:
        return config.parse_master_key(content.decode("ascii").removesuffix("\n"))
    except ValueError:
        refusal = InvalidSettings(
            f"The file {path} does not hold a master key. Restore it from a backup: with another key "
            "the signing keys in the database cannot be opened."
        )
    # Outside the handler: a decoding error holds what was read.
    raise refusal


def _make(path: Path, entropy: Entropy) -> None:
    """Put a new key at `path`, whole or not at all, unless another process does so first."""
    text = base64.urlsafe_b64encode(entropy.draw(_KEY_BYTES))
    temporary = path.with_name(f".{FILE_NAME}-{entropy.identifier()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _link(temporary, path)
    finally:
        temporary.unlink()
    _sync_directory(path.parent)


def _link(temporary: Path, path: Path) -> None:
    # A link, unlike a rename, does not replace what another process put there meanwhile.
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
