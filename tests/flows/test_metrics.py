"""Metrics of a server with several workers: one address, one truth, whoever answers."""

import http.client
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.flows import rounds, servers, shop
from tests.flows.servers import Server

WORKERS = 4
TOKENS = 100
TOKEN = "sixteen-letters-or-more"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
_LISTENS = "0A"


@pytest.fixture
def metrics_port() -> int:
    return servers.free_port()


@pytest.fixture
def server(database_url, tmp_path, metrics_port) -> Iterator[Server]:
    """Give a server on four workers that tells its metrics in both places."""
    settings = {"metrics_bind": f"127.0.0.1:{metrics_port}", "metrics_token": TOKEN}
    environment = servers.make_environment(tmp_path, database_url, workers=WORKERS, **settings)
    with servers.running(tmp_path, environment) as running:
        yield running


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
    """Within the second in which sums are written, and the one in which they are read."""
    account = shop.open_shop(server.environment)
    assert rounds.statuses(rounds.ask(server, account, shop.SHIPPING, TOKENS)) == {200}

    servers.wait_until(lambda: issued(scrape(metrics_port) or b"") == TOKENS, 10)
    sums = [
        issued(answer.body) for answer in rounds.run(lambda: server.send("GET", "/metrics", headers=BEARER))
    ]

    assert set(sums) <= {0.0, float(TOKENS)}
    servers.wait_until(lambda: issued(server.send("GET", "/metrics", headers=BEARER).body) == TOKENS, 10)


def test_the_own_address_has_metrics_only_and_asks_for_the_token(server, metrics_port):
    servers.wait_until(lambda: scrape(metrics_port), 10)

    with servers.connection(metrics_port) as link:
        assert servers.send(link, "GET", "/metrics").status == 401
    with servers.connection(metrics_port) as link:
        assert servers.send(link, "POST", "/oauth/token", "grant_type=client_credentials").status == 404


def test_another_worker_listens_when_the_one_that_did_is_gone(server, metrics_port):
    servers.wait_until(lambda: scrape(metrics_port), 10)
    (listening,) = [pid for pid in server.worker_pids() if metrics_port in listened_ports(pid)]

    os.kill(listening, signal.SIGKILL)

    servers.wait_until(lambda: scrape(metrics_port), 10)


def test_an_address_that_is_taken_stops_the_start(database_url, tmp_path, metrics_port):
    environment = servers.make_environment(tmp_path, database_url, metrics_bind=f"127.0.0.1:{metrics_port}")
    with servers.running(tmp_path, environment):
        second = servers.make_environment(tmp_path, database_url, metrics_bind=f"127.0.0.1:{metrics_port}")
        with pytest.raises(AssertionError) as ended, servers.running(tmp_path, second):
            pass

    assert "Choose another with ISSUER_METRICS_BIND" in str(ended.value)


def listened_ports(pid: int) -> set[int]:
    """Return the TCP ports that a process listens on: its sockets, looked up by inode (proc_pid_net(5))."""
    folder = Path(f"/proc/{pid}")
    own = {str(file.readlink()) for file in (folder / "fd").iterdir() if file.is_symlink()}
    rows = [line.split() for line in (folder / "net" / "tcp").read_text().splitlines()[1:]]
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == _LISTENS and f"socket:[{row[9]}]" in own
    }
