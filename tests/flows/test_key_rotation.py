"""Keys rotate under load on four workers: verifiers that keep the JWKS for as long as they may see nothing.

Times are compressed: a key is published 5 seconds ahead, and verifiers keep what they fetched for 1. At
each step four keys are followed at once: the two of access tokens, an audience's own, and that of
refresh tokens.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from issuer import config
from issuer.entropy import Entropy
from issuer.master_key import find_or_make_master_key
from issuer.model.audience import AudienceId
from issuer.model.signing_key import SHARED_LINES, KeyLine, KeyPurpose
from issuer.registry import key_rotation, own_keys
from issuer.registry.key_steps import Waits
from tests.flows import holders, servers, shop, verifiers
from tests.flows.holders import Holder, Pair
from tests.flows.servers import Server
from tests.flows.verifiers import Service
from tests.peers.node import NodePeers

WORKERS = 4
AHEAD_SECONDS, CACHE_SECONDS = 5, 1
WAITS = Waits(AHEAD_SECONDS, 0, {KeyPurpose.TOKEN: 900, KeyPurpose.REFRESH: 900})
REFRESH_PAUSE_SECONDS = 0.2
SHARED_PATH = "/.well-known/jwks.json"
SHARED = {shop.SHIPPING: "ES256", shop.ORDERS: "RS256"}
OWN, OWN_ALG = shop.BILLING, "RS256"


@dataclass
class Street:
    """A server whose keys roll, and those who trust it. own_id: of the audience with a key of its own."""

    server: Server
    master_keys: tuple[bytes, ...]
    holder: Holder
    own_id: AudienceId
    services: list[Service] = field(default_factory=list)
    refreshed: int = 0
    lost: list[str] = field(default_factory=list)

    def rotate(self) -> None:
        """Let each line's next key follow; return when every service has got a token of it."""
        own_line = KeyLine(KeyPurpose.TOKEN, OWN_ALG, self.own_id)
        with shop.registrar(self.server.environment) as clerk:
            rotated = key_rotation.rotate(clerk, self.master_keys, (*SHARED_LINES, own_line), WAITS)
        by_line = {(one.key.alg, one.key.audience_id): one.key.kid for one in rotated}
        kids = {audience: by_line[alg, None] for audience, alg in SHARED.items()}
        verifiers.wait_for_kids(self.services, {**kids, OWN: by_line[OWN_ALG, self.own_id]})

    def refresh_until(self, stopping: threading.Event) -> None:
        """Refresh one family over and over: its tokens are signed by the keys that roll unseen."""
        pair = self.holder.begin()
        while not stopping.wait(REFRESH_PAUSE_SECONDS):
            answer = self.holder.refresh(pair.refresh)
            if answer.status != 200:
                self.lost.append(f"{answer.status} {answer.body!r}")
                return
            pair, self.refreshed = Pair.of(answer), self.refreshed + 1


@pytest.fixture
def street(database_url: str, tmp_path: Path, node_peers: NodePeers) -> Iterator[Street]:
    """Give a server on four workers, and for each kind of key services on PyJWT and on jose."""
    environment = servers.make_environment(tmp_path, database_url, workers=WORKERS)
    account = holders.add_account(environment)
    master_keys = find_or_make_master_key(config.load_settings(environ=environment), Entropy())
    with shop.registrar(environment) as clerk:
        robot = shop.add_client(clerk, *SHARED, OWN)
        own_id = own_keys.give(clerk, master_keys, OWN, WAITS, at_once=True).id
    with servers.running(tmp_path, environment) as server, ExitStack() as stack:
        street = Street(server, master_keys, Holder(server.port, account), own_id)
        own_path = f"/.well-known/jwks/{own_id}.json"
        for audience, alg, path in [
            *((audience, alg, SHARED_PATH) for audience, alg in SHARED.items()),
            (OWN, OWN_ALG, own_path),
        ]:
            trusted = verifiers.Trusted(server.url + path, server.url, audience, alg, CACHE_SECONDS)
            for verify in (
                verifiers.verify_with_pyjwt(trusted),
                stack.enter_context(verifiers.verifying_with_jose(node_peers, trusted)),
            ):
                street.services.append(Service(server, robot, audience, verify))
        yield street


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Give the function that prints a line of the result, whatever is captured."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return write


def run(street: Street, steps: int, tokens: int, say: Callable[[str], None]) -> None:
    """Rotate in so many steps under load, and go on asking until so many tokens were verified."""
    stopping = threading.Event()
    refresher = threading.Thread(target=street.refresh_until, args=(stopping,))
    refresher.start()
    try:
        with verifiers.running(street.services):
            for _ in range(steps):
                street.rotate()
            servers.wait_until(lambda: count_verified(street) >= tokens, seconds=tokens / 50)
    finally:
        stopping.set()
        refresher.join()
    verified = count_verified(street)
    refused = [reason for service in street.services for reason in service.refused]
    say(
        f"{4 * steps} rotations on {WORKERS} workers: {verified} tokens verified, {len(refused)} refused; "
        f"{street.refreshed} refreshes"
    )
    assert (refused, street.lost) == ([], [])
    assert [len(service.kids) for service in street.services] == [steps + 1] * len(street.services)


def count_verified(street: Street) -> int:
    return sum(service.verified for service in street.services)


def test_no_token_is_refused_while_keys_rotate(street, say):
    run(street, 5, 2_000, say)


@pytest.mark.soak
def test_no_token_is_refused_over_two_hundred_rotations(street, say):
    run(street, 50, 20_000, say)
