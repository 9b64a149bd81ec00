"""A herd fetches the keys, verifiers meet kids that nobody knows, and the database is away meanwhile."""

import asyncio
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import jwt
import pytest
from sqlalchemy import make_url, select

from issuer import config
from issuer.entropy import Entropy
from issuer.master_key import find_or_make_master_key
from issuer.model.audience import own_jwks_path
from issuer.model.signing_key import KeyPurpose
from issuer.registry import own_keys
from issuer.registry.key_steps import Waits
from issuer.store.db import reading
from issuer.store.jwks_fetches import MOST_KEPT
from issuer.store.tables import JwksFetchRow
from tests.flows import rounds, servers, shop
from tests.flows.conftest import migrated
from tests.flows.servers import Server
from tests.flows.shop import Account
from tests.flows.tcp_proxy import TcpProxy, proxied

CONNECTIONS, REQUESTS = 500, 5_000
VERIFIERS, UNKNOWN_KIDS = 4, 50
JWKS = "/.well-known/jwks.json"
WAITS = Waits(600, 0, {KeyPurpose.TOKEN: 900, KeyPurpose.REFRESH: 900})
DOCUMENTS = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]
_HEAD_END = b"\r\n\r\n"


@dataclass
class Herd:
    """What came back for paths. statuses, etags: by path. seconds: of each answer. noted: GETs of keys."""

    paths: list[str]
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    etags: set[tuple[str, str]] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    noted: int = 0

    async def run(self, port: int, cut: TcpProxy) -> None:
        """Send all requests, from all connections at once; the database goes away after a quarter."""
        await asyncio.gather(*(self._connect(port, number, cut) for number in range(CONNECTIONS)))

    async def _connect(self, port: int, number: int, cut: TcpProxy) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        known: dict[str, str] = {}
        for turn in range(REQUESTS // CONNECTIONS):
            path = self.paths[(number + turn) % len(self.paths)]
            begun = time.monotonic()
            status, etag = await _ask(reader, writer, path, f"verifier{number}/1.0", known.get(path, ""))
            self.seconds.append(time.monotonic() - begun)
            self.statuses[path, status] += 1
            self.etags.add((path, etag))
            self.noted += path not in DOCUMENTS
            known[path] = etag
            await self._disturb(cut)
        writer.close()
        await writer.wait_closed()

    async def _disturb(self, cut: TcpProxy) -> None:
        if len(self.seconds) == REQUESTS // 4:
            await asyncio.to_thread(cut.cut)


class CountingClient(jwt.PyJWKClient):
    """PyJWT's client, which counts how often it fetches. fetched: so far."""

    fetched = 0

    def fetch_data(self) -> object:
        """Fetch the keys."""
        self.fetched += 1
        return super().fetch_data()


@dataclass
class Verifier:
    """A service that is sent tokens with kids that nobody knows, and fetches the keys each time."""

    server: Server
    token: str
    told: Counter[str] = field(default_factory=Counter)
    fetched: int = 0

    def run(self) -> None:
        """Look for kids that are not there, and verify a good token in between."""
        keys = CountingClient(f"{self.server.url}{JWKS}", timeout=10)
        for _ in range(UNKNOWN_KIDS):
            try:
                keys.get_signing_key(secrets.token_urlsafe(16))
            except jwt.PyJWKClientConnectionError as error:
                self.told[repr(error)] += 1
            except jwt.PyJWKClientError:
                self.told["unknown"] += 1
            key = keys.get_signing_key_from_jwt(self.token)
            jwt.decode(self.token, key, algorithms=["ES256"], audience=shop.SHIPPING, issuer=self.server.url)
            self.told["good"] += 1
        self.fetched = keys.fetched


@dataclass(frozen=True)
class Scene:
    """A server on two workers, with a proxy before its database. paths: of two key sets and the metadata."""

    server: Server
    paths: list[str]
    account: Account
    cut: TcpProxy


@pytest.fixture
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("herd")
    with migrated("postgresql", folder) as text:
        url = make_url(text)
        with proxied(url.port or 5432) as cut:
            through = url.set(host="127.0.0.1", port=cut.port).render_as_string(hide_password=False)
            environment = servers.make_environment(folder, through, workers=2, registry_stale_seconds=3)
            account = shop.open_shop(environment)
            master_keys = find_or_make_master_key(config.load_settings(environ=environment), Entropy())
            with servers.running(folder, environment) as server:
                server.wait_for_workers(2)
                with shop.registrar(environment) as clerk:
                    own = own_keys.give(clerk, master_keys, shop.BILLING, WAITS, at_once=True)
                own_path = own_jwks_path(own.id)
                servers.wait_until(
                    lambda: (
                        {answer.status for answer in rounds.run(lambda: server.send("HEAD", own_path))}
                        == {200}
                    )
                )
                yield Scene(server, [JWKS, JWKS, own_path, *DOCUMENTS], account, cut)


def list_counts(server: Server) -> list[int]:
    with shop.opened(server.environment) as engine, reading(engine) as connection:
        return list(connection.execute(select(JwksFetchRow.count)).scalars())


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Give the function that prints a line of the result, whatever is captured."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return write


def test_a_herd_gets_the_keys_while_the_database_is_away(scene: Scene, say: Callable[[str], None]) -> None:
    server, account = scene.server, scene.account
    token = server.ask_token(account.client_id, account.secret, resource=shop.SHIPPING).json["access_token"]
    herd, verifiers = Herd(scene.paths), [Verifier(server, token) for _ in range(VERIFIERS)]
    threads = [threading.Thread(target=verifier.run) for verifier in verifiers]

    for thread in threads:
        thread.start()
    asyncio.run(herd.run(server.port, scene.cut))
    for thread in threads:
        thread.join()
    servers.wait_until(lambda: server.send("GET", "/readyz").status == 503, 60)
    still = {server.send("GET", path).status for path in scene.paths}
    scene.cut.restore()

    by_status = Counter(status for _, status in herd.statuses.elements())
    p50, p99 = (sorted(herd.seconds)[len(herd.seconds) * share // 100] * 1000 for share in (50, 99))
    say(f"{REQUESTS} on {CONNECTIONS}: {dict(by_status)}, p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    assert (set(by_status), by_status.total(), still) == ({200, 304}, REQUESTS, {200})
    assert len(herd.etags) == len(set(scene.paths))
    good = Counter({"unknown": UNKNOWN_KIDS, "good": UNKNOWN_KIDS})
    assert [verifier.told for verifier in verifiers] == [good] * VERIFIERS
    assert server.events("request.failed") == []
    # Each fetch is counted once, also those while nothing could be written, and the names stay few.
    fetched = herd.noted + sum(verifier.fetched for verifier in verifiers) + len(scene.paths) - len(DOCUMENTS)
    servers.wait_until(lambda: sum(list_counts(server)) == fetched, 30, lambda: list_counts(server))
    assert len(list_counts(server)) <= MOST_KEPT


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, user_agent: str, etag: str
) -> tuple[int, str]:
    """Send one GET on an open connection and return its status and ETag."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", f"User-Agent: {user_agent}"]
    lines += [f"If-None-Match: {etag}"] if etag else []
    writer.write("\r\n".join([*lines, "", ""]).encode("ascii"))
    await writer.drain()
    head = (await reader.readuntil(_HEAD_END)).decode("ascii").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers["etag"]
