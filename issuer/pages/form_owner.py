"""Form owner: on whose page a form stood, told by the token of ours that it carries, however old.

The browser's cookie of forms says for whom its tokens are made, and who was before: what one person typed is
never shown to, or sent by, another who signs in with the same browser.
"""

import hmac
from typing import Final

from flask import current_app, g, session
from itsdangerous import BadData, URLSafeTimedSerializer

# As Flask-WTF has them.
_TOKEN: Final = "csrf_token"  # noqa: S105 - the name of a field
_SALT: Final = "wtf-csrf-token"
_OWNER: Final = "forms_of"
_BEFORE: Final = "forms_before"


def note_owner(name: str) -> None:
    """Note that the forms which this browser is shown are a user's."""
    if session.setdefault(_OWNER, name) != name:
        forget_forms()
        session[_OWNER] = name


def forget_forms() -> None:
    """End all forms that a browser was shown: their token is good no more (session fixation).

    Whose they were stays known until the next time.
    """
    before = [session.get(_TOKEN), session.get(_OWNER)]
    session.clear()
    if all(before):
        session[_BEFORE] = before
    # Flask-WTF keeps it for the rest of the request.
    g.pop(_TOKEN, None)


def find_owner(token: str) -> str | None:
    """Return the user on whose page a form stood; None unless this browser was shown it, now or before."""
    secret = _read(token)
    for known, owner in ([session.get(_TOKEN), session.get(_OWNER)], session.get(_BEFORE) or [None, None]):
        if secret and known and owner and hmac.compare_digest(known, secret):
            return str(owner)
    return None


def _read(token: str) -> str:
    serializer = URLSafeTimedSerializer(current_app.config["WTF_CSRF_SECRET_KEY"], salt=_SALT)
    try:
        return str(serializer.loads(token))
    except BadData:
        return ""
