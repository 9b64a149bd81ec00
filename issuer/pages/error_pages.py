"""What a person sees when something is refused or fails: what happened, what to do, the request's id."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from issuer import answers
from issuer.errors import (
    Forbidden,
    PasswordsBusy,
    Refusal,
    RegistryRefusal,
    ServerError,
    SignInRequired,
    StepUpRequired,
    TemporarilyUnavailable,
)
from issuer.pages import forms, gate

# Tells the log of a fault: the class and place of it, under the request's id.
TellFault = Callable[[Exception], None]


@dataclass(frozen=True, slots=True)
class Wording:
    """What a page of an error says. mend: what whoever reads it can do."""

    title: str
    sentence: str
    mend: str


_FAILED: Final = Wording(
    "Something failed on our side",
    "The server could not complete the request. Nothing of it was kept.",
    "Try again. If it fails again, give the request id below to whoever runs this server.",
)
_BY_STATUS: Final = {
    400: Wording(
        "This request cannot be answered",
        "The address or the form holds something that no page here puts there.",
        "Go back to the page you came from, reload it and try again.",
    ),
    403: Wording(
        "You may not see this",
        "Your role does not allow this page or this change.",
        "An owner of this issuer can change your role.",
    ),
    404: Wording(
        "Page not found",
        "There is nothing at this address.",
        "Check the address, or go back to the page you came from.",
    ),
    405: Wording(
        "This address does not work that way",
        "The page exists, but it does not take this kind of request.",
        "Open it as a page, or send its form again from where it is shown.",
    ),
    409: Wording(
        "Somebody else was faster",
        "What you meant to change has changed since you opened it. Nothing of yours was kept.",
        "Go back, reload the page and make your change again.",
    ),
    413: Wording(
        "That is too large",
        "The form is larger than this page takes.",
        "Send less at once.",
    ),
    422: Wording(
        "This was not accepted",
        "A value is not allowed here. Nothing was changed.",
        "Go back, correct it and send it again.",
    ),
    429: Wording(
        "Too many attempts",
        "This was tried too often in a short time.",
        "Wait a little, then try again.",
    ),
    500: _FAILED,
    503: Wording(
        "Not just now",
        "The server cannot reach its database, so it cannot read its registry. Clients it knows get tokens "
        "from memory for as long as ISSUER_REGISTRY_STALE_SECONDS says; "
        "after that they are told to come again.",
        "Try again in a moment. Whoever runs this server looks at /readyz and at the database.",
    ),
}
_BAD_FORM: Final = Wording(
    "This form is no longer valid",
    "It was open for too long, cookies are off, or it was not sent from this site. Nothing was changed.",
    "Open its page anew and send the form again.",
)


_BUSY: Final = Wording(
    "Not just now",
    "The server is checking as many passwords as it can at once. Nothing was changed.",
    "Go back and try again in a moment.",
)


def show(status: int, wording: Wording | None = None) -> Response:
    """Return the page of an error. wording: instead of what its status usually says."""
    words = wording or _usual(status)
    request_id = request.environ.get(answers.REQUEST_ID, "")
    return Response(render_template("error.html", status=status, words=words, request_id=request_id), status)


def show_bad_form() -> Response:
    """Return the page of a form whose token is not ours or no longer good (400)."""
    return show(400, _BAD_FORM)


@dataclass(frozen=True, slots=True)
class Version:
    """One field of a stale edit: what was typed, and what is registered now."""

    label: str
    yours: str
    current: str

    @property
    def differs(self) -> bool:
        """Whether the two are not the same."""
        return self.yours != self.current


def show_stale(name: str, versions: Sequence[Version], edit_url: str, audit_url: str = "") -> Response:
    """Return the page of a stale edit (409), both versions beside each other.

    name: of what was to be changed. edit_url: where to edit what is there now. audit_url: where it says who
    changed what, "" for nowhere.
    """
    request_id = request.environ.get(answers.REQUEST_ID, "")
    page = render_template(
        "stale.html",
        name=name,
        versions=versions,
        edit_url=edit_url,
        audit_url=audit_url,
        request_id=request_id,
    )
    return Response(page, 409)


def register(app: Flask, is_page: Callable[[], bool], tell_fault: TellFault) -> None:
    """Answer every refusal and fault of a page with a page; one of a machine's address is left alone.

    is_page: whether the current request is for a page.
    """

    @app.errorhandler(HTTPException)
    def answer_http_error(error: HTTPException) -> Response:
        response = show_bad_form() if isinstance(error, CSRFError) else show(error.code or 500)
        if error.code == 405:
            response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return response

    @app.errorhandler(Refusal)
    def answer_refusal(refusal: Refusal) -> BaseResponse:
        if isinstance(refusal, SignInRequired):
            return gate.send_to_sign_in()
        if isinstance(refusal, StepUpRequired):
            return gate.send_to_step_up()
        response = show(refusal.status, _word(refusal))
        if isinstance(refusal, TemporarilyUnavailable):
            response.headers["Retry-After"] = "1"
        # Of clients that ask too often and of people who mistype too often alike.
        seconds = getattr(refusal, "retry_after_seconds", None)
        if seconds is not None:
            response.headers["Retry-After"] = str(seconds)
        return response

    @app.errorhandler(Exception)
    def answer_fault(error: Exception) -> Response:
        if not is_page():
            raise error
        tell_fault(error)
        return show(ServerError.status)


def _usual(status: int) -> Wording:
    return _BY_STATUS.get(status) or (_BY_STATUS[400] if status < 500 else _FAILED)


def _word(refusal: Refusal) -> Wording:
    usual = _usual(refusal.status)
    if isinstance(refusal, PasswordsBusy):
        return _BUSY
    if refusal.status == 500 or isinstance(refusal, TemporarilyUnavailable | Forbidden):
        return usual
    said = refusal.detail if isinstance(refusal, RegistryRefusal) and refusal.detail else refusal.sentence
    return Wording(usual.title, forms.as_sentence(said), usual.mend)
