"""One's own account: password, sessions, theme (P19)."""

from collections.abc import Iterator

from flask import Response, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField
from wtforms.validators import EqualTo, InputRequired

from issuer.admin import sign_in
from issuer.admin.desk import Desk, find_browser
from issuer.admin.view import View
from issuer.errors import InvalidValue, SignInFailed, SignInRefusal, TemporarilyUnavailable
from issuer.pages.forms import PageForm
from issuer.pages.gate import SIGNED_IN
from issuer.registry import sign_in as sign_in_use_case
from issuer.registry import web_sessions

# Larger numbers fit into no row.
SESSION_ID = "<int(max=2147483647):session_id>"


class OwnPasswordForm(PageForm):
    """The old password, and the new one twice."""

    old = PasswordField("Password until now", [InputRequired("Give the password that you have.")])
    new = PasswordField("New password", [InputRequired("Choose a password.")])
    repeated = PasswordField(
        "New password again",
        [InputRequired("Give the new password twice."), EqualTo("new", "The two passwords differ.")],
    )


class AccountPages:
    """What a user sees and does of the own account, in any role."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> ResponseReturnValue:
        """Answer with the page."""
        signed_in = self._desk.signed_in
        return render_template(
            "admin/account.html",
            account=signed_in.user,
            here=signed_in.session,
            sessions=web_sessions.list_own_sessions(self._desk.registrar(), signed_in),
        )

    def change_password(self) -> ResponseReturnValue:
        """Show the form, or change the password and end all other sessions."""
        form = OwnPasswordForm()
        if request.method != "POST":
            return self._show_form(form)
        if not form.validate():
            return self._show_form(form, 422)
        desk = self._desk
        old, new = form.old.data or "", form.new.data or ""
        try:
            renewed = sign_in_use_case.change_own_password(
                desk.registrar(), desk.passwords, desk.signed_in, old, new, find_browser()
            )
        except InvalidValue as refusal:
            form.refuse(refusal, "new")
            return self._show_form(form, 422)
        except SignInFailed as refusal:
            desk.note_refusal("user.password_change_refused", refusal, desk.signed_in.user.name)
            form.complain("This is not the password that you have.", "old")
            return self._show_form(form, 422)
        except (SignInRefusal, TemporarilyUnavailable) as refusal:
            desk.note_refusal("user.password_change_refused", refusal, desk.signed_in.user.name)
            form.complain(sign_in.tell(refusal))
            shown = self._show_form(form, refusal.status, sign_in.find_wait(refusal))
            return sign_in.put_wait(shown, refusal)
        flash("Your password is changed, and all your other sessions have ended.")
        answer = redirect(url_for("admin.account"), 303)
        desk.sessions.put_cookie(answer, renewed.secret)
        return answer

    def end_session(self, session_id: int) -> ResponseReturnValue:
        """End one of the own sessions; ending this one is signing out."""
        signed_in = self._desk.signed_in
        web_sessions.end_own_session(self._desk.registrar(), signed_in, session_id)
        if session_id != signed_in.session.id:
            flash("The session has ended.")
            return redirect(url_for("admin.account"), 303)
        session.clear()
        flash("You are signed out.")
        answer = redirect(url_for("admin.sign_in"), 303)
        self._desk.sessions.clear_cookie(answer)
        return answer

    def end_others(self) -> ResponseReturnValue:
        """End all of the own sessions but this one."""
        web_sessions.end_other_sessions(self._desk.registrar(), self._desk.signed_in)
        flash("All your other sessions have ended.")
        return redirect(url_for("admin.account"), 303)

    def _show_form(self, form: OwnPasswordForm, status: int = 200, wait: int = 0) -> Response:
        name = self._desk.signed_in.user.name
        return Response(render_template("admin/own_password.html", form=form, name=name, wait=wait), status)


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of the own account."""
    pages = AccountPages(desk)
    yield View("/account", "account", SIGNED_IN, pages.show)
    yield View("/account/password", "own_password", SIGNED_IN, pages.change_password, ("GET", "POST"))
    yield View(
        f"/account/sessions/{SESSION_ID}/end", "end_own_session", SIGNED_IN, pages.end_session, ("POST",)
    )
    yield View("/account/end-others", "end_other_sessions", SIGNED_IN, pages.end_others, ("POST",))
