"""Many requests at one moment: sent on open connections one after the other, and only then read."""

import contextlib
import http.client
import socket
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from tests.flows.servers import PATIENCE_SECONDS, Answer


def form_request(path: str, headers: Mapping[str, str], parameters: Mapping[str, str]) -> bytes:
    """Return a POST of a form, as it goes over the wire."""
    body = urlencode(parameters).encode("ascii")
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def fire(port: int, requests: Sequence[bytes]) -> list[Answer]:
    """Send all requests, each on a connection of its own, and return their answers in the same order."""
    with contextlib.ExitStack() as stack:
        links = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS))
            for _ in requests
        ]
        sent_at = time.monotonic()
        for link, request in zip(links, requests, strict=True):
            link.sendall(request)
        return [_read(link, sent_at) for link in links]


def _read(link: socket.socket, sent_at: float) -> Answer:
    with contextlib.closing(http.client.HTTPResponse(link)) as response:
        response.begin()
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body, time.monotonic() - sent_at)
