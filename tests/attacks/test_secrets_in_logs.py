"""No secret and no token in any log at any level, in any row, in any answer but the one it is meant for."""

import base64
import hashlib
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from sqlalchemy import inspect, text

from issuer import logs
from issuer.entropy import Entropy
from issuer.registry import client_secrets, setup
from issuer.store import db as database
from tests.oauth.world import FORM, ISSUER, TOKEN, Answer, Credentials, World, basic, encode
from tests.pages.signed_in import PASSWORD, find_token, hash_cheaply

ORDERS = "https://orders.example"
_LOGGERS = [
    "",
    "authlib",
    "authlib.oauth2",
    "authlib.oauth2.rfc6749",
    "authlib.oauth2.rfc6749.grants.client_credentials",
    "flask.app",
    "granian",
    "granian.access",
    "_granian",
    "issuer",
    "joserfc",
    "sqlalchemy",
    "sqlalchemy.engine",
    "sqlalchemy.pool",
    "werkzeug",
]


class Everything(logging.Handler):
    """Keeps whatever any logger says, formatted as the server formats it, and in clear as well."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self._json = logs.JsonFormatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.texts += [self.format(record), self._json.format(record)]


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """Give the list that fills with what every logger says at DEBUG, as an operator could set it."""
    handler = Everything()
    logging.config.dictConfig(dict(logs.logging_settings("DEBUG")))
    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    logging.getLogger().addHandler(handler)
    for name in _LOGGERS:
        if not name.startswith("authlib"):
            logging.getLogger(name).setLevel(logging.DEBUG)
    yield handler.texts
    logging.getLogger().removeHandler(handler)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger().handlers = [
        kept for kept in logging.getLogger().handlers if not isinstance(kept.formatter, logs.JsonFormatter)
    ]


@pytest.mark.parametrize("audit_issuance", ["log", "database"])
def test_no_secret_and_no_token_is_found_anywhere(
    open_world,
    heard: list[str],
    capfd: pytest.CaptureFixture,
    short_cut: str,
    audit_issuance: str,
    monkeypatch,
):
    """Tokens in audit logs and pages: Vault CVE-2024-8365, OpenBao CVE-2025-62513."""
    world = open_world(draws=Entropy(), short_cut=short_cut, audit_issuance=audit_issuance)
    world.add_audience(ORDERS, "read")
    robot = world.add_client("Robot", ORDERS)
    _, second = client_secrets.add_secret(world.registrar, robot.client_id, "next")
    world.look()

    issued = [world.ask(robot), world.ask(Credentials(robot.client_id, second), scope="read")]
    tokens = [answer.token for answer in issued]
    others = [*_misuse(world, robot), *_break(world, robot, monkeypatch)]
    world.parts.usage.write_once()

    printed = "".join(capfd.readouterr())
    seen = {
        "log": "\n".join(heard),
        "printed": printed,
        "events": world.log_path.read_text(),
        "database": _dump(world),
        "answers": "\n".join(f"{answer.headers}\n{answer.body!r}" for answer in others),
    }
    found = {
        (place, secret[:8])
        for place, everything in seen.items()
        for secret in _spellings(robot.secret, second, *tokens, robot=robot)
        if secret in everything
    }
    assert found == set()
    assert "sqlalchemy.engine" in seen["log"], "the test must hear what is said at DEBUG"


def test_authlib_says_nothing_even_where_everything_else_speaks(world: World, robot: Credentials, heard):
    """It logs whole token responses at DEBUG."""
    logger = logging.getLogger("authlib.oauth2.rfc6749.grants.client_credentials")
    world.ask(robot)

    logger.debug("Issue token %r", {"access_token": "hunter2"})

    assert not logger.isEnabledFor(logging.CRITICAL)
    assert "hunter2" not in "".join(heard)


def test_a_secret_is_stored_as_its_hash_only(world: World, robot: Credentials):
    """Authlib's mixin keeps it in clear."""
    digest = hashlib.sha256(robot.secret.encode()).digest()

    dumped = _dump(world)

    assert repr(digest) in dumped
    assert robot.secret not in dumped


def test_a_secret_shows_in_no_repr(world: World, robot: Credentials):
    record = world.parts.cache.find_record(robot.client_id)

    shown = repr(record) + repr(world.parts.settings) + repr(world.parts.keyring._set)

    assert robot.secret not in shown
    assert repr(record.client.secrets[0].secret_hash) not in shown
    assert "master key for tests" not in shown


