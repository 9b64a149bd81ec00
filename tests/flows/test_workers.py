"""Workers that die, and a server that is told to stop: no answer is lost that was begun."""

import http.client
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from issuer.store.db import reading
from issuer.store.tables import UsageRow
from tests.flows import rounds, servers, shop
from tests.flows.conftest import migrated
from tests.flows.servers import Server
from tests.flows.shop import Account

KILLS = 20
# Granian takes a worker that ends again within 5.5 s for one that cannot start.
APART_SECONDS = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server of four workers."""
    folder = tmp_path_factory.mktemp("workers")
    with migrated(request.param, folder) as url:
        environment = servers.make_environment(folder, url, workers=4)
        with servers.running(folder, environment) as server:
            yield server


@pytest.fixture
def account(server: Server) -> Account:
    """Give a client that every worker knows."""
    account = shop.open_shop(server.environment)
    rounds.ask(server, account, shop.ORDERS)
    return account


def _kill_one(server: Server) -> int:
    """Kill the oldest worker and wait until another takes its place; return its process id."""
    before = server.worker_pids()
    os.kill(before[0], signal.SIGKILL)
    servers.wait_until(lambda: _is_replaced(server, before))
    return before[0]


def _is_replaced(server: Server, before: list[int]) -> bool:
    now = server.worker_pids()
    started = [event for event in server.events() if event.get("message", "").startswith("Started worker")]
    kills = len([event for event in server.events() if "Unexpected exit" in event.get("message", "")])
    return len(now) == len(before) and before[0] not in now and len(started) == len(before) + kills


def test_killed_worker_is_replaced_while_the_others_serve(server: Server, account: Account) -> None:
    """A killed worker may lose the sums of its last second; what was written before stays."""
    servers.wait_until(lambda: _issued(server) == rounds.ENOUGH)

    killed = _kill_one(server)

    assert killed not in server.worker_pids()
    assert rounds.statuses(rounds.ask(server, account, shop.ORDERS)) == {200}
    servers.wait_until(lambda: _issued(server) == 2 * rounds.ENOUGH)


@pytest.mark.soak
def test_twenty_killed_workers_are_replaced(server: Server, account: Account) -> None:
    for _ in range(KILLS):
        _kill_one(server)
        assert rounds.statuses(rounds.ask(server, account, shop.ORDERS)) == {200}
        threading.Event().wait(APART_SECONDS)


def test_request_under_way_is_answered_before_the_server_stops(server: Server, account: Account) -> None:
    body, headers = servers.token_request(account.client_id, account.secret, audience=shop.ORDERS)
    sized = {"Host": "x", **headers, "Content-Length": str(len(body)), "Expect": "100-continue"}
    head = "".join(f"{name}: {value}\r\n" for name, value in sized.items())
    with socket.create_connection(("127.0.0.1", server.port), timeout=servers.PATIENCE_SECONDS) as link:
        link.sendall(f"POST /oauth/token HTTP/1.1\r\n{head}\r\n".encode("ascii"))
        # So says the server once it has the request and waits for its body (RFC 9110 §10.1.1).
        assert link.recv(1024).startswith(b"HTTP/1.1 100 ")
        before = len(server.events("token.issued"))
        server.process.send_signal(signal.SIGTERM)
        servers.wait_until(lambda: _is_stopping(server))

        link.sendall(body.encode("ascii"))
        response = http.client.HTTPResponse(link)
        response.begin()

        assert response.status == 200
        assert b'"access_token"' in response.read()
    assert server.process.wait(servers.PATIENCE_SECONDS) == 0
    assert len(server.events("token.issued")) == before + 1


def test_stop_under_load_answers_whole_or_not_at_all_and_writes_the_last_sums(
    server: Server, account: Account
) -> None:
    answered: list[int] = []
    torn: list[Exception] = []
    loaded = threading.Event()

    def ask_until_refused() -> None:
        while True:
            try:
                answer = server.ask_token(account.client_id, account.secret, audience=shop.ORDERS)
            except ConnectionError:
                return
            except (OSError, http.client.HTTPException, ValueError) as error:
                torn.append(error)
                return
            answered.append(answer.status)
            if len(answered) > 100:
                loaded.set()

    askers = [threading.Thread(target=ask_until_refused) for _ in range(8)]
    for asker in askers:
        asker.start()
    assert loaded.wait(servers.PATIENCE_SECONDS)
    workers = server.worker_pids()
    status = server.stop()
    for asker in askers:
        asker.join()

    lines = len(server.events("token.issued"))
    assert status == 0
    assert torn == []
    assert Counter(answered) == {200: len(answered)}
    assert rounds.ENOUGH + len(answered) <= lines
    assert _issued(server) == lines
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


def _is_stopping(server: Server) -> bool:
    return any(event.get("message") == "Shutting down granian" for event in server.events())


def _issued(server: Server) -> int:
    with shop.opened(server.environment) as engine, reading(engine) as connection:
        rows = connection.execute(select(UsageRow.count).where(UsageRow.outcome == "issued")).scalars()
        return sum(rows)
