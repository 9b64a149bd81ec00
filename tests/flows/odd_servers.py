"""Servers that are no issuer: one that says some bytes, one whose certificate nobody vouches for."""

import contextlib
import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_ANSWER_SECONDS = 60


@contextlib.contextmanager
def saying(said: bytes) -> Iterator[int]:
    """Give the port of a server that says some bytes to whoever asks first, and closes."""

    def answer(link: socket.socket) -> None:
        with link:
            link.recv(65536)
            link.sendall(said)

    with _answering(answer) as port:
        yield port


@contextlib.contextmanager
def dripping(begin: bytes, seconds: float) -> Iterator[int]:
    """Give the port of a server that says how it begins, and then a byte at a time, for ever."""
    is_over = threading.Event()

    def answer(link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            link.recv(65536)
            link.sendall(begin)
            while not is_over.wait(seconds):
                link.sendall(b" ")

    with _answering(answer) as port:
        yield port
        is_over.set()


@contextlib.contextmanager
def speaking_tls(folder: Path) -> Iterator[int]:
    """Give the port of a server that speaks TLS as `localhost`, with a certificate of its own making."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_make_certificate(folder))

    def answer(link: socket.socket) -> None:
        with link, contextlib.suppress(OSError):
            context.wrap_socket(link, server_side=True).close()

    with _answering(answer) as port:
        yield port


@contextlib.contextmanager
def _answering(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=lambda: answer(listener.accept()[0]), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(_ANSWER_SECONDS)


def _make_certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "certificate.pem"
    path.write_bytes(private + certificate.public_bytes(pem))
    return path
