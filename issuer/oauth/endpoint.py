"""An OAuth endpoint that clients post forms to, as a WSGI application: form in, JSON out."""

from collections.abc import Callable, Iterable

from issuer import answers
from issuer.answers import Environ, StartResponse
from issuer.clock import Clock
from issuer.errors import InvalidTarget, Refusal, TemporarilyUnavailable
from issuer.issuing.record import Context, Recorder
from issuer.oauth import answer
from issuer.oauth import form as forms
from issuer.oauth.form import Form, KeptForms

# An address takes 45 characters; a proxy that is trusted by mistake may send any text for one.
_LONGEST_ADDRESS = 64

Act = Callable[[Form, str | None, Context], bytes]


class FormEndpoint:
    """Reads the form, lets `act` answer it, and tells refusals apart: their words out, their detail in.

    act: gets form, Authorization header and context; returns the answer's JSON or raises a
    Refusal. describe_targets: tells, for the log alone, what refused targets could have meant.
    """

    def __init__(
        self,
        act: Act,
        recorder: Recorder,
        clock: Clock,
        describe_targets: Callable[[Iterable[str]], str],
    ) -> None:
        self._act = act
        self._recorder = recorder
        self._clock = clock
        self._describe_targets = describe_targets
        self._forms = KeptForms()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        address = environ.get("REMOTE_ADDR", "")[:_LONGEST_ADDRESS]
        context = Context(environ.get(answers.REQUEST_ID, ""), address)
        try:
            sent = forms.read_body(environ)
            form = self._forms.parse(sent)
            body = self._act(form, environ.get("HTTP_AUTHORIZATION"), context)
        except Refusal as refusal:
            recorded = self._record(refusal, context)
            return answers.answer_json(
                environ,
                start_response,
                recorded.status,
                answer.refusal_body(recorded),
                answer.refusal_headers(recorded),
            )
        self._forms.keep(sent, form)
        return answers.answer(environ, start_response, 200, [answers.JSON, *answers.NO_STORE], body)

    def _record(self, refusal: Refusal, context: Context) -> Refusal:
        if isinstance(refusal, InvalidTarget) and context.client is not None and context.asked:
            refusal.detail = f"{refusal.detail}; {self._describe_targets(context.asked)}"
        try:
            self._recorder.refused(refusal, self._clock.now(), context)
        except TemporarilyUnavailable as unwritten:
            return unwritten
        return refusal
