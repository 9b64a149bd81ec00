"""A world for tests of the HTTP surface: a registry, an application over it, and one who asks.

Everything is registered through the use-cases that admins cause, so what a test sets up could be set up
by an admin. Changes reach the application when the test says `look()`, as its thread would.
"""

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import Headers
from werkzeug.test import Client as WsgiClient

from issuer import app as application
from issuer import config
from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.errors import Conflict, Refusal
from issuer.issuing.keyring import KeySet, LoadedKey
from issuer.jose import keys, sealing
from issuer.jose.signing import Signer
from issuer.model.audience import Audience, Scope
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.client import AuthMethod
from issuer.model.signing_key import KeyPurpose, StoredKey
from issuer.parts import Parts
from issuer.registry import aliases, audiences, clients, issuer_url, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService
from issuer.store import db as database
from issuer.store import signing_keys
from issuer.store.tables import AudienceRow, ClientRow, IdentifierRow, UsageRow
from tests.conftest import CountingEntropy, FixedClock, fresh_database_url

ISSUER = "https://id.example"
TOKEN = "/oauth/token"
FORM = "application/x-www-form-urlencoded"
ON_BOTH_DATABASES = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
MASTER_KEY = b"master key for tests: 32 bytes.."

_KEYS_SINCE = 1_700_000_000
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client as it knows itself."""

    client_id: str
    secret: str

    @property
    def basic(self) -> str:
        """The Authorization header, as RFC 6749 §2.3.1 says: both halves urlencoded, then joined."""
        return basic(quote(self.client_id, safe=""), quote(self.secret, safe=""))

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a client that authenticates in the body."""
        return {"client_id": self.client_id, "client_secret": self.secret}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as the asker gets it."""

    status: int
    headers: Headers
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def token(self) -> str:
        """The access token of an answer that must hold one."""
        assert self.status == 200, self.body
        return self.json["access_token"]

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of the access token, unverified."""
        return decode_segment(self.token.split(".")[1])

    @property
    def token_header(self) -> dict[str, Any]:
        """The header of the access token."""
        return decode_segment(self.token.split(".")[0])

    @property
    def aud(self) -> str | list[str]:
        """The audience of the access token."""
        return self.claims["aud"]


