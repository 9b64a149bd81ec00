"""Signing in and out: P2.

What was typed into a form when the session had ended goes on after the next sign-in, if that is of the same
user: what one person typed is never another's to send.
"""

from collections.abc import Iterator
from typing import Final

from flask import Blueprint, Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from issuer.admin import kept_act, kept_form
from issuer.admin.desk import Desk, find_browser
from issuer.admin.kept_form import KeptForm
from issuer.admin.view import View
from issuer.errors import (
    PasswordsBusy,
    Refusal,
    SignInFailed,
    SignInLocked,
    SignInRefusal,
    SignInRequired,
    TemporarilyUnavailable,
)
from issuer.pages import error_pages, form_owner, gate
from issuer.pages.forms import PageForm
from issuer.pages.gate import PUBLIC, SIGNED_IN
from issuer.pages.return_path import find_return_path
from issuer.registry import setup, web_sessions
from issuer.registry import sign_in as use_case
from issuer.registry.sign_in import NewSession

_NOT_YOURS: Final = "What was typed before you signed in may be another user's: it was not kept."


class SignInForm(PageForm):
    """Name and password."""

    name = StringField("Name", [InputRequired("Give your name.")])
    password = PasswordField("Password", [InputRequired("Give your password.")])


class SignInPages:
    """The page that asks who somebody is, and the way out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def sign_in(self) -> ResponseReturnValue:
        """Show the form, or open a session and lead on to where somebody was going."""
        sessions = self._desk.sessions
        is_signed_in = gate.find_user(sessions.find_user) is not None
        if request.method != "POST":
            return redirect(find_onward_path(), 303) if is_signed_in else self._show(SignInForm())
        form = SignInForm()
        kept = kept_form.find_carried()
        if not form.validate():
            return self._show(form, 422, kept)
        last_user = None if kept is None else sessions.find_last_user(request)
        try:
            opened = self._open(form)
        except (SignInRefusal, TemporarilyUnavailable) as refusal:
            return self._refuse(form, refusal, kept)
        if is_signed_in:
            # Nobody holds the old secret any more.
            web_sessions.sign_out(self._desk.registrar(), self._desk.signed_in)
        if kept is None:
            return let_in(self._desk, opened)
        if last_user == opened.signed_in.user.name:
            return self._go_on(opened, kept)
        answer = let_in(self._desk, opened)
        flash(_NOT_YOURS, "warning")
        return answer

    def interrupt(self, _refusal: SignInRequired) -> BaseResponse:
        """Answer in place of what nobody is signed in for, keeping what was typed as far as it may."""
        try:
            kept = self._find_kept()
            if kept is None:
                return gate.send_to_sign_in()
            back = find_return_path(gate.find_page(), request.script_root)
            form = SignInForm(formdata=None)
            return self._show(form, SignInRequired.status, kept, action=url_for("admin.sign_in", next=back))
        except TemporarilyUnavailable:
            # What a handler raises has no handler.
            return error_pages.show(TemporarilyUnavailable.status)

    def sign_out(self) -> ResponseReturnValue:
        """End the session, here and on the server."""
        web_sessions.sign_out(self._desk.registrar(), self._desk.signed_in)
        session.clear()
        flash("You are signed out.")
        answer = redirect(url_for("admin.sign_in"), 303)
        self._desk.sessions.clear_cookie(answer)
        return answer

    def _find_kept(self) -> KeptForm | None:
        """Return the form of this request, None where it is not of whose session has ended here."""
        kept = kept_form.find_interrupted()
        owner = kept_form.find_owner()
        if kept is None or owner is None or owner != self._desk.sessions.find_last_user(request):
            return None
        return kept

    def _open(self, form: SignInForm) -> NewSession:
        name, password = form.name.data or "", form.password.data or ""
        return use_case.sign_in(self._desk.visitor(), self._desk.passwords, name, password, find_browser())

    def _go_on(self, opened: NewSession, kept: KeptForm) -> BaseResponse:
        """Answer somebody who has signed in again with what was typed, to be sent."""
        sessions = self._desk.sessions
        form_owner.forget_forms()
        sessions.change_signed_in(opened.signed_in)
        try:
            act = kept_act.describe(self._desk, kept)
        except TemporarilyUnavailable:
            return let_in(self._desk, opened)
        answer = Response(kept_act.show(act, kept, kept_act.PROVED))
        sessions.put_cookie(answer, opened.secret)
        return answer

    def _refuse(self, form: SignInForm, refusal: Refusal, kept: KeptForm | None) -> Response:
        # One statement for every name, whether there is such a user or not.
        name = use_case.find_known_name(self._desk.visitor(), form.name.data or "")
        self._desk.note_refusal("user.sign_in_refused", refusal, name)
        form.complain(tell(refusal))
        return put_wait(self._show(form, find_status(refusal), kept, wait=find_wait(refusal)), refusal)

    def _show(
        self,
        form: SignInForm,
        status: int = 200,
        kept: KeptForm | None = None,
        *,
        wait: int = 0,
        action: str = "",
    ) -> Response:
        """Return the page. action: where its form is sent, "" for where `next` of this address is kept."""
        page = render_template(
            "admin/sign_in.html",
            form=form,
            kept=kept,
            action=action or keep_next("admin.sign_in"),
            is_new=setup.is_needed(self._desk.visitor()),
            wait=wait,
        )
        return Response(page, status)


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of signing in and out."""
    pages = SignInPages(desk)
    yield View("/sign-in", "sign_in", PUBLIC, pages.sign_in, ("GET", "POST"))
    yield View("/sign-out", "sign_out", SIGNED_IN, pages.sign_out, ("POST",))


