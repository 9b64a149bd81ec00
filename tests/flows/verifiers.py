"""Services that ask for tokens and verify them, with a key set that they keep for a while."""

import http.client
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path

import jwt

from tests.flows import servers
from tests.flows.servers import Server
from tests.flows.shop import Account
from tests.peers.node import NodePeers

# Says why a token is refused, "" where it is accepted.
Verify = Callable[[str], str]

_ASKED_PER_SECOND = 12.5


@dataclass
class Service:
    """Asks for tokens for one audience and verifies them. kids: those that signed; refused: why."""

    server: Server
    account: Account
    audience: str
    verify: Verify
    kids: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    verified: int = 0

    def run(self, stopping: threading.Event) -> None:
        """Ask and verify until told to stop."""
        # No more a second: a rotation is to be seen through, not the server's speed.
        while not stopping.wait(1 / _ASKED_PER_SECOND):
            try:
                answer = self.server.ask_token(
                    self.account.client_id, self.account.secret, audience=self.audience
                )
            except (OSError, http.client.HTTPException):
                continue  # a worker was killed
            token = answer.json.get("access_token")
            reason = f"{answer.status} {answer.body!r}" if token is None else self._judge(token)
            if reason:
                self.refused.append(reason)

    def _judge(self, token: str) -> str:
        self.kids.add(jwt.get_unverified_header(token)["kid"])
        reason = self.verify(token)
        self.verified += not reason
        return reason


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a service trusts. address: of the key set, which it keeps for so many seconds."""

    address: str
    issuer: str
    audience: str
    alg: str
    seconds: int


def verify_with_pyjwt(trusted: Trusted) -> Verify:
    """Return the verification by PyJWT, which never looks for an unknown kid."""
    keys = jwt.PyJWKClient(trusted.address, lifespan=trusted.seconds)

    def verify(token: str) -> str:
        kid = jwt.get_unverified_header(token)["kid"]
        known = {key.key_id: key for key in keys.get_jwk_set().keys}
        if kid not in known:
            return f"{kid} is unknown to PyJWT"
        try:
            jwt.decode(
                token,
                known[kid],
                algorithms=[trusted.alg],
                audience=trusted.audience,
                issuer=trusted.issuer,
            )
        except jwt.PyJWTError as error:
            return repr(error)
        return ""

    return verify


@contextmanager
def verifying_with_jose(peers: NodePeers, trusted: Trusted) -> Iterator[Verify]:
    """Give the verification by npm's jose, a program of its own, which does not look for an unknown kid."""
    module = peers.place(Path(__file__).with_name("jose_cached.mjs"))
    arguments = [peers.node, module, *map(str, astuple(trusted))]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:

        def verify(token: str) -> str:
            try:
                process.stdin.write(f"{token}\n")
            except BrokenPipeError:
                return f"jose: its program ended with {process.wait(10)}"
            verdict = process.stdout.readline().strip()
            return "" if verdict == "accepted" else f"jose: {verdict or 'its program says no more'}"

        yield verify
        # Closing writes what is left, which is of interest to nobody if the program has ended.
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait(10)


@contextmanager
def running(services: list[Service]) -> Iterator[None]:
    """Let services ask and verify, each on a thread of its own."""
    stopping = threading.Event()
    threads = [threading.Thread(target=service.run, args=(stopping,)) for service in services]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def wait_for_kids(services: list[Service], kids: dict[str, str]) -> None:
    """Wait until each service has got a token that the key for its audience signed; fail if one refused."""

    def is_signed() -> bool:
        assert [service.refused for service in services if service.refused] == []
        return all(kids[service.audience] in service.kids for service in services)

    servers.wait_until(
        is_signed,
        tell=lambda: [
            (service.audience, service.verified)
            for service in services
            if kids[service.audience] not in service.kids
        ],
    )
