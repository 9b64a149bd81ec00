"""A TCP proxy that a test can cut or hang: a database that is away, without stopping the database."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class TcpProxy:
    """Passes bytes on between whoever connects to `port` and a server on 127.0.0.1.

    port: on 127.0.0.1, the same while the proxy lives. target: the server's port.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._flows = threading.Event()
        self._flows.set()
        self._links: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = _listen(0)
        self.port: int = self._listener.getsockname()[1]
        self._accept()

    def cut(self) -> None:
        """Reset every connection and refuse new ones."""
        _close(self._listener)
        with self._lock:
            links, self._links = self._links, set()
        for link in links:
            _close(link)

    def hang(self) -> None:
        """Pass nothing on any more; connections stay, and new ones are taken and never answered."""
        self._flows.clear()

    def restore(self) -> None:
        """Be as at the beginning."""
        self._flows.set()
        if self._listener.fileno() == -1:
            self._listener = _listen(self.port)
            self._accept()

    def _accept(self) -> None:
        threading.Thread(target=self._accept_all, args=(self._listener,), daemon=True).start()

    def _accept_all(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        self._flows.wait()
        far = socket.create_connection(("127.0.0.1", self._target))
        with self._lock:
            self._links |= {near, far}
        threading.Thread(target=self._pump, args=(far, near), daemon=True).start()
        self._pump(near, far)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := source.recv(65_536):
                self._flows.wait()
                sink.sendall(octets)
        for link in (source, sink):
            with self._lock:
                self._links.discard(link)
            _close(link)


@contextlib.contextmanager
def proxied(target: int) -> Iterator[TcpProxy]:
    """Run a proxy in front of a port."""
    proxy = TcpProxy(target)
    try:
        yield proxy
    finally:
        proxy.cut()
        proxy.restore()
        proxy.cut()


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def _close(link: socket.socket) -> None:
    # A thread that waits in accept or recv is woken by the shutdown, not by the close.
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    link.close()
