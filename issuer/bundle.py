"""Where the files that are not Python lie: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_BUNDLED = _PACKAGE / "_bundled"


def find_folder(name: str) -> Path:
    """Return the folder `templates`, `migrations` or `static`, which lies inside the package everywhere.

    An editable install copies the bundle into site-packages too, where it grows stale; the
    checkout's own package has no `_bundled`, so there the top level is used.
    """
    if name == "static":
        return _PACKAGE / name
    root = _BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent
    return root / name