@dataclass(slots=True)
class World:
    """One issuer with its registry, empty but for the issuer's own audiences."""

    app: Flask
    parts: Parts
    registrar: Registrar
    log_path: Path
    http: WsgiClient
    clients: dict[str, Credentials] = field(default_factory=dict)

    def add_service(self, name: str, owner: str = "team", trust_group: str | None = None) -> None:
        """Register a service."""
        services.add_service(self.registrar, NewService(name, owner, trust_group))

    def add_audience(self, identifier: str, *scopes: str, service: str = "Shop", **fields: Any) -> Audience:
        """Register an audience with scopes; its service is made where it is not there."""
        self._ensure_service(service)
        defined = tuple(Scope(name) for name in scopes)
        return audiences.add_audience(
            self.registrar, NewAudience(identifier, service, scopes=defined, **fields)
        )

    def add_client(
        self, name: str, *permitted: str, default: str | None = None, **fields: Any
    ) -> Credentials:
        """Register a client, permitted to audiences with all their scopes; default: an audience."""
        client, secret = clients.add_client(self.registrar, NewClient(name, **fields))
        for identifier in permitted:
            self.permit(client.client_id, identifier)
        if default is not None:
            wanted = ClientChange(default_audience=default)
            clients.change_client(self.registrar, client.client_id, wanted)
        self.clients[name] = Credentials(client.client_id, secret)
        return self.clients[name]

    def permit(self, client_id: str, identifier: str, *scopes: str, **fields: Any) -> None:
        """Permit an audience to a client, with the scopes named or with all it defines."""
        audience = audiences.find_audience(self.registrar, identifier)
        names = frozenset(scopes) or frozenset(scope.name for scope in audience.scopes)
        wanted = NewPermission(client_id, identifier, names, **fields)
        permissions.grant_permission(self.registrar, wanted)

    def add_alias(self, identifier: str, alias: str, mode: str, until: int | None = None) -> None:
        """Give an audience another spelling."""
        aliases.add_alias(self.registrar, identifier, alias, aliases.AliasMode(mode), until)

    def look(self) -> None:
        """Let the application look at the registry, as its thread does a few times a second."""
        self.parts.cache.check_once()

    def forgive(self) -> None:
        """Forget who failed to authenticate: the tests of one town must not lock each other out."""
        self.parts.lockout._known.clear()
        self.parts.lockout._unwritten.clear()

    def ask(self, client: Credentials | None = None, /, **parameters: str | list[str]) -> Answer:
        """Ask for a token with Basic authentication; a list is a repeated parameter, None leaves one out."""
        headers = {} if client is None else {"Authorization": client.basic}
        return self.post(encode(parameters), headers)

    def post(
        self, body: bytes | str, headers: Mapping[str, str] | None = None, path: str = TOKEN, **more: Any
    ) -> Answer:
        """Post a form as it is."""
        given = {"Content-Type": FORM, **(headers or {})}
        return self.send("POST", path, headers=given, data=body, **more)

    def send(self, method: str, path: str, **more: Any) -> Answer:
        """Send any request. more: as werkzeug.test.EnvironBuilder takes it."""
        environ = {"REMOTE_ADDR": "127.0.0.1", **more.pop("environ_overrides", {})}
        response = self.http.open(path, method=method, environ_overrides=environ, **more)
        return Answer(response.status_code, response.headers, response.get_data())

    def lines(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the lines of the event log; each must be one JSON object of at most 4,000 bytes.

        since: only what was written after `log_size` gave this.
        """
        raw = self.log_path.read_bytes()[since:].splitlines(keepends=True)
        assert all(line.endswith(b"\n") and len(line) <= 4000 for line in raw)
        return [json.loads(line) for line in raw]

    def log_size(self) -> int:
        """Return the size of the event log in bytes."""
        return self.log_path.stat().st_size

    def usage(self) -> set[tuple[Any, ...]]:
        """Return the counted sums: client_id, identifier, grant type, outcome, count, last_at, max_exp."""
        self.parts.usage.write_once()
        with database.reading(self.parts.engine) as connection:
            client_ids = dict(map(tuple, connection.execute(select(ClientRow.key, ClientRow.client_id))))
            found = connection.execute(
                select(UsageRow.__table__, IdentifierRow.identifier)
                .select_from(UsageRow)
                .outerjoin(AudienceRow, AudienceRow.id == UsageRow.audience_id)
                .outerjoin(
                    IdentifierRow,
                    (IdentifierRow.audience_id == AudienceRow.id) & (IdentifierRow.role == "primary"),
                )
            ).mappings()
            return {
                (
                    client_ids.get(row["client_key"]),
                    row["identifier"],
                    *(row[name] for name in ("grant_type", "outcome", "count", "last_at", "max_exp")),
                )
                for row in found
            }

    def verify(self, answer: Answer) -> dict[str, Any]:
        """Return the claims of a token, verified by another library with the JWKS that is served."""
        key_set = jwt.PyJWKSet.from_dict(self.send("GET", "/.well-known/jwks.json").json)
        header = jwt.get_unverified_header(answer.token)
        key = key_set[header["kid"]]
        # The clock of the tests stands still, at a time that is not now.
        options = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
        return jwt.decode(answer.token, key, algorithms=[key.algorithm_name], options=options)

    def _ensure_service(self, name: str) -> None:
        try:
            self.add_service(name)
        except Conflict:
            return


OpenWorld = Callable[..., World]


@pytest.fixture(scope="session")
def loaded_keys() -> tuple[LoadedKey, ...]:
    """Give one key of each kind, made once: an RSA key takes 100 ms to make and 40 ms to open."""
    return tuple(
        load_key(purpose, alg)
        for purpose, alg in (
            (KeyPurpose.TOKEN, "RS256"),
            (KeyPurpose.TOKEN, "ES256"),
            (KeyPurpose.REFRESH, "HS256"),
        )
    )


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a freshly migrated registry: SQLite, for most of this says nothing of databases."""
    return fresh_database_url(request, tmp_path, getattr(request, "param", "sqlite"))


@pytest.fixture
def open_world(
    database_url: str, tmp_path: Path, clock: Any, entropy: Any, loaded_keys: tuple[LoadedKey, ...]
) -> Iterator[OpenWorld]:
    """Give the function that opens a world; its keywords are settings, `log_descriptor` and `draws`."""
    with ExitStack() as opened:

        def make(*, log_descriptor: int | None = None, draws: Entropy = entropy, **settings: str) -> World:
            given = make_settings(database_url, tmp_path, **settings)
            opening = opened_world(given, clock, draws, loaded_keys, tmp_path, log_descriptor)
            return opened.enter_context(opening)

        yield make


@pytest.fixture(scope="session")
def towns(
    _sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, loaded_keys: tuple[LoadedKey, ...]
) -> Iterator[dict[str, World]]:
    """Give two worlds that stay as they are, by `short_cut`; see `town`."""
    with ExitStack() as opened:
        made = {}
        for way in ("true", "false"):
            folder = tmp_path_factory.mktemp("town")
            shutil.copyfile(_sqlite_template, folder / "issuer.sqlite")
            settings = make_settings(f"sqlite:///{folder}/issuer.sqlite", folder, short_cut=way)
            opening = opened_world(settings, FixedClock(), CountingEntropy(), loaded_keys, folder)
            made[way] = opened.enter_context(opening)
            _settle(made[way])
        yield made


@pytest.fixture
def town(towns: dict[str, World], short_cut: str) -> World:
    """Give a world for tests that change nothing in it, through the front's short cut and through Flask.

    Audiences: https://orders.example (read, write), https://billing.example (read, pay), posted. Clients:
    Robot may ask for the first, Buyer for the first two, Poster authenticates in the body.
    """
    town = towns[short_cut]
    town.forgive()
    return town


@pytest.fixture(params=["front", "flask"])
def short_cut(request: pytest.FixtureRequest) -> str:
    """Give the setting under which requests take the short cut, then the one under which Flask gets them."""
    return "true" if request.param == "front" else "false"


@pytest.fixture
def world(open_world: OpenWorld, short_cut: str) -> World:
    """Give a world, once through the front's short cut and once through Flask's routes."""
    return open_world(short_cut=short_cut)


class _Templates(BytecodeCache):
    """Templates compiled once for all applications of a process."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take over what was compiled of the same source."""
        if bucket.key + bucket.checksum in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key + bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        self._compiled[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


_TEMPLATES = _Templates()


@contextmanager
def opened_world(
    settings: config.Settings,
    clock: Clock,
    entropy: Entropy,
    loaded: tuple[LoadedKey, ...],
    folder: Path,
    log_descriptor: int | None = None,
) -> Iterator[World]:
    """Open a world on a migrated database. log_descriptor: instead of the file that `lines` reads."""
    log_path = folder / "events.log"
    own = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    descriptor = own if log_descriptor is None else log_descriptor
    app = application.create_app(settings, clock=clock, entropy=entropy, log_descriptor=descriptor)
    app.jinja_env.bytecode_cache = _TEMPLATES
    parts = application.parts_of(app)
    issuer_url.align(parts.engine, settings.url, clock)
    _store_keys(parts, loaded)
    application.load_keys(parts)
    world = World(app, parts, make_registrar(parts), log_path, WsgiClient(app))
    yield world
    world.registrar.session.close()
    parts.engine.dispose()
    os.close(own)


def make_settings(database_url: str, folder: Path, **settings: str) -> config.Settings:
    """Return settings as an operator would give them; keywords are their names in lower case."""
    given = {
        "url": ISSUER,
        "database_url": database_url,
        "data_dir": str(folder / "data"),
        "master_key": base64.urlsafe_b64encode(MASTER_KEY).decode("ascii"),
        **settings,
    }
    return config.load_settings(environ={f"ISSUER_{name.upper()}": text for name, text in given.items()})


def make_registrar(parts: Parts) -> Registrar:
    """Return a registrar on an application's own database."""
    return Registrar(
        Session(parts.engine),
        Actor(ActorKind.TERMINAL, "alice"),
        parts.clock,
        parts.entropy,
        parts.settings.url,
        parts.settings.access_token_max_seconds,
    )


def load_key(purpose: KeyPurpose, alg: str, **times: int | None) -> LoadedKey:
    """Return a new key with its row. times: those of its fields that are not as at the first start."""
    key = keys.make_signing_key(alg, Entropy())
    public = keys.public_jwk(key) if purpose is KeyPurpose.TOKEN else None
    master_key_id, sealed = sealing.seal_key(key, purpose, (MASTER_KEY,), Entropy())
    stored = StoredKey(
        kid=key.kid,
        purpose=purpose,
        alg=alg,
        public_jwk=public,
        sealed=sealed,
        master_key_id=master_key_id,
        created_at=_KEYS_SINCE,
        published_at=_KEYS_SINCE,
        signs_from=_KEYS_SINCE,
        signs_until=None,
        verify_until=None,
        compromised_at=None,
        longest_lifetime_seconds=24 * 3600,
    )
    return LoadedKey(replace(stored, **times), Signer(key), keys.make_verifying_key(key), public)


def basic(user: str, password: str) -> str:
    """Return a Basic header of two halves as they stand."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def encode(parameters: Mapping[str, str | list[str] | None]) -> bytes:
    """Return parameters as a form; client_credentials unless they say otherwise, None leaves one out."""
    given = {"grant_type": "client_credentials", **parameters}
    return urlencode({name: value for name, value in given.items() if value is not None}, doseq=True).encode()


def decode_segment(segment: str) -> dict[str, Any]:
    """Return the JSON object in a segment of a compact JWS."""
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def assert_refused(answer: Answer, refusal: type[Refusal], **headers: str) -> None:
    """Assert that an answer is this refusal and nothing else: status, every header, every byte."""
    expected = {"error": refusal.code, "error_description": refusal.sentence}
    assert (answer.status, answer.json) == (refusal.status, expected)
    assert_headers(answer, {"Content-Type": "application/json", **_NO_STORE, **headers})


def assert_headers(answer: Answer, expected: Mapping[str, str]) -> None:
    """Assert that an answer has these headers, its length, a request id, and no other header."""
    every = {"Content-Length": str(len(answer.body)), "X-Request-ID": answer.headers["X-Request-ID"]}
    assert dict(answer.headers) == {**every, **expected}
    assert len(list(answer.headers)) == len(expected) + len(every)


@contextmanager
def watching_statements(engine: Engine) -> Iterator[list[str]]:
    """Give the list that fills with every statement the engine runs."""
    statements: list[str] = []

    def watch(_connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", watch)
    yield statements
    event.remove(engine, "before_cursor_execute", watch)


def flatten(*lists: list[str]) -> list[str]:
    """Return lists as one."""
    return list(chain.from_iterable(lists))


def _settle(town: World) -> None:
    town.add_audience("https://orders.example", "read", "write", service="Orders")
    town.add_audience("https://billing.example", "read", "pay", service="Billing")
    town.add_audience("posted", service="Posted")
    town.add_client("Robot", "https://orders.example")
    town.add_client("Buyer", "https://orders.example", "https://billing.example")
    town.add_client("Poster", "posted", auth_method=AuthMethod.CLIENT_SECRET_POST)


def _store_keys(parts: Parts, loaded: tuple[LoadedKey, ...]) -> None:
    """Put keys into the database, and into the keyring as if it had opened them: that takes 40 ms."""
    with database.writing(parts.engine) as connection:
        if not signing_keys.list_keys(connection):
            for key in loaded:
                signing_keys.add_key(connection, key.stored)
    parts.keyring._set = KeySet.of(loaded)
