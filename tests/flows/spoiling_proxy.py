"""A reverse proxy that a test can tell to get something wrong."""

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Passed:
    """An answer on its way to the client. headers: by name in lower case, to be changed at will."""

    path: str
    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def own(cls, path: str, status: int, body: bytes = b"<html>", **headers: str) -> "Passed":
        """Return an answer that the proxy gives itself."""
        return cls(path, status, {"content-type": "text/html", **headers}, body)


Spoil = Callable[[Passed], Passed]


@dataclass(slots=True)
class SpoilingProxy:
    """Passes requests on to a server on 127.0.0.1.

    target: the server's port. route: gives the path that is asked for there, None to answer with 404.
    spoil: gets each answer and returns the one to send. asked: every path so far, with its method.
    """

    target: int = 0
    route: Callable[[str], str | None] = str
    spoil: Spoil = lambda passed: passed
    asked: list[str] = field(default_factory=list)
    server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        """Listen on a free port."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy._pass(self)

            def do_POST(self) -> None:
                proxy._pass(self)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server.server_address[1]

    def mend(self) -> None:
        """Be as a proxy should."""
        self.route, self.spoil, self.asked = str, lambda passed: passed, []

    def stop(self) -> None:
        """Listen no more."""
        self.server.shutdown()
        self.server.server_close()

    def _pass(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(f"{handler.command} {handler.path}")
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        path = self.route(handler.path)
        answer = Passed.own(handler.path, 404) if path is None else self._fetch(handler, path, body)
        spoilt = self.spoil(answer)
        handler.send_response_only(spoilt.status)
        for name, value in (spoilt.headers | {"content-length": str(len(spoilt.body))}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(spoilt.body)

    def _fetch(self, handler: BaseHTTPRequestHandler, path: str, body: bytes) -> Passed:
        link = http.client.HTTPConnection("127.0.0.1", self.target, timeout=10)
        try:
            link.request(handler.command, path, body or None, dict(handler.headers))
            response = link.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Passed(handler.path, response.status, headers, response.read())
        finally:
            link.close()


def at(path: str, spoil: Spoil) -> Spoil:
    """Return a fault of the answers at one path alone."""
    return lambda passed: spoil(passed) if passed.path == path else passed


def with_headers(**headers: str) -> Spoil:
    """Return the fault that sets headers; underscores stand for dashes."""
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda passed: replace(passed, headers=passed.headers | given)


def without(name: str) -> Spoil:
    """Return the fault that drops a header."""
    return lambda passed: replace(
        passed, headers={each: text for each, text in passed.headers.items() if each != name}
    )


def with_members(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Spoil:
    """Return the fault that changes the JSON object in a body."""
    return lambda passed: replace(passed, body=json.dumps(change(json.loads(passed.body))).encode())


def with_issuer(change: Callable[[str], object]) -> Spoil:
    """Return the fault that changes the issuer in a body."""
    return with_members(lambda members: members | {"issuer": change(members["issuer"])})


def answering(status: int, **headers: str) -> Spoil:
    """Return the fault of a proxy that answers itself."""
    return lambda passed: Passed.own(passed.path, status, **headers)
