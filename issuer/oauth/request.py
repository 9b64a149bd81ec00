"""A token request as Authlib's server and grants take it, over a WSGI environment and our own form."""

from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request

from issuer.issuing.record import Context
from issuer.model.permission import ClientRecord
from issuer.model.token_plan import TargetRequest
from issuer.oauth.form import Form


class TokenPayload(OAuth2Payload):
    """The parameters under the names that Authlib asks for."""

    def __init__(self, form: Form) -> None:
        self._form = form

    @property
    def data(self) -> dict[str, str]:
        """Return every parameter that stands alone, by name."""
        return dict(self._form.single)

    @property
    def datalist(self) -> dict[str, list[str]]:
        """Return every parameter as a list, by name."""
        targets = self._form.targets
        several = {"resource": list(targets.resources), "audience": list(targets.audiences)}
        return {name: [value] for name, value in self._form.single.items()} | several

    @property
    def client_id(self) -> str | None:  # type: ignore[override] # the stub forgets that it may be absent
        """Return the body's client_id."""
        return self._form.single.get("client_id")

    @property
    def grant_type(self) -> str | None:  # type: ignore[override] # as above
        """Return the grant type as sent."""
        return self._form.single.get("grant_type")

    @property
    def scope(self) -> str | None:  # type: ignore[override] # as above
        """Return the scope as sent."""
        return self._form.single.get("scope")


class TokenRequest(OAuth2Request):
    """One token request.

    Authlib's own constructor looks for https in the URL of the request, which behind a proxy says
    nothing; ISSUER_URL was checked at the start instead.
    """

    def __init__(self, form: Form, authorization: str | None, context: Context) -> None:
        self.method = "POST"
        self.uri = ""
        self.headers = {}
        self.payload = TokenPayload(form)
        self.client = None
        self.user = None
        self._scope = None
        self.form_sent = form
        self.authorization = authorization
        self.context = context
        self.record: ClientRecord | None = None

    @property
    def targets(self) -> TargetRequest:
        """Return the targets and scopes that the request names."""
        return self.form_sent.targets
