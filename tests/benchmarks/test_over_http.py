"""The issuer against its peers over HTTP: server CPU per 1,000 responses, in one run."""

import contextlib
import json
import os
import platform
from collections.abc import Iterator

import jwt
import pytest

from tests.benchmarks import figures, load, processes, servers
from tests.peers.node import NodePeers

pytestmark = pytest.mark.benchmark

_JWKS = "GET JWKS"
_TOKEN = "POST token {}"


@pytest.fixture(scope="module")
def running(
    cores: tuple[int, int], node_peers: NodePeers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[servers.Server]]:
    """Return the servers, all running; those that are not asked just now are idle."""
    folder = tmp_path_factory.mktemp("servers")
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(servers.issuer(folder, cores[0])),
            stack.enter_context(servers.node_oidc_provider(folder, cores[0], node_peers)),
            stack.enter_context(servers.textbook(folder, cores[0])),
        ]


def test_server_cpu_per_thousand_responses(
    running: list[servers.Server], cores: tuple[int, int], report: figures.Report
) -> None:
    """What a token and the JWKS cost each server, in rounds over all of them."""
    cases = _list_cases(running)
    _check_answers(cases)
    for case in cases:
        figures.measure(case, seconds=figures.WARM_UP_SECONDS, core=cores[1])

    # Round by round, not server by server: a slow minute of the machine hits all alike.
    rounds = [
        [figures.measure(case, seconds=figures.SECONDS, core=cores[1]) for case in cases]
        for _ in range(figures.ROUNDS)
    ]

    _fill(report, cases, [figures.median(list(column)) for column in zip(*rounds, strict=True)])


def _list_cases(running: list[servers.Server]) -> list[figures.Case]:
    issuer, node, textbook = running
    tokens = [(issuer, "ES256"), (node, "ES256"), (textbook, "ES256"), (issuer, "RS256"), (node, "RS256")]
    cases = [figures.Case(server, _TOKEN.format(alg), server.token_request(alg)) for server, alg in tokens]
    return [*cases, *(figures.Case(server, _JWKS, servers.JWKS) for server in (issuer, node))]


def _check_answers(cases: list[figures.Case]) -> None:
    """Look at one answer each, so that a quick error is never taken for a quick server."""
    for case in cases:
        status, body = load.ask_once(case.server.port, case.request)
        assert status == 200, f"{case.server.name}, {case.what}: {status} {body[:500]!r}"
        if case.what != _JWKS:
            _check_token(case, json.loads(body)["access_token"])


def _check_token(case: figures.Case, token: str) -> None:
    alg = case.what.split()[-1]
    _, keys = load.ask_once(case.server.port, servers.JWKS)
    key = jwt.PyJWKSet.from_dict(json.loads(keys))[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=[alg], audience=servers.RESOURCES[alg])
    assert claims["scope"] == servers.SCOPE, case.server.name
    assert claims["client_id"] == case.server.client_id, case.server.name


def _fill(report: figures.Report, cases: list[figures.Case], medians: list[figures.Measurement]) -> None:
    report.headline = (
        f"Python {platform.python_version()} on {platform.machine()}; generator: {load.generator_name()}, "
        f"{load.CONNECTIONS} connections; medians of {figures.ROUNDS} runs of {figures.SECONDS} s; "
        f"load average at the end {os.getloadavg()[0]:.1f} (about 2 where nobody else is at work)"
    )
    cost = {}
    for case, measured in zip(cases, medians, strict=True):
        megabytes = processes.worker_memory_megabytes(case.server.process.pid)
        report.rows.append((case.what, case.server.name, measured, megabytes))
        cost[case.server.name, case.what] = measured.cpu_ms_per_1000

    def add_ratio(peer: str, what: str, at_least: str, stretch: str) -> None:
        ratio = cost[peer, what] / cost["issuer", what]
        report.goals.append(figures.Goal(f"{what}: {peer} ÷ issuer", ratio, at_least, stretch))

    add_ratio("node-oidc-provider", "POST token ES256", "≥ 2.0", "≥ 2.5")
    add_ratio("node-oidc-provider", "POST token RS256", "≥ 1.5", "≥ 1.7")
    add_ratio("node-oidc-provider", _JWKS, "≥ 1.7", "≥ 2.0")
    add_ratio("textbook", "POST token ES256", "≥ 12", "≥ 20")
    memory = report.rows[0][-1]
    report.goals.append(figures.Goal("memory of one issuer worker, MB", memory, "≤ 110", "≤ 80"))
