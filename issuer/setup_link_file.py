"""The file in which a started server leaves the set-up link, where nobody watches it start.

Never a log: logs are kept, and shipped to where others read them.
"""

import os
from pathlib import Path
from typing import Final

from issuer.entropy import Entropy

FILE_NAME: Final = "setup-link"


def write(folder: Path, link: str, entropy: Entropy) -> Path:
    """Put a link into its file in a folder, whole, for the folder's owner only; return the file's path.

    Raises OSError.
    """
    path = folder / FILE_NAME
    temporary = folder / f".{FILE_NAME}-{entropy.identifier()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(link + "\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def remove(folder: Path) -> None:
    """Remove the file if it is there. Raises OSError."""
    (folder / FILE_NAME).unlink(missing_ok=True)
