"""Bodies that no client of ours sends, over bare sockets: refused, never a fault, never a standstill."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.benchmarks import processes
from tests.flows import servers, shop
from tests.flows.conftest import Shop

HEAD = (
    b"POST /oauth/token HTTP/1.1\r\nHost: issuer.example\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = 1024 * 1024


def _declare(length: object) -> bytes:
    return f"Content-Length: {length}\r\n\r\n".encode("ascii")


@contextlib.contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=servers.PATIENCE_SECONDS) as link:
        yield link


def _status(port: int, *parts: bytes) -> int:
    """Send parts, as far as the server takes them, and return the status it answers with."""
    with _connected(port) as link:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                link.sendall(part)
        return _read_status(link)


def _read_status(link: socket.socket) -> int:
    received = b""
    while b"\r\n" not in received:
        more = link.recv(4096)
        assert more, "closed without an answer"
        received += more
    return int(received.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (64 * 1024 + 1, 413),
        (20 * MEGABYTE, 413),
        (10**18, 413),
        ("0" * 12 + "70000000", 413),
        (-1, 400),
        ("5, 6", 400),
        ("five", 400),
    ],
)
def test_length_is_refused_before_a_byte_of_the_body_is_sent(
    open_shop: Shop, length: object, status: int
) -> None:
    """RFC 9110 §15.5.14; a length that is no number is RFC 9112 §6.3."""
    assert _status(open_shop.server.port, HEAD, _declare(length)) == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a=" + b"x" * (16 * 1024 + 1), 413),
        (b"a=b&" * 10_000, 413),
        (b"state=" + b"s" * 100_000, 413),
        (b"\xff\xfe=\x00", 400),
        (b"grant_type=%zz", 400),
        (b"&" * 50, 400),
        (b"", 400),
    ],
)
def test_body_over_a_limit_or_out_of_shape_is_refused(open_shop: Shop, body: bytes, status: int) -> None:
    assert _status(open_shop.server.port, HEAD, _declare(len(body)), body) == status


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        (b"5\r\na=b&c\r\n0\r\n\r\n", 400),
        (b"ZZ\r\na=b&c\r\n0\r\n\r\n", 400),
        (b"-5\r\na=b&c\r\n0\r\n\r\n", 400),
        (b"10001\r\n" + b"x" * 65_537 + b"\r\n0\r\n\r\n", 413),
    ],
)
def test_chunked_body_is_held_to_the_same_limits(open_shop: Shop, chunks: bytes, status: int) -> None:
    assert _status(open_shop.server.port, HEAD, CHUNKED, chunks) == status


def test_chunked_body_without_end_is_cut_off(open_shop: Shop) -> None:
    """A body of 200 MB is neither read nor kept: not 20 MB of memory for it."""
    server = open_shop.server
    before = processes.worker_memory_megabytes(server.process.pid)
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"

    status = _status(server.port, HEAD, CHUNKED, *([chunk] * 3200))

    assert status == 413
    assert processes.worker_memory_megabytes(server.process.pid) - before < 20


def test_of_length_and_chunks_at_once_the_chunks_count_and_the_connection_ends(open_shop: Shop) -> None:
    """RFC 9112 §6.3: nothing is left over that a proxy could take for the next request."""
    body = b"grant_type=client_credentials"
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with _connected(open_shop.server.port) as link:
        link.sendall(HEAD + b"Content-Length: 5\r\n" + CHUNKED + chunks)
        answer = b"".join(iter(lambda: link.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nconnection: close\r\n" in answer.lower()


def test_two_lengths_are_refused(open_shop: Shop) -> None:
    """RFC 9112 §6.3."""
    parts = (HEAD, b"Content-Length: 5\r\n", _declare(6), b"a=b&cd")

    assert _status(open_shop.server.port, *parts) == 400


def test_headers_without_end_are_refused(open_shop: Shop) -> None:
    """RFC 6585 §5."""
    assert _status(open_shop.server.port, HEAD, b"X: ", *([b"a" * 65_536] * 16)) == 431


def test_body_that_ends_before_its_length_is_refused(open_shop: Shop) -> None:
    """RFC 9112 §8: all that arrived would be a whole request."""
    with _connected(open_shop.server.port) as link:
        link.sendall(HEAD + _declare(500) + b"grant_type=client_credentials&client_id=a&client_secret=b")
        link.shutdown(socket.SHUT_WR)

        assert _read_status(link) == 400


def test_body_in_two_parts_is_read_whole(open_shop: Shop) -> None:
    body = b"grant_type=client_credentials&client_id=a&client_secret=b"
    with _connected(open_shop.server.port) as link:
        link.sendall(HEAD + _declare(len(body)) + body[:20])
        link.settimeout(0.2)
        with pytest.raises(TimeoutError):
            link.recv(1)
        link.settimeout(servers.PATIENCE_SECONDS)
        link.sendall(body[20:])

        assert _read_status(link) == 401


def test_body_whose_sender_leaves_is_no_fault(open_shop: Shop) -> None:
    with _connected(open_shop.server.port) as link:
        link.sendall(HEAD + _declare(500) + b"grant_type=client")

    assert open_shop.ask_token(shop.ORDERS)
    assert open_shop.server.events("request.failed") == []


def test_bodies_that_stall_on_fewer_threads_than_a_worker_has_stop_nobody(open_shop: Shop) -> None:
    """Each holds a thread while it stalls: against more of them stands a proxy that buffers requests."""
    with contextlib.ExitStack() as stalled:
        for _ in range(7):
            link = stalled.enter_context(_connected(open_shop.server.port))
            link.sendall(HEAD + _declare(500) + b"grant_type=client")

        tokens = [open_shop.ask_token(shop.ORDERS) for _ in range(16)]

    assert len(set(tokens)) == 16


@pytest.mark.parametrize("sent", [b"", b"POST /oauth/token HTTP/1.1\r\nHost: issuer"])
def test_five_hundred_idle_connections_stop_nobody(open_shop: Shop, sent: bytes) -> None:
    with contextlib.ExitStack() as idle:
        for _ in range(500):
            link = idle.enter_context(_connected(open_shop.server.port))
            link.sendall(sent)

        tokens = [open_shop.ask_token(shop.ORDERS) for _ in range(16)]

    assert len(set(tokens)) == 16
