"""Web sessions: found by what the browser holds, listed, ended."""

from typing import Final

from issuer import hashing
from issuer.errors import NotFound
from issuer.model.user import UserState
from issuer.model.web_session import WebSession
from issuer.registry import user_rules
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.registry.sign_in import SignedIn
from issuer.store import users
from issuer.store import web_sessions as store

NOTE_EVERY_SECONDS: Final = 60


def find_signed_in(registrar: Registrar, secret: str) -> SignedIn | None:
    """Return who has signed in with the browser that holds this secret; None for nobody. Writes nothing.

    registrar: of a visitor. secret: whatever the cookie holds.
    """
    with registrar.reading(Power.SIGN_IN) as connection:
        session = store.find_session(connection, hashing.hash_secret(secret))
        if session is None or not session.is_live(registrar.clock.now()):
            return None
        user = users.find_user_by_id(connection, session.user_id)
        if user is None or user.state is not UserState.ACTIVE:
            return None
        return SignedIn(user, session)


def find_last_user(registrar: Registrar, secret: str) -> str | None:
    """Return the name of whose session a secret is of, be it live or ended; None for none that there was.

    It lets nobody in. registrar: of a visitor. secret: whatever the cookie holds.
    """
    with registrar.reading(Power.SIGN_IN) as connection:
        session = store.find_session(connection, hashing.hash_secret(secret))
        user = None if session is None else users.find_user_by_id(connection, session.user_id)
        return None if user is None else user.name


def note_seen(registrar: Registrar, signed_in: SignedIn) -> None:
    """Note that a session is used, which keeps it alive; at most once a minute is anything written."""
    now = registrar.clock.now()
    if now < signed_in.session.last_seen_at + NOTE_EVERY_SECONDS:
        return
    with registrar.noting(Power.SIGN_IN) as connection:
        store.change_seen(connection, signed_in.session.id, now)


def sign_out(registrar: Registrar, signed_in: SignedIn) -> None:
    """End the session in which a user acts. Twice is once. registrar: of the user."""
    with registrar.change(Power.OWN_ACCOUNT) as change:
        _end(change, signed_in.session, signed_in.user.name, "user.signed_out")


def list_own_sessions(registrar: Registrar, signed_in: SignedIn) -> tuple[WebSession, ...]:
    """Return the user's own live sessions, the one that was used last first."""
    with registrar.reading(Power.OWN_ACCOUNT) as connection:
        return store.list_live(connection, registrar.clock.now(), signed_in.user.id)


def end_own_session(registrar: Registrar, signed_in: SignedIn, session_id: int) -> None:
    """End a session of the user's own, this one or another. Twice is once. Raises NotFound for others'."""
    with registrar.change(Power.OWN_ACCOUNT) as change:
        session = store.find_session_by_id(change.connection, session_id)
        if session is None or session.user_id != signed_in.user.id:
            raise NotFound(f"{signed_in.user.name} has no session {session_id}")
        _end(change, session, signed_in.user.name, "user.session_ended")


def end_other_sessions(registrar: Registrar, signed_in: SignedIn) -> int:
    """End all sessions of the user's own but this one, and return how many that were."""
    user = signed_in.user
    with registrar.change(Power.OWN_ACCOUNT) as change:
        ended = store.change_all_ended(
            change.connection, user.id, change.now, but_session_id=signed_in.session.id
        )
        if ended:
            change.record("user.sessions_ended", "user", user.name, None, {"ended": ended})
        return ended


def list_sessions(registrar: Registrar, name: str | None = None) -> tuple[SignedIn, ...]:
    """Return the live sessions of a user, or of everyone, with their users; raises NotFound."""
    now = registrar.clock.now()
    with registrar.reading(Power.READ_USERS) as connection:
        user_id = None if name is None else user_rules.require_user(connection, name).id
        by_id = {user.id: user for user in users.list_users(connection)}
        found = store.list_live(connection, now, user_id)
        return tuple(SignedIn(by_id[session.user_id], session) for session in found)


def end_session(registrar: Registrar, session_id: int) -> None:
    """End a session of anybody. Twice is once. Raises NotFound."""
    with registrar.change(Power.USERS) as change:
        session = store.find_session_by_id(change.connection, session_id)
        user = None if session is None else users.find_user_by_id(change.connection, session.user_id)
        if session is None or user is None:
            raise NotFound(f"there is no session {session_id}")
        _end(change, session, user.name, "user.session_ended")


def end_all_sessions(registrar: Registrar, name: str) -> int:
    """End all sessions of a user and return how many that were; raises NotFound."""
    with registrar.change(Power.USERS) as change:
        user = user_rules.require_user(change.connection, name)
        ended = store.change_all_ended(change.connection, user.id, change.now)
        if ended:
            change.record("user.sessions_ended", "user", user.name, None, {"ended": ended})
        return ended


def _end(change: Change, session: WebSession, name: str, action: str) -> None:
    if store.change_ended(change.connection, session.id, change.now):
        change.record(action, "user", name, None, {"session": session.id})
