"""The set-up link: whoever runs the server makes the first owner with it, once.

The link is `<ISSUER_URL>/admin/setup#SECRET`. What follows the # is never sent by a browser, so the secret
stands in no access log of a proxy and in no Referer; the page's form sends it in its body. A script may
move it into the form; where none runs, the person copies it there, or pastes the whole link.
"""

import hmac
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from issuer import hashing, setup_link_file
from issuer.errors import Conflict, SetupLinkRefused
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.user import Role, User
from issuer.password_hashing import Passwords
from issuer.registry import user_rules, users
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.registry.users import NewUser
from issuer.store import setup_links
from issuer.store import users as user_store
from issuer.store.db import Connection

PATH: Final = "/admin/setup"
LIFETIME_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class SetupLink:
    """A link that makes the first owner. expires_at: epoch seconds."""

    url: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True, slots=True)
class FirstOwner:
    """What the set-up page sends. code: the secret of the link, or the whole link."""

    code: str = field(repr=False)
    name: str
    password: str = field(repr=False)


def is_needed(registrar: Registrar) -> bool:
    """Return whether there is no active owner yet: only then is there a set-up page."""
    with registrar.reading(Power.SIGN_IN) as connection:
        return _is_ownerless(connection)


def make_link(registrar: Registrar) -> SetupLink:
    """Return a new link; the one before opens nothing any more. Raises Conflict if there is an owner."""
    secret = registrar.entropy.secret()
    with registrar.change(Power.USERS) as change:
        if not _is_ownerless(change.connection):
            raise Conflict("there is an owner: an owner adds users, or `issuer user add` does")
        expires_at = change.now + LIFETIME_SECONDS
        setup_links.add_link(change.connection, hashing.hash_secret(secret), change.now, expires_at)
        change.record("setup_link.made", "user", "first owner", None, {"expires_at": expires_at})
    return SetupLink(f"{registrar.issuer_url}{PATH}#{secret}", expires_at)


def set_up(registrar: Registrar, passwords: Passwords, wanted: FirstOwner, data_dir: Path) -> User:
    """Make the first owner, who may then sign in. Exactly one comes of a link, whoever asks at once.

    registrar: of a visitor. data_dir: where the link may lie in a file, which is removed. Raises
    SetupLinkRefused, InvalidValue for name or password, Conflict if the name was ever taken,
    TemporarilyUnavailable. Only a success uses the link up.
    """
    secret_hash = hashing.hash_secret(wanted.code.strip().rpartition("#")[2])
    with registrar.reading(Power.SIGN_IN) as connection:
        _check_link(connection, secret_hash, registrar.clock.now())
        user_rules.check_name_free(connection, wanted.name)
    password_hash = users.hash_new(registrar, passwords, wanted.name, wanted.password)
    acting = replace(registrar, actor=Actor(ActorKind.USER, wanted.name, registrar.actor.request_id))
    with acting.change(Power.SIGN_IN) as change:
        _check_link(change.connection, secret_hash, change.now)
        new = NewUser(wanted.name, Role.OWNER, wanted.password)
        owner = users.write_added(change, new, password_hash, "user.set_up")
        setup_links.change_used(change.connection, change.now)
    setup_link_file.remove(data_dir)
    return owner


def _check_link(connection: Connection, secret_hash: bytes, now: int) -> None:
    link = setup_links.find_link(connection)
    if link is None or not hmac.compare_digest(link.secret_hash, secret_hash):
        raise SetupLinkRefused("unknown, or replaced by a newer one")
    if link.used_at is not None or now >= link.expires_at:
        raise SetupLinkRefused("used or too old")
    if not _is_ownerless(connection):
        raise SetupLinkRefused("there is an owner")


def _is_ownerless(connection: Connection) -> bool:
    return user_store.count_active(connection, Role.OWNER) == 0
