"""`POST /oauth/introspect` and `/oauth/revoke`: a client presents a token (RFC 7662, RFC 7009)."""

from issuer import answers
from issuer.errors import InvalidRequest
from issuer.issuing.introspection import Introspector
from issuer.issuing.record import Context
from issuer.issuing.revocation import Revoker
from issuer.model.permission import ClientRecord
from issuer.oauth.client_auth import ClientAuthenticator
from issuer.oauth.endpoint import Act
from issuer.oauth.form import Form


def introspect_with(introspector: Introspector, authenticator: ClientAuthenticator) -> Act:
    """Return what answers introspection requests."""

    def act(form: Form, authorization: str | None, context: Context) -> bytes:
        context.grant_type = "introspect"
        record, token = _read(form, authorization, context, authenticator)
        return answers.encode_json(introspector.introspect(token, record)).encode("ascii")

    return act


def revoke_with(revoker: Revoker, authenticator: ClientAuthenticator) -> Act:
    """Return what answers revocation requests; a token that is none of ours is answered alike."""

    def act(form: Form, authorization: str | None, context: Context) -> bytes:
        context.grant_type = "revoke"
        record, token = _read(form, authorization, context, authenticator)
        revoker.revoke(token, record.client, context)
        return b"{}"

    return act


def _read(
    form: Form, authorization: str | None, context: Context, authenticator: ClientAuthenticator
) -> tuple[ClientRecord, str]:
    # `token_type_hint` is never looked at: what a token is, it says itself.
    record = authenticator.authenticate(authorization, form, context.address)
    context.client = record.client
    token = form.single.get("token")
    if token is None:
        raise InvalidRequest("token is missing")
    return record, token
