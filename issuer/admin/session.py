"""The session: who is signed in, told by a cookie that holds nothing but a secret."""

from collections.abc import Callable
from typing import Final

from flask import Request, g, request
from werkzeug.wrappers import Response

from issuer import answers
from issuer.errors import Forbidden
from issuer.model.audit_event import Actor
from issuer.pages import gate
from issuer.pages.page_user import PageUser
from issuer.registry import sign_in, web_sessions
from issuer.registry.powers import POWERS
from issuer.registry.registrar import Registrar
from issuer.registry.sign_in import SignedIn

_LONGEST_SECRET: Final = 256


class Sessions:
    """Finds who is signed in, and writes and clears the cookie.

    is_https: whether browsers reach this server by https; then the cookie can belong to no other host, no
    path and no other port's http (the `__Host-` prefix, RFC 6265bis §4.1.3.2).
    """

    def __init__(self, open_registrar: Callable[[Actor], Registrar], *, is_https: bool) -> None:
        self._open_registrar = open_registrar
        self._is_https = is_https
        self.cookie_name = "__Host-issuer_session" if is_https else "issuer_session"

    def find_user(self, asked: Request) -> PageUser | None:
        """Return the user of a request's live session, None for nobody."""
        secret = self._read_secret(asked)
        if secret is None:
            return None
        visitor = self._open_visitor(asked)
        found = web_sessions.find_signed_in(visitor, secret)
        if found is None:
            return None
        web_sessions.note_seen(visitor, found)
        return _note_signed_in(found)

    def find_last_user(self, asked: Request) -> str | None:
        """Return whose session a request's cookie is of, be it live or ended; None for none that there was.

        Lets nobody in: it tells only whether who signs in next is the same person.
        """
        secret = self._read_secret(asked)
        if secret is None:
            return None
        return web_sessions.find_last_user(self._open_visitor(asked), secret)

    def change_signed_in(self, signed_in: SignedIn) -> None:
        """Let the rest of this request be of somebody who has just signed in."""
        gate.change_user(_note_signed_in(signed_in))

    def require_signed_in(self) -> SignedIn:
        """Return who is signed in; raises Forbidden where the gate let nobody in."""
        found: SignedIn | None = g.get("signed_in")
        if found is None:
            raise Forbidden("nobody is signed in")
        return found

    def put_cookie(self, response: Response, secret: str) -> None:
        """Let the browser hold the secret of a session; it forgets it when it is closed."""
        response.set_cookie(
            self.cookie_name, secret, path="/", secure=self._is_https, httponly=True, samesite="Lax"
        )

    def clear_cookie(self, response: Response) -> None:
        """Let the browser forget its session."""
        if self.cookie_name in request.cookies:
            response.delete_cookie(
                self.cookie_name, path="/", secure=self._is_https, httponly=True, samesite="Lax"
            )

    def _read_secret(self, asked: Request) -> str | None:
        secret = asked.cookies.get(self.cookie_name, "")
        return secret if secret and len(secret) <= _LONGEST_SECRET else None

    def _open_visitor(self, asked: Request) -> Registrar:
        return self._open_registrar(sign_in.make_visitor(str(asked.environ.get(answers.REQUEST_ID, ""))))


def _note_signed_in(found: SignedIn) -> PageUser:
    g.signed_in = found
    user = found.user
    powers = frozenset(power.value for power in POWERS[user.role])
    return PageUser(user.name, user.role.value.replace("_", " "), powers)
