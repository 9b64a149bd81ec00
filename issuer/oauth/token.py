"""`POST /oauth/token` (RFC 6749 §3.2): from the WSGI environment to the answer, step by step."""

from collections.abc import Callable, Iterable
from typing import cast

from issuer import answers
from issuer.answers import Environ, StartResponse
from issuer.clock import Clock
from issuer.errors import InvalidRequest, InvalidTarget, Refusal, TemporarilyUnavailable
from issuer.issuing.record import Context, Recorder
from issuer.oauth import answer
from issuer.oauth import form as forms
from issuer.oauth.request import TokenRequest
from issuer.oauth.server import Answer, TokenServer


class TokenEndpoint:
    """The token endpoint as a WSGI application.

    describe_targets: tells, for the log alone, what the targets of a refused request could have meant.
    """

    def __init__(
        self,
        server: TokenServer,
        recorder: Recorder,
        clock: Clock,
        describe_targets: Callable[[Iterable[str]], str],
    ) -> None:
        self._server = server
        self._recorder = recorder
        self._clock = clock
        self._describe_targets = describe_targets

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a token request with a token or a refusal."""
        context = Context(environ.get(answers.REQUEST_ID, ""), environ.get("REMOTE_ADDR", ""))
        try:
            status, body = self._answer(environ, context)
        except Refusal as refusal:
            refusal = self._record(refusal, context)
            return answers.answer_json(
                environ,
                start_response,
                refusal.status,
                answer.refusal_body(refusal),
                answer.refusal_headers(refusal),
            )
        return answers.answer_json(environ, start_response, status, body)

    def _answer(self, environ: Environ, context: Context) -> Answer:
        form = forms.read_form(environ)
        context.grant_type = form.single.get("grant_type", "")
        context.asked = [*form.resources, *form.audiences]
        if not context.grant_type:
            raise InvalidRequest("grant_type is missing")
        request = TokenRequest(form, environ.get("HTTP_AUTHORIZATION"), context)
        # The stub tells of Authlib's own answers; handle_response of ours gives another.
        return cast(Answer, self._server.create_token_response(request))

    def _record(self, refusal: Refusal, context: Context) -> Refusal:
        if isinstance(refusal, InvalidTarget) and context.client is not None and context.asked:
            refusal.detail = f"{refusal.detail}; {self._describe_targets(context.asked)}"
        try:
            self._recorder.refused(refusal, self._clock.now(), context)
        except TemporarilyUnavailable as unwritten:
            return unwritten
        return refusal
