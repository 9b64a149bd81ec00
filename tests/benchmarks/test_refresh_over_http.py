"""What stored tokens cost: refresh with rotation, and introspection, beside tokens that nobody stores."""

import contextlib
import json
import os
from collections.abc import Iterator

import pytest

from tests.benchmarks import figures, load, processes, servers
from tests.flows.conftest import migrated
from tests.peers.node import NodePeers

pytestmark = pytest.mark.benchmark

_TOKEN = "POST token ES256"
_REFRESH = "refresh ES256"
_INTROSPECT = "POST introspect"
_ALG = "ES256"
_SQLITE = "issuer, SQLite FULL"
_POSTGRESQL = "issuer, PostgreSQL"


@pytest.fixture(scope="module")
def running(
    cores: tuple[int, int], node_peers: NodePeers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[servers.Server]]:
    """Return the servers, all running, one worker each; those that are not asked just now are idle."""
    folder = tmp_path_factory.mktemp("refresh")
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(migrated("postgresql", folder))
        yield [
            stack.enter_context(servers.issuer(folder, cores[0], name=_SQLITE)),
            stack.enter_context(servers.issuer(folder, cores[0], url, _POSTGRESQL)),
            stack.enter_context(servers.node_oidc_provider(folder, cores[0], node_peers)),
        ]


def test_server_cpu_of_stored_tokens(
    running: list[servers.Server], cores: tuple[int, int], report: figures.Report
) -> None:
    """What a refresh and an introspection cost each server, in rounds over all of them."""
    cases = [case for server in running for case in _list_cases(server)]
    for case in cases:
        _check_answer(case)
        figures.measure(case, seconds=figures.WARM_UP_SECONDS, core=cores[1])

    rounds = [
        [figures.measure(case, seconds=figures.SECONDS, core=cores[1]) for case in cases]
        for _ in range(figures.ROUNDS)
    ]

    _fill(report, cases, [figures.median(list(column)) for column in zip(*rounds, strict=True)])


def _list_cases(server: servers.Server) -> list[figures.Case]:
    token = figures.Case(server, _TOKEN, server.token_request(_ALG))
    refresh = figures.Case(server, _REFRESH, server.refresh_request(_ALG), server.draw_refresh_tokens)
    if server.name == "node-oidc-provider":
        # It introspects no JWT.
        return [token, refresh]
    _, body = load.ask_once(server.port, token.request)
    access = json.loads(body)["access_token"]
    return [token, refresh, figures.Case(server, _INTROSPECT, server.introspection_request(access))]


def _check_answer(case: figures.Case) -> None:
    """Look at one answer, so that a quick error is never taken for a quick server."""
    tokens = case.draw_tokens()
    request = load.present(case.request, tokens[0]) if tokens else case.request
    status, body = load.ask_once(case.server.port, request)
    content = json.loads(body)
    assert status == 200, f"{case.server.name}, {case.what}: {status} {body[:500]!r}"
    if case.what == _INTROSPECT:
        assert content["active"] is True
        return
    assert content["access_token"].count(".") == 2
    assert content["scope"] == servers.SCOPE
    if tokens:
        assert content["refresh_token"] != tokens[0]


def _fill(report: figures.Report, cases: list[figures.Case], medians: list[figures.Measurement]) -> None:
    cost = {}
    for case, measured in zip(cases, medians, strict=True):
        megabytes = processes.worker_memory_megabytes(case.server.process.pid)
        report.rows.append((case.what, case.server.name, measured, megabytes))
        cost[case.server.name, case.what] = measured.cpu_ms_per_1000
    node = "node-oidc-provider"
    for ours in (_SQLITE, _POSTGRESQL):
        ratio = cost[node, _REFRESH] / cost[ours, _REFRESH]
        report.goals.append(figures.Goal(f"{_REFRESH}: {node} ÷ {ours}", ratio, "≥ 0.8", "≥ 1.5"))
        ratio = cost[node, _TOKEN] / cost[ours, _TOKEN]
        report.goals.append(figures.Goal(f"{_TOKEN}: {node} ÷ {ours}", ratio, "≥ 2.0", "≥ 2.5"))
    report.notes += [
        "",
        "refresh and introspection: one worker of 8 threads, 16 connections; at once, they share commits;",
        f"what PostgreSQL's processes cost is not counted; load average at the end {os.getloadavg()[0]:.1f}",
    ]
