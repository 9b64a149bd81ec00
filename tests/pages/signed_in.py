"""Visitors who have signed in, each with a browser of their own; nothing is hashed for them."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import Client as WsgiClient
from werkzeug.test import TestResponse

from issuer import hashing
from issuer.entropy import Entropy
from issuer.model.user import Role, User, UserId, UserState
from issuer.model.web_session import WebSession
from issuer.password_hashing import Cost, Hasher
from issuer.registry import services
from issuer.store import db as database
from issuer.store import users, web_sessions
from tests.oauth.world import World

ROLES = tuple(Role)
ADDRESS = "192.0.2.7"
PASSWORD = "blue lamp under the quiet river"

_TOKEN = re.compile(r'name="csrf-?_?token" (?:content|value)="([^"]+)"')
_CHEAP = Cost(1, 8, 1)


@dataclass(slots=True)
class Member:
    """A user of a world and a browser without scripts. secret: what the cookie holds at first."""

    world: World
    name: str
    session_id: int
    secret: str = field(repr=False)
    http: WsgiClient = field(repr=False)

    @property
    def cookie(self) -> tuple[str, str]:
        """The name and the value of the cookie, for a real browser."""
        return cookie_name(self.world), self.secret

    def ask(self, method: str, path: str, **more: Any) -> TestResponse:
        """Send a request."""
        place = {"REMOTE_ADDR": ADDRESS, **more.pop("environ_overrides", {})}
        return self.http.open(path, origin_of(self.world), method=method, environ_overrides=place, **more)

    def open(self, path: str, **more: Any) -> TestResponse:
        """Open a page."""
        return self.ask("GET", path, **more)

    def find_token(self) -> str:
        """Return the token that forms of this browser carry."""
        return find_token(self.open("/admin/step-up").text)

    def send(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
        """Post a form with its token; a list is a field that is there several times."""
        data = {"csrf_token": self.find_token(), **fields}
        return self.ask("POST", path, data=data, headers=headers or {})


def sign_in_as(
    world: World,
    role: Role | str = Role.OWNER,
    services: tuple[str, ...] = (),
    name: str = "",
    *,
    is_stepped_up: bool = True,
) -> Member:
    """Return a new user of a role, signed in. services: names, of a service owner.

    is_stepped_up: whether the password was given just now, so that dangerous acts pass.
    """
    user = add_user(world, name or _find_free_name(world, Role(role)), role, services)
    return open_session(world, user, is_stepped_up=is_stepped_up)


def add_user(
    world: World, name: str, role: Role | str = Role.OWNER, owned: tuple[str, ...] = (), **more: Any
) -> User:
    """Register a user with PASSWORD. more: further fields of the user, such as `state`."""
    now = world.parts.clock.now()
    fields = {"state": UserState.ACTIVE, "last_sign_in_at": None, "version": 1, **more}
    draft = User(
        id=UserId(0),
        name=name,
        canonical=name.lower(),
        role=Role(role),
        services=tuple(sorted(owned)),
        created_at=now,
        password_changed_at=now,
        **fields,
    )
    password_hash = Hasher(Entropy(), _CHEAP).hash(PASSWORD)
    with database.writing(world.parts.engine) as connection:
        service_ids = [services.require_service(connection, each).id for each in owned]
        users.add_user(connection, draft, service_ids, password_hash)
        return users.find_user(connection, draft.canonical)


def open_session(
    world: World, user: User, *, is_stepped_up: bool = True, user_agent: str = "Lynx/2.9"
) -> Member:
    """Sign a user in, in another browser."""
    now = world.parts.clock.now()
    secret = Entropy().secret()
    session = WebSession(
        id=0,
        user_id=user.id,
        created_at=now,
        last_seen_at=now,
        stepped_up_at=now if is_stepped_up else 0,
        address=ADDRESS,
        user_agent=user_agent,
        ended_at=None,
    )
    with database.writing(world.parts.engine) as connection:
        session_id = web_sessions.add_session(connection, session, hashing.hash_secret(secret))
    http = WsgiClient(world.app)
    http.set_cookie(cookie_name(world), secret, domain=urlsplit(origin_of(world)).hostname)
    return Member(world, user.name, session_id, secret, http)


def hash_cheaply(app: Flask) -> None:
    """Let an application check passwords at the cost that these users' are hashed at."""
    parts = app.extensions["issuer"]
    parts.passwords._hasher = Hasher(parts.entropy, _CHEAP)


def find_token(page: str) -> str:
    """Return the token of the forms on a page."""
    return _TOKEN.search(page).group(1)


def cookie_name(world: World) -> str:
    """Return the name of the cookie of sessions."""
    return "__Host-issuer_session" if world.parts.settings.url.startswith("https:") else "issuer_session"


def origin_of(world: World) -> str:
    """Return the issuer's URL without its path."""
    parts = urlsplit(world.parts.settings.url)
    return f"{parts.scheme}://{parts.netloc}"


def _find_free_name(world: World, role: Role) -> str:
    name = role.value.replace("_", "-")
    with database.reading(world.parts.engine) as connection:
        taken = {user.name for user in users.list_users(connection)}
    return next(each for each in (name, *(f"{name}-{n}" for n in range(2, 1000))) if each not in taken)
