"""Step-up: the password once more, before what an open browser must not be enough for (P2)."""

from collections.abc import Iterator

from flask import Blueprint, Response, flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse
from wtforms import PasswordField
from wtforms.validators import InputRequired

from issuer.admin import kept_act, kept_form, sign_in
from issuer.admin.desk import Desk, find_browser
from issuer.admin.kept_form import KeptForm
from issuer.admin.view import View
from issuer.errors import Refusal, SignInFailed, SignInRefusal, StepUpRequired, TemporarilyUnavailable
from issuer.model.web_session import STEP_UP_SECONDS
from issuer.pages import gate, words
from issuer.pages.forms import PageForm
from issuer.pages.gate import SIGNED_IN
from issuer.registry import sign_in as use_case


class StepUpForm(PageForm):
    """The password once more."""

    password = PasswordField("Password", [InputRequired("Give your password.")])


class StepUpPages:
    """The page that asks for the password once more and leads back."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def interrupt(self, _refusal: StepUpRequired) -> BaseResponse:
        """Answer in place of what takes the password once more, keeping what was typed as far as it may."""
        kept = kept_form.find_interrupted()
        if kept is None:
            return gate.send_to_step_up()
        return self._show(StepUpForm(formdata=None), StepUpRequired.status, kept)

    def step_up(self) -> ResponseReturnValue:
        """Show the form, or let dangerous acts pass for a while and lead back."""
        form = StepUpForm()
        if request.method != "POST":
            return self._show(form)
        kept = kept_form.find_carried()
        if not form.validate():
            return self._show(form, 422, kept)
        desk = self._desk
        # Before the cookie is another: what fails here leaves the browser the one that opens its session.
        act = None if kept is None else kept_act.describe(desk, kept)
        try:
            renewed = use_case.step_up(
                desk.registrar(), desk.passwords, desk.signed_in, form.password.data or "", find_browser()
            )
        except (SignInRefusal, TemporarilyUnavailable) as refusal:
            desk.note_refusal("user.step_up_refused", refusal, desk.signed_in.user.name)
            form.complain(_tell(refusal))
            shown = self._show(form, sign_in.find_status(refusal), kept, sign_in.find_wait(refusal))
            return sign_in.put_wait(shown, refusal)
        if kept is not None and act is not None:
            going_on = Response(kept_act.show(act, kept, kept_act.PROVED))
            desk.sessions.put_cookie(going_on, renewed.secret)
            return going_on
        if _is_to_repeat():
            wait = words.duration(STEP_UP_SECONDS)
            flash(f"Your password was right: for {wait} you are not asked again. Now press the button again.")
        answer = redirect(sign_in.find_onward_path(), 303)
        desk.sessions.put_cookie(answer, renewed.secret)
        return answer

    def _show(
        self, form: StepUpForm, status: int = 200, kept: KeptForm | None = None, wait: int = 0
    ) -> Response:
        page = render_template(
            "admin/step_up.html",
            form=form,
            kept=kept,
            wait=wait,
            action=sign_in.keep_next("admin.step_up", again="1" if _is_to_repeat() else None),
            cancel_url=sign_in.find_onward_path() if kept is None else kept_form.find_page(kept),
            name=self._desk.signed_in.user.name,
            is_to_repeat=_is_to_repeat(),
            seconds=STEP_UP_SECONDS,
        )
        return Response(page, status)


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the view of step-up."""
    yield View("/step-up", "step_up", SIGNED_IN, StepUpPages(desk).step_up, ("GET", "POST"))


def register(blueprint: Blueprint, desk: Desk) -> None:
    """Let every view of a blueprint be interrupted by the page that asks for the password."""
    blueprint.register_error_handler(StepUpRequired, StepUpPages(desk).interrupt)


def _is_to_repeat() -> bool:
    """Return whether somebody came here by a button, which did nothing."""
    return request.args.get("again") == "1"


def _tell(refusal: Refusal) -> str:
    return "The password is wrong." if isinstance(refusal, SignInFailed) else sign_in.tell(refusal)
