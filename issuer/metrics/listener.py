"""An address of its own for metrics: of several processes, one listens, and when it ends another does.

The kernel decides which: only one may have the port. It stays out of the way of the main server, so
it is the standard library's small server, with a thread for each request and a bound on slow ones.
"""

import socket
import socketserver
import threading
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from issuer.answers import Application

_SLOWEST_SECONDS = 5


class Listener:
    """Listens on an address, once it is free, and answers with an application."""

    def __init__(self, host: str, port: int, application: Application) -> None:
        self._address = (host, port)
        self._application = application
        self._server: _Server | None = None

    def try_to_listen(self) -> bool:
        """Listen if nobody does; returns whether this process is the one. Cheap: to be called again."""
        if self._server is not None:
            return True
        kind = _Server6 if ":" in self._address[0] else _Server
        with suppress(OSError):
            self._server = kind(self._address, _Handler)
        if self._server is None:
            return False
        self._server.set_app(self._application)
        threading.Thread(target=self._server.serve_forever, name="issuer-metrics", daemon=True).start()
        return True

    def stop(self) -> None:
        """Listen no more, so that another process may."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    # Two processes would share the port, and the answers.
    allow_reuse_port = False

    def server_bind(self) -> None:
        # The library's own would ask DNS for a name of the address.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a connection that broke: the library's own prints what it was about."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _SLOWEST_SECONDS

    def address_string(self) -> str:
        return str(self.client_address[0])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's own signature
        """Say nothing: the log is for tokens."""