def register(blueprint: Blueprint, desk: Desk) -> None:
    """Let every view of a blueprint be interrupted by the page that asks who somebody is."""
    blueprint.register_error_handler(SignInRequired, SignInPages(desk).interrupt)


def let_in(desk: Desk, opened: NewSession) -> BaseResponse:
    """Answer somebody who has just signed in: the cookie, and the way on."""
    form_owner.forget_forms()
    answer = redirect(find_onward_path(), 303)
    desk.sessions.put_cookie(answer, opened.secret)
    return answer


def find_onward_path() -> str:
    """Return where to go on: what `next` in the address names, or the console's front page."""
    return find_return_path(request.args.get("next"), request.script_root) or url_for("admin.front")


def keep_next(endpoint: str, **more: str | None) -> str:
    """Return the address of a page that leads on to where this one would; a damaged one is dropped.

    more: further values of the address, None for one that is left out.
    """
    path = find_return_path(request.args.get("next"), request.script_root)
    return url_for(endpoint, next=path, **more)  # type: ignore[arg-type] # mypy takes them for url_for's own


def tell(refusal: Refusal) -> str:
    """Return what somebody is told whose password did not let them in; of everybody the same."""
    if isinstance(refusal, SignInLocked):
        return "Too many wrong passwords for this name."
    return PasswordsBusy.sentence if isinstance(refusal, TemporarilyUnavailable) else refusal.sentence


def find_wait(refusal: Refusal) -> int:
    """Return for how many seconds no password is taken, 0 for not at all."""
    return refusal.retry_after_seconds if isinstance(refusal, SignInLocked) else 0


def find_status(refusal: Refusal) -> int:
    """Return the status of a form that is shown again: 422 for one that may be corrected."""
    # 401 would have to name a scheme of HTTP authentication (RFC 9110 §15.5.2); a form is none.
    return 422 if isinstance(refusal, SignInFailed) else refusal.status


def put_wait(response: Response, refusal: Refusal) -> Response:
    """Return a response that says how long to wait, where somebody has to."""
    if isinstance(refusal, SignInLocked | PasswordsBusy):
        response.headers["Retry-After"] = str(refusal.retry_after_seconds)
    if isinstance(refusal, TemporarilyUnavailable):
        response.headers["Retry-After"] = str(PasswordsBusy.retry_after_seconds)
    return response
