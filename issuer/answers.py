"""WSGI answers: a status, headers and bytes, without a framework.

What Flask and Werkzeug do for one answer costs several signatures, so the endpoints that machines
call all day answer through these few lines.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

# A WSGI environment holds values of any kind, and start_response takes what PEP 3333 says.
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers = list[tuple[str, str]]

REQUEST_ID: Final = "issuer.request_id"
NO_STORE: Final = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
JSON: Final = ("Content-Type", "application/json")

# Any JSON value as ASCII without white space.
encode_json = json.JSONEncoder(separators=(",", ":")).encode

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def answer(
    environ: Environ, start_response: StartResponse, status: int, headers: Headers, body: bytes
) -> Iterable[bytes]:
    """Send status, headers and body with their length and the request's id; HEAD gets no body."""
    headers.append(("Content-Length", str(len(body))))
    headers.append(("X-Request-ID", environ.get(REQUEST_ID, "")))
    start_response(_STATUS_LINES[status], headers)
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def answer_json(
    environ: Environ,
    start_response: StartResponse,
    status: int,
    content: Mapping[str, object],
    headers: Iterable[tuple[str, str]] = NO_STORE,
) -> Iterable[bytes]:
    """Send a JSON object; `no-store` unless the headers given say otherwise."""
    return answer(environ, start_response, status, [JSON, *headers], encode_json(content).encode("ascii"))
