"""A TCP proxy that cuts a connection at a chosen moment: what is said there is lost on its way."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from enum import Enum, auto


class Towards(Enum):
    """Whom some octets are for."""

    SERVER = auto()
    CLIENT = auto()


# Looks at what is about to be passed on. Returns how many octets of it still are before the connection
# is cut, or None to pass it on and not cut.
Rule = Callable[[Towards, bytes], int | None]


def pass_on(_towards: Towards, _octets: bytes) -> None:
    """Cut nothing."""


class CuttingProxy:
    """Passes octets on between whoever connects to `port` and a server on 127.0.0.1.

    rule: may be replaced at any time. lost: what was not passed on, in order.
    """

    def __init__(self, target: int) -> None:
        self.rule: Rule = pass_on
        self.lost: list[bytes] = []
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        _close(self._listener)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for ends in ((near, far, Towards.SERVER), (far, near, Towards.CLIENT)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, towards: Towards) -> None:
        with contextlib.suppress(OSError):
            while octets := source.recv(65_536):
                passed = self.rule(towards, octets)
                sink.sendall(octets[:passed])
                if passed is not None:
                    self.lost.append(octets[passed:])
                    break
        for link in (source, sink):
            _close(link)


@contextlib.contextmanager
def cutting(target: int) -> Iterator[CuttingProxy]:
    """Run a proxy in front of a port."""
    proxy = CuttingProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()


def _close(link: socket.socket) -> None:
    # A thread that waits in accept or recv is woken by the shutdown, not by the close.
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
