"""Stylesheet, scripts and icon, under an address that changes whenever one of them does.

One digest over all files, not one each: then a module may import its neighbour by a relative address.
"""

import hashlib
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, url_for

from issuer.bundle import find_folder

ENDPOINT: Final = "asset"

_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# What is not listed, such as licences and the lock file, is not served.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DIGEST_CHARACTERS = 16


class Assets:
    """The files in memory: some 60 kB, read once."""

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.suffix in _TYPES)
        self._files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self.digest = _digest(self._files)

    def find_url(self, name: str) -> str:
        """Return the address of a file; naming one that is not there is a fault of the template."""
        if name not in self._files:
            raise KeyError(name)
        return url_for(ENDPOINT, digest=self.digest, name=name)

    def show(self, digest: str, name: str) -> Response:
        """Answer with a file; 404 under any digest but today's, for those bytes are gone."""
        content = self._files.get(name)
        if content is None or digest != self.digest:
            abort(404)
        return Response(content, 200, _HEADERS, content_type=_TYPES[Path(name).suffix])


def register(app: Flask) -> None:
    """Give an application the addresses of the assets, and its templates the function `asset`."""
    assets = Assets(find_folder("static"))
    app.add_url_rule(
        "/static/<digest>/<path:name>",
        endpoint=ENDPOINT,
        view_func=assets.show,
        methods=["GET"],
        provide_automatic_options=False,
    )
    app.jinja_env.globals["asset"] = assets.find_url


def _digest(files: dict[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, content in files.items():
        whole.update(f"{name}|{len(content)}|".encode())
        whole.update(content)
    return whole.hexdigest()[:_DIGEST_CHARACTERS]
