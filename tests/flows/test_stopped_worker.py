"""A worker that sleeps while keys of access and of refresh tokens roll signs with none that it should not.

Times are compressed alike: a key is published 3 seconds ahead, a worker answers from memory for 2.
"""

import http.client
import json
import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import jwt
import pytest

from issuer import config
from issuer.entropy import Entropy
from issuer.master_key import find_or_make_master_key
from issuer.model.signing_key import KeyPurpose
from issuer.registry import key_rotation
from issuer.registry.key_steps import Waits
from tests.flows import holders, servers, shop
from tests.flows.servers import Server

AHEAD_SECONDS, STALE_SECONDS = 3, 2
WAITS = Waits(AHEAD_SECONDS, STALE_SECONDS, {KeyPurpose.TOKEN: 900, KeyPurpose.REFRESH: 900})
CONNECTIONS = 16
ENOUGH_SECONDS = 2


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    environment = servers.make_environment(
        tmp_path, database_url, workers=2, registry_stale_seconds=STALE_SECONDS
    )
    with servers.running(tmp_path, environment) as running:
        running.wait_for_workers(2)
        yield running


def rotate_until_signing(server: Server) -> set[str]:
    """Let the next keys follow, for access and for refresh tokens, and return their kids once they sign."""
    settings = config.load_settings(environ=server.environment)
    master_keys = find_or_make_master_key(settings, Entropy())
    with shop.registrar(server.environment) as clerk:
        lines = key_rotation.list_shared_lines(["ES256", "HS256"])
        rotated = key_rotation.rotate(clerk, master_keys, lines, WAITS)
    last = max(one.key.signs_from for one in rotated)
    servers.wait_until(lambda: time.time() > last + STALE_SECONDS)
    return {one.key.kid for one in rotated}


def test_a_worker_that_slept_through_two_rotations_signs_with_the_newest_key_or_not_at_all(server):
    account = holders.add_account(server.environment)
    asked = {"audience": shop.SHIPPING, "scope": f"{shop.SCOPE} offline_access"}
    body, headers = servers.token_request(account.client_id, account.secret, **asked)
    with ExitStack() as stack:
        links = [stack.enter_context(servers.connection(server.port)) for _ in range(CONNECTIONS)]
        for link in links:
            link.timeout = 60
            assert servers.send(link, "POST", "/oauth/token", body, headers).status == 200
        sleeper = server.worker_pids()[0]
        os.kill(sleeper, signal.SIGSTOP)
        try:
            rotate_until_signing(server)
            newest = rotate_until_signing(server)
            # Some of them wait at the sleeper, and are the first thing that it sees.
            for link in links:
                link.request("POST", "/oauth/token", body, headers)
            time.sleep(ENOUGH_SECONDS)
            awake, _, _ = select.select([link.sock for link in links], [], [], 0)
            assert 0 < len(awake) < CONNECTIONS
        finally:
            os.kill(sleeper, signal.SIGCONT)
        answers = [_read(link) for link in links]

    statuses = {status for status, _ in answers}
    assert 200 in statuses
    assert statuses <= {200, 503}
    kids = [_list_kids(answer) for status, answer in answers if status == 200]
    assert kids == [newest] * len(kids)
    published = {kid for one in kids for kid in one} & _list_published(server)
    assert len(published) == 1
    servers.wait_until(lambda: all(published <= _list_published(server) for _ in range(CONNECTIONS)))


def _list_published(server: Server) -> set[str]:
    return {key["kid"] for key in server.send("GET", "/.well-known/jwks.json").json["keys"]}


def _read(link: http.client.HTTPConnection) -> tuple[int, bytes]:
    answer = link.getresponse()
    return answer.status, answer.read()


def _list_kids(answer: bytes) -> set[str]:
    tokens = json.loads(answer)
    return {jwt.get_unverified_header(tokens[name])["kid"] for name in ("access_token", "refresh_token")}
