"""Signing in, and what a user does with the own account: step-up, another password."""

from dataclasses import dataclass, field, replace

from issuer import hashing
from issuer.errors import InvalidValue, SignInFailed
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.user import Authority, User, UserId, UserState
from issuer.model.web_session import WebSession
from issuer.password_hashing import Passwords
from issuer.policy import user_names
from issuer.registry import password_proof, users
from issuer.registry.password_proof import Claim
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Fields, Registrar
from issuer.store import users as user_store
from issuer.store import web_sessions as store
from issuer.store.users import StoredPassword

_LONGEST_ADDRESS = 64
_LONGEST_USER_AGENT = 200


@dataclass(frozen=True, slots=True)
class Browser:
    """From where somebody asks. address: as the server or a trusted proxy tells it. Both are cut."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user and the live session in which the user acts."""

    user: User
    session: WebSession

    def actor(self, request_id: str | None) -> Actor:
        """Return in whose name a registrar of this request acts."""
        user = self.user
        authority = Authority(user.id, user.role, frozenset(user.services), self.session.stepped_up_at)
        return Actor(ActorKind.USER, user.name, request_id, authority)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session with the secret that the browser holds from now on, which nobody can show again."""

    signed_in: SignedIn
    secret: str = field(repr=False)


def make_visitor(request_id: str | None) -> Actor:
    """Return the actor of a request that nobody has signed in for: who may sign in, and nothing else."""
    return Actor(ActorKind.USER, "visitor", request_id)


def sign_in(
    registrar: Registrar, passwords: Passwords, name: str, password: str, browser: Browser
) -> NewSession:
    """Open a new session for who gives the right password. registrar: of a visitor.

    Raises SignInFailed (one answer for an unknown name, a wrong password and a user who may not sign in),
    SignInLocked, or TemporarilyUnavailable.
    """
    canonical = user_names.canonical_form(name)
    found = _find_password(registrar, canonical)
    stored = None if found is None else found.password_hash
    claim = Claim(canonical, stored, password, browser.address)
    password_hash = password_proof.prove(registrar, passwords, claim)
    if found is None:
        raise SignInFailed("nobody who may sign in")
    acting = replace(registrar, actor=Actor(ActorKind.USER, found.name, registrar.actor.request_id))
    with acting.change(Power.SIGN_IN) as change:
        user = _require_unchanged(change, found.user_id, found.password_hash)
        user_store.change_signed_in(change.connection, user.id, change.now, password_hash)
        password_proof.forget_failures(change.connection, canonical, browser.address)
        return _open(acting, change, user, browser)


def step_up(
    registrar: Registrar, passwords: Passwords, signed_in: SignedIn, password: str, browser: Browser
) -> NewSession:
    """Let dangerous acts pass for 5 minutes; the session goes on under a new secret.

    registrar: of the user. Raises SignInFailed, SignInLocked or TemporarilyUnavailable.
    """
    user = signed_in.user
    stored = _prove_own(registrar, passwords, user, password, browser)
    with registrar.change(Power.OWN_ACCOUNT) as change:
        _require_unchanged(change, user.id, stored)
        password_proof.forget_failures(change.connection, user.canonical, browser.address)
        change.record("user.stepped_up", "user", user.name, None, {"session": signed_in.session.id})
        return _renew(registrar, change, signed_in)


def change_own_password(
    registrar: Registrar,
    passwords: Passwords,
    signed_in: SignedIn,
    old: str,
    new: str,
    browser: Browser,
) -> NewSession:
    """Give oneself another password; all other sessions end, this one goes on under a new secret.

    registrar: of the user. Raises InvalidValue for the new one, and for the old one as `step_up` does.
    """
    user = signed_in.user
    if new == old:
        raise InvalidValue("the new password is the old one")
    # First: an attempt counts as wrong until it is let in, and a right one must not for a weak new password.
    users.check_password(registrar, user.name, new)
    stored = _prove_own(registrar, passwords, user, old, browser)
    password_hash = users.hash_new(registrar, passwords, user.name, new)
    with registrar.change(Power.OWN_ACCOUNT) as change:
        _require_unchanged(change, user.id, stored)
        password_proof.forget_failures(change.connection, user.canonical, browser.address)
        changed = users.write_password(change, user, password_hash, "user.password_changed")
        session_id = signed_in.session.id
        store.change_all_ended(change.connection, user.id, change.now, but_session_id=session_id)
        return _renew(registrar, change, replace(signed_in, user=changed))


def find_known_name(registrar: Registrar, typed: str) -> str | None:
    """Return the name of a user, shut out or not, that was typed; None for whatever else that was.

    For the log: a name that nobody has may be a password in the wrong field. registrar: of a visitor.
    """
    with registrar.reading(Power.SIGN_IN) as connection:
        return user_store.find_name(connection, user_names.canonical_form(typed))


def _find_password(registrar: Registrar, canonical: str) -> StoredPassword | None:
    with registrar.reading(Power.SIGN_IN) as connection:
        return user_store.find_password(connection, canonical)


def _prove_own(
    registrar: Registrar, passwords: Passwords, user: User, password: str, browser: Browser
) -> str:
    """Return what is stored of the user's password, which has just been given."""
    found = _find_password(registrar, user.canonical)
    stored = None if found is None else found.password_hash
    password_proof.prove(registrar, passwords, Claim(user.canonical, stored, password, browser.address))
    if stored is None:
        raise SignInFailed("the user may no longer sign in")
    return stored


def _require_unchanged(change: Change, user_id: UserId, stored: str) -> User:
    """Return the user; raises SignInFailed if shut out, or the password changed, while it was checked."""
    current = user_store.find_user_by_id(change.connection, user_id)
    if current is None or current.state is not UserState.ACTIVE:
        raise SignInFailed("the user was shut out meanwhile")
    if user_store.find_password_hash(change.connection, user_id) != stored:
        raise SignInFailed("the password was changed meanwhile")
    return current


def _open(registrar: Registrar, change: Change, user: User, browser: Browser) -> NewSession:
    secret = registrar.entropy.secret()
    session = WebSession(
        id=0,
        user_id=user.id,
        created_at=change.now,
        last_seen_at=change.now,
        stepped_up_at=change.now,
        address=_cut(browser.address, _LONGEST_ADDRESS),
        user_agent=_cut(browser.user_agent, _LONGEST_USER_AGENT),
        ended_at=None,
    )
    session_id = store.add_session(change.connection, session, hashing.hash_secret(secret))
    after: Fields = {"session": session_id, "address": session.address}
    change.record("user.signed_in", "user", user.name, None, after)
    signed_in = SignedIn(replace(user, last_sign_in_at=change.now), replace(session, id=session_id))
    return NewSession(signed_in, secret)


def _renew(registrar: Registrar, change: Change, signed_in: SignedIn) -> NewSession:
    secret = registrar.entropy.secret()
    session = replace(signed_in.session, stepped_up_at=change.now, last_seen_at=change.now)
    if not store.change_stepped_up(change.connection, session.id, hashing.hash_secret(secret), change.now):
        raise SignInFailed("the session has ended meanwhile")
    return NewSession(replace(signed_in, session=session), secret)


def _cut(text: str, longest: int) -> str:
    # What a browser says of itself: kept for people, without what breaks a log or a database.
    return "".join(character if character.isprintable() else "?" for character in text[:longest])
