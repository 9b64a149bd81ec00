"""The address of metrics: one process listens, another follows, and nobody can hold it up."""

import http.client
import socket
from collections.abc import Iterator

import pytest

from issuer.metrics.endpoint import answer_not_found
from issuer.metrics.listener import Listener
from tests.conftest import skip_or_fail

HOST = "127.0.0.1"


def answer_ok(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}".encode()]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture
def listen(port) -> Iterator:
    """Give the function that makes a listener on the one port."""
    made = []

    def make(application=answer_ok, host: str = HOST) -> Listener:
        made.append(Listener(host, port, application))
        return made[-1]

    yield make
    for listener in made:
        listener.stop()


def ask(port: int, path: str = "/metrics", host: str = HOST) -> tuple[int, bytes]:
    link = http.client.HTTPConnection(host, port, timeout=60)
    try:
        link.request("GET", path)
        response = link.getresponse()
        return response.status, response.read()
    finally:
        link.close()


def test_who_listens_answers(port, listen):
    assert listen().try_to_listen()

    assert ask(port) == (200, b"GET /metrics")


def test_one_of_two_listens_and_when_it_ends_the_other_does(port, listen):
    first, second = listen(), listen(answer_not_found)

    assert first.try_to_listen()
    assert not second.try_to_listen()
    assert ask(port)[0] == 200

    first.stop()
    assert second.try_to_listen()
    assert ask(port)[0] == 404


def test_who_listens_already_goes_on(port, listen):
    listener = listen()

    assert listener.try_to_listen()
    assert listener.try_to_listen()

    assert ask(port)[0] == 200


def test_somebody_who_says_nothing_keeps_nobody_waiting(port, listen):
    listen().try_to_listen()
    with socket.create_connection((HOST, port)) as silent:
        silent.sendall(b"GET /metr")

        assert ask(port)[0] == 200


def test_nothing_is_printed(port, listen, capfd):
    """Standard output is for the events of tokens, standard error for what the program itself says."""
    listen().try_to_listen()
    ask(port)
    with socket.create_connection((HOST, port)) as rude:
        rude.sendall(b"\x00\xff garbage\r\n\r\n")
        rude.recv(4096)

    assert capfd.readouterr() == ("", "")


def test_an_address_of_six_is_listened_on(port, listen):
    if not socket.has_ipv6:
        skip_or_fail("ipv6", "this machine has no IPv6")
    listener = listen(host="::1")
    if not listener.try_to_listen():
        skip_or_fail("ipv6", "this machine has no IPv6 on loopback")

    assert ask(port, host="::1")[0] == 200


def test_what_is_no_metric_is_not_found(port, listen):
    listen(answer_not_found).try_to_listen()

    assert ask(port, "/oauth/token") == (404, b'{"error":"not_found"}')
