"""A shop that is open for the whole run, on each database: for flows that change nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from issuer.store import db as database
from issuer.store import schema
from tests.conftest import made_postgres, postgres_url
from tests.flows import servers, shop
from tests.flows.servers import Server
from tests.flows.shop import Account
from tests.peers.node import node_peers

__all__ = ["node_peers"]


@dataclass(frozen=True, slots=True)
class Shop:
    """A server with the shop's services. account: a client that may ask for all of them."""

    server: Server
    account: Account

    def ask_token(self, identifier: str) -> str:
        """Return an access token for an audience."""
        answer = self.server.ask_token(self.account.client_id, self.account.secret, audience=identifier)
        assert answer.status == 200, answer.body
        return answer.json["access_token"]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def open_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Give a shop on two workers, once on each database."""
    folder = tmp_path_factory.mktemp("shop")
    with migrated(request.param, folder) as url:
        environment = servers.make_environment(folder, url, workers=2)
        account = shop.open_shop(environment)
        with servers.running(folder, environment) as server:
            yield Shop(server, account)


@contextmanager
def migrated(kind: str, folder: Path) -> Iterator[str]:
    """Make a database, bring it to head, and give its URL; drop it at the end. kind: sqlite or postgresql."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'issuer.sqlite'}"
        _migrate(url)
        yield url
        return
    name = f"issuer_test_{os.getpid()}_{folder.name}"
    with made_postgres(name):
        _migrate(postgres_url(name))
        yield postgres_url(name)


def _migrate(text: str) -> None:
    url = database.make_url_of(text)
    engine = create_engine(url, **database.engine_options(url, 1))
    database.prepare_engine(engine)
    schema.set_write_ahead_log(engine)
    schema.upgrade(engine)
    engine.dispose()
