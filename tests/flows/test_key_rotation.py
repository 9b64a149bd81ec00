"""Keys rotate under load on four workers: verifiers that keep the JWKS for as long as they may see nothing.

Times are compressed: a key is published 3 seconds ahead, and verifiers keep what they fetched for 1.
"""

import http.client
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import jwt
import pytest

from issuer import config
from issuer.entropy import Entropy
from issuer.master_key import find_or_make_master_key
from issuer.model.signing_key import KeyPurpose
from issuer.registry import key_rotation
from issuer.registry.key_rotation import Waits
from tests.flows import servers, shop
from tests.flows.servers import Server
from tests.flows.shop import Account

WORKERS = 4
AHEAD_SECONDS, CACHE_SECONDS = 3, 1
WAITS = Waits(AHEAD_SECONDS, 30, {KeyPurpose.TOKEN: 900, KeyPurpose.REFRESH: 900})
ASKERS = 2


@dataclass
class Service:
    """Asks for tokens and verifies them, with a JWKS that it keeps; never looks for an unknown kid."""

    server: Server
    account: Account
    stopping: threading.Event
    kids: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    verified: int = 0

    def run(self) -> None:
        """Ask and verify until told to stop."""
        keys = jwt.PyJWKClient(f"{self.server.url}/.well-known/jwks.json", lifespan=CACHE_SECONDS)
        while not self.stopping.is_set():
            try:
                answer = self.server.ask_token(
                    self.account.client_id, self.account.secret, resource=shop.SHIPPING
                )
            except (OSError, http.client.HTTPException):
                continue  # a worker was killed
            self.verify(keys, answer)

    def verify(self, keys: jwt.PyJWKClient, answer: servers.Answer) -> None:
        """Count a token as verified or refused."""
        token = answer.json.get("access_token")
        if token is None:
            self.refused.append(f"{answer.status} {answer.body!r}")
            return
        kid = jwt.get_unverified_header(token)["kid"]
        self.kids.add(kid)
        try:
            known = {key.key_id: key for key in keys.get_jwk_set().keys}
            jwt.decode(
                token, known[kid], algorithms=["ES256"], audience=shop.SHIPPING, issuer=self.server.url
            )
            self.verified += 1
        except KeyError:
            self.refused.append(f"{kid} is unknown")
        except jwt.PyJWTError as error:
            self.refused.append(repr(error))


@pytest.fixture
def server(database_url, tmp_path) -> Iterator[Server]:
    environment = servers.make_environment(tmp_path, database_url, workers=WORKERS)
    with servers.running(tmp_path, environment) as running:
        yield running


def rotate_and_wait(server: Server) -> None:
    """Rotate, and return when the next key signs."""
    settings = config.load_settings(environ=server.environment)
    master_keys = find_or_make_master_key(settings, Entropy())
    with shop.registrar(server.environment) as clerk:
        (rotated,) = key_rotation.rotate(clerk, master_keys, ["ES256"], WAITS)
    servers.wait_until(lambda: time.time() >= rotated.key.signs_from + 1, AHEAD_SECONDS + 5)


def run_rotations(server: Server, times: int) -> list[Service]:
    account = shop.open_shop(server.environment)
    stopping = threading.Event()
    services = [Service(server, account, stopping) for _ in range(ASKERS)]
    threads = [threading.Thread(target=service.run) for service in services]
    for thread in threads:
        thread.start()
    try:
        for _ in range(times):
            rotate_and_wait(server)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    return services


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Give the function that prints a line of the result, whatever is captured."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return write


def check(services: list[Service], times: int, say: Callable[[str], None]) -> None:
    refused = [reason for service in services for reason in service.refused]
    kids = set().union(*(service.kids for service in services))
    verified = sum(service.verified for service in services)
    say(f"{times} rotations on {WORKERS} workers: {verified} tokens verified, {len(refused)} refused")
    assert refused == []
    assert len(kids) == times + 1


def test_no_token_is_refused_while_keys_rotate(server, say):
    check(run_rotations(server, 4), 4, say)


@pytest.mark.soak
def test_no_token_is_refused_over_two_hundred_rotations(server, say):
    check(run_rotations(server, 200), 200, say)