def _misuse(world: World, robot: Credentials) -> list[Answer]:
    """Ask in the ways in which people let secrets slip, and in the ways that are refused."""
    wrong = Credentials(robot.client_id, robot.secret[::-1])
    return [
        world.ask(wrong),
        world.ask(robot, client_secret=robot.secret),
        world.ask(**robot.form),
        world.ask(Credentials(robot.secret, robot.client_id)),
        world.ask(client_id=robot.secret, client_secret=robot.client_id),
        world.ask(robot, resource="https://nowhere.example"),
        world.ask(robot, scope="unknown"),
        world.ask(robot, grant_type="password", username="a", password=robot.secret),
        world.post(encode(robot.form), path=f"{TOKEN}?client_secret={quote(robot.secret)}"),
        world.post(f'{{"client_secret": "{robot.secret}"}}', {"Content-Type": "application/json"}),
        world.post(encode(robot.form) + b"&client_secret=" + robot.secret.encode()),
        world.post(encode(robot.form) + b"&scope=%00"),
        world.post(encode({}), {"Authorization": f"Bearer {robot.secret}"}),
        world.post(encode({}), {"Authorization": basic(robot.client_id, robot.secret + "%")}),
        world.send("GET", TOKEN, headers={"Authorization": robot.basic}),
        world.send("GET", f"/{robot.secret}"),
        world.send("GET", "/", headers={"X-Request-ID": robot.secret + " ", "Cookie": f"a={robot.secret}"}),
    ]


def _break(world: World, robot: Credentials, monkeypatch: pytest.MonkeyPatch) -> list[Answer]:
    """Ask while something inside fails with what it was given in its text."""

    def fail(*given: object) -> None:
        raise RuntimeError(f"cannot use {robot.secret} {given!r}")

    monkeypatch.setattr("issuer.oauth.client_auth.hashing.hash_secret", fail)
    return [world.ask(robot), world.post(encode(robot.form), content_type=FORM)]


def _spellings(*secrets: str, robot: Credentials) -> Iterator[str]:
    for secret in secrets:
        yield secret
        yield quote(secret, safe="")
        yield base64.b64encode(secret.encode()).decode().rstrip("=")
        yield hashlib.sha256(secret.encode()).hexdigest()
        if "." in secret:
            yield from secret.split(".")[1:]
    yield robot.basic.partition(" ")[2]


def _dump(world: World) -> str:
    """Return every row of every table as text."""
    with database.reading(world.parts.engine) as connection:
        names = inspect(connection).get_table_names()
        rows = [connection.execute(text(f'SELECT * FROM "{name}"')).all() for name in names]  # noqa: S608
    return repr(rows)


def test_no_password_and_no_session_is_found_anywhere(
    open_world, heard: list[str], capfd: pytest.CaptureFixture
):
    """Typed right or wrong, into the right field or into another, in any page that takes one."""
    world = open_world(draws=Entropy())
    hash_cheaply(world.app)
    wrong, chosen = "mistaken for the right one 4711", "violet trombone on the marsh"
    link = setup.make_link(world.registrar).url
    passwords = {"password": PASSWORD, "repeated": PASSWORD}
    forms = [
        ("/admin/setup", {"code": wrong, "name": "alice", **passwords}),
        ("/admin/setup", {"code": link, "name": wrong, **passwords}),
        ("/admin/setup", {"code": link, "name": "alice", **passwords}),
        ("/admin/sign-in", {"name": "alice", "password": wrong}),
        ("/admin/sign-in", {"name": PASSWORD, "password": "alice"}),
        ("/admin/sign-in", {"name": wrong, "password": wrong}),
        ("/admin/step-up", {"password": wrong}),
        ("/admin/step-up", {"password": PASSWORD}),
        ("/admin/account/password", {"old": wrong, "new": chosen, "repeated": chosen}),
        ("/admin/users/new", {"name": chosen, "role": "admin", "password": wrong, "repeated": wrong}),
        ("/admin/users/new", {"name": "bob", "role": "admin", "password": wrong, "repeated": wrong}),
        ("/admin/users/by-name/bob/password", {"password": chosen, "repeated": chosen}),
        ("/admin/account/password", {"old": PASSWORD, "new": chosen, "repeated": chosen}),
    ]

    sessions = [_send_form(world, path, fields) for path, fields in forms]

    (secret, *renewed) = dict.fromkeys(each for each in sessions if each)
    assert len(renewed) == 2, "set-up, step-up and the other password give a secret each"
    seen = {
        "log": "\n".join(heard),
        "printed": "".join(capfd.readouterr()),
        "events": world.log_path.read_text(),
        "database": _dump(world),
    }
    code = link.partition("#")[2]
    found = {
        (place, each[:8])
        for place, everything in seen.items()
        for each in (PASSWORD, wrong, chosen, code, secret, *renewed)
        if each in everything
    }
    assert found == set()
    assert seen["events"].count("user.sign_in_refused") == 3


def _send_form(world: World, path: str, fields: dict[str, str]) -> str:
    """Send a form; return the secret of the session that the browser then holds, if any."""
    page = world.http.open("/admin/account", ISSUER, follow_redirects=True).text
    data = {"csrf_token": find_token(page), **fields}
    world.http.open(path, ISSUER, method="POST", data=data)
    cookie = world.http.get_cookie("__Host-issuer_session", domain="id.example")
    return cookie.value if cookie else ""
