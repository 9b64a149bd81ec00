"""`POST /oauth/token` (RFC 6749 §3.2): Authlib's server finds the grant and leads it through."""

from typing import cast

from issuer.errors import InvalidRequest
from issuer.issuing.record import Context
from issuer.oauth.endpoint import Act
from issuer.oauth.form import Form
from issuer.oauth.request import TokenRequest
from issuer.oauth.server import Answer, TokenServer


def answer_with(server: TokenServer) -> Act:
    """Return what answers token requests, each by the grant that `server` has registered for it."""

    def act(form: Form, authorization: str | None, context: Context) -> bytes:
        context.grant_type = form.single.get("grant_type", "")
        context.asked = [*form.targets.resources, *form.targets.audiences]
        if not context.grant_type:
            raise InvalidRequest("grant_type is missing")
        request = TokenRequest(form, authorization, context)
        # The stub tells of Authlib's own answers; handle_response of ours gives another.
        _, body = cast(Answer, server.create_token_response(request))
        return body

    return act
