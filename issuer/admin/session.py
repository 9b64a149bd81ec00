"""The session: who is signed in, told by a cookie that holds nothing but a secret."""

from collections.abc import Callable
from typing import Final

from flask import Request, g, request
from werkzeug.wrappers import Response

from issuer import answers
from issuer.errors import Forbidden
from issuer.model.audit_event import Actor
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
        secret = asked.cookies.get(self.cookie_name, "")
        if not secret or len(secret) > _LONGEST_SECRET:
            return None
        request_id = str(asked.environ.get(answers.REQUEST_ID, ""))
        visitor = self._open_registrar(sign_in.make_visitor(request_id))
        found = web_sessions.find_signed_in(visitor, secret)
        if found is None:
            return None
        web_sessions.note_seen(visitor, found)
        g.signed_in = found
        user = found.user
        powers = frozenset(power.value for power in POWERS[user.role])
        return PageUser(user.name, user.role.value.replace("_", " "), powers)

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
