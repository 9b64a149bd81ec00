"""A registrar on each database, and a few things it has registered."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.model.audience import Audience, Scope
from issuer.model.audit_event import Actor, ActorKind, AuditEvent
from issuer.model.client import Client
from issuer.model.service import Service
from issuer.model.user import Role, User
from issuer.password_hashing import Cost, Passwords
from issuer.registry import audiences, audit, clients, services, sign_in, users
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService
from issuer.registry.sign_in import Browser, NewSession
from issuer.registry.users import NewUser
from issuer.store import db, registry_version
from issuer.store.registry_version import Concern
from tests.conftest import fresh_database_url

ISSUER_URL = "https://issuer.example/auth"
PASSWORD = "blue lamp under the quiet river"
BROWSER = Browser("192.0.2.7:4711", "Lynx/2.9")


@pytest.fixture
def registrar(session: Session, clock: Clock, entropy: Entropy) -> Registrar:
    """Give a registrar of the issuer https://issuer.example/auth that allows a day at most."""
    actor = Actor(ActorKind.TERMINAL, "alice", "request-1")
    return Registrar(session, actor, clock, entropy, ISSUER_URL, 24 * 3600)


@pytest.fixture
def shop(registrar: Registrar) -> Service:
    """Give a service."""
    return services.add_service(registrar, NewService("Shop", "team-shop"))


@pytest.fixture
def orders(registrar: Registrar, shop: Service) -> Audience:
    """Give an audience of the shop with the scopes read and write."""
    scopes = (Scope("orders:read", "Look at orders"), Scope("orders:write"))
    return audiences.add_audience(registrar, NewAudience("https://orders.example/", shop.name, scopes=scopes))


@pytest.fixture
def robot(registrar: Registrar) -> Client:
    """Give a client."""
    return clients.add_client(registrar, NewClient("Robot"))[0]


@pytest.fixture
def passwords(entropy: Entropy) -> Passwords:
    """Give passwords that cost nothing to hash."""
    return Passwords(entropy, Cost(1, 8, 1))


@pytest.fixture
def visitor(registrar: Registrar) -> Registrar:
    """Give a registrar of somebody who has not signed in."""
    return replace(registrar, actor=sign_in.make_visitor("request-2"))


@pytest.fixture
def add_user(registrar: Registrar, passwords: Passwords) -> Callable[..., User]:
    """Give the function that registers a user with PASSWORD: name, role, names of services."""

    def add(name: str, role: Role = Role.OWNER, *owned: str) -> User:
        return users.add_user(registrar, passwords, NewUser(name, role, PASSWORD, frozenset(owned)))

    return add


@pytest.fixture
def sign_in_as(visitor: Registrar, passwords: Passwords) -> Callable[..., NewSession]:
    """Give the function that signs a user in with PASSWORD, or another."""

    def run(name: str, password: str = PASSWORD, browser: Browser = BROWSER) -> NewSession:
        return sign_in.sign_in(visitor, passwords, name, password, browser)

    return run


@pytest.fixture
def last_event(registrar: Registrar) -> Callable[[], AuditEvent]:
    """Give the function that returns the newest audit event."""
    return lambda: audit.list_events(registrar, limit=1)[0]


@pytest.fixture
def version(registrar: Registrar) -> Callable[[], int]:
    """Give the function that returns the registry's version."""

    def find() -> int:
        with registrar.reading() as connection:
            return registry_version.find_version(connection)

    return find


@pytest.fixture
def concerns(registrar: Registrar) -> Callable[[int], set[Concern]]:
    """Give the function that returns what the versions after one concern."""

    def list_since(after: int) -> set[Concern]:
        with registrar.reading() as connection:
            return set(registry_version.list_changes(connection, after))

    return list_since


@pytest.fixture
def start_afresh(
    request: pytest.FixtureRequest, registrar: Registrar, engine: Engine, tmp_path: Path
) -> Iterator[Callable[[], Registrar]]:
    """Give the function that returns a registrar of an empty registry; on PostgreSQL, the other one goes."""
    with ExitStack() as opened:

        def start() -> Registrar:
            registrar.session.close()
            engine.dispose()
            kind = "sqlite" if engine.dialect.name == "sqlite" else "postgresql"
            folder = tmp_path / "afresh"
            folder.mkdir()
            url = db.make_url_of(fresh_database_url(request, folder, kind))
            fresh = create_engine(url, **db.engine_options(url, 8))
            opened.callback(fresh.dispose)
            db.prepare_engine(fresh)
            return replace(registrar, session=opened.enter_context(Session(fresh)))

        yield start
