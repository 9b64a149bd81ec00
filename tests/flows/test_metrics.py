"""Metrics of a server with several workers: one address, one truth, whoever answers."""

import contextlib
import http.client
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.flows import rounds, servers, shop
from tests.flows.conftest import migrated
from tests.flows.servers import Server

WORKERS = 4
TOKENS = 100
TOKEN = "sixteen-letters-or-more"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
_LISTENS = "0A"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server on four workers that tells its metrics in both places."""
    folder = tmp_path_factory.mktemp("metrics")
    settings = {"metrics_bind": f"127.0.0.1:{servers.free_port()}", "metrics_token": TOKEN}
    with migrated(request.param, folder) as url:
        environment = servers.make_environment(folder, url, workers=WORKERS, **settings)
        with servers.running(folder, environment) as running:
            yield running


@pytest.fixture
def metrics_port(server: Server) -> int:
    """Give the port of metrics alone."""
    return int(server.environment["ISSUER_METRICS_BIND"].rpartition(":")[2])


def issued(text: bytes) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == "issuer_tokens_issued_total"
    )


def scrape(port: int) -> bytes | None:
    """Return the metrics, None if nobody listens."""
    try:
        with servers.connection(port) as link:
            answer = servers.send(link, "GET", "/metrics", headers=BEARER)
    except (OSError, http.client.HTTPException):
        return None
    return answer.body if answer.status == 200 else None


def test_every_worker_tells_the_same_sums(server, metrics_port):
    """Once each has written its sums and read those of the others: what one gave, every one tells."""
    account = shop.open_shop(server.environment)
    assert rounds.statuses(rounds.ask(server, account, shop.SHIPPING, TOKENS)) == {200}

    def ask_all() -> set[float]:
        answers = rounds.run(lambda: server.send("GET", "/metrics", headers=BEARER))
        return {issued(answer.body) for answer in answers}

    servers.wait_until(lambda: issued(scrape(metrics_port) or b"") == TOKENS)
    servers.wait_until(lambda: ask_all() == {TOKENS})


def test_the_own_address_has_metrics_only_and_asks_for_the_token(server, metrics_port):
    servers.wait_until(lambda: scrape(metrics_port))

    with servers.connection(metrics_port) as link:
        assert servers.send(link, "GET", "/metrics").status == 401
    with servers.connection(metrics_port) as link:
        assert servers.send(link, "POST", "/oauth/token", "grant_type=client_credentials").status == 404


def test_another_worker_listens_when_the_one_that_did_is_gone(server, metrics_port):
    servers.wait_until(lambda: scrape(metrics_port))
    (listening,) = [pid for pid in server.worker_pids() if metrics_port in listened_ports(pid)]

    os.kill(listening, signal.SIGKILL)

    servers.wait_until(lambda: scrape(metrics_port))


def test_an_address_that_is_taken_stops_the_start(server, tmp_path, metrics_port):
    servers.wait_until(lambda: scrape(metrics_port))
    url = server.environment["ISSUER_DATABASE_URL"]
    second = servers.make_environment(tmp_path, url, metrics_bind=f"127.0.0.1:{metrics_port}")

    with pytest.raises(AssertionError) as ended, servers.running(tmp_path, second):
        pass

    assert "Choose another with ISSUER_METRICS_BIND" in str(ended.value)


def listened_ports(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on: its sockets, looked up by inode (proc_pid_net(5))."""
    folder = Path(f"/proc/{pid}")
    own = set(_list_open(folder / "fd"))
    rows = [line.split() for line in (folder / "net" / "tcp").read_text().splitlines()[1:]]
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == _LISTENS and f"socket:[{row[9]}]" in own
    }


def _list_open(folder: Path) -> Iterator[str]:
    for file in folder.iterdir():
        # Closed since it was listed.
        with contextlib.suppress(FileNotFoundError):
            yield str(file.readlink())
