"""The set-up page: who runs the server makes the first owner with a link, once (P1)."""

from collections.abc import Iterator

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse
from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired

from issuer.admin import sign_in, user_fields
from issuer.admin.desk import Desk, find_browser
from issuer.admin.view import View
from issuer.errors import (
    RegistryRefusal,
    SetupLinkRefused,
    SignInRefusal,
    TemporarilyUnavailable,
)
from issuer.pages import error_pages
from issuer.pages.error_pages import Wording
from issuer.pages.forms import PageForm
from issuer.pages.gate import PUBLIC
from issuer.registry import setup as use_case
from issuer.registry import sign_in as sign_in_use_case
from issuer.registry.setup import FirstOwner

_REFUSED = (
    "This link is not or no longer valid: it is good once, for an hour, and until a newer one is made. "
    "Whoever runs this server makes a new one with: issuer user setup-link"
)


class SetupForm(PageForm):
    """The link, and who the first owner is to be."""

    code = StringField("Set-up link", [InputRequired("Paste the whole set-up link.")])
    name = StringField("Your name", [InputRequired("Choose a name to sign in with.")], [user_fields.strip])
    password = PasswordField("Password", [InputRequired("Choose a password.")])
    repeated = PasswordField(
        "Password again",
        [InputRequired("Give the password twice."), EqualTo("password", "The two passwords differ.")],
    )


class SetupPage:
    """The page; gone as soon as there is an owner."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def set_up(self) -> ResponseReturnValue:
        """Show the form, or make the first owner and sign the owner in."""
        if not use_case.is_needed(self._desk.visitor()):
            return _show_gone()
        form = SetupForm()
        if request.method != "POST":
            return _show(form)
        if not form.validate():
            return _show(form, 422)
        return self._make_owner(form)

    def _make_owner(self, form: SetupForm) -> ResponseReturnValue:
        desk = self._desk
        wanted = FirstOwner(form.code.data or "", form.name.data or "", form.password.data or "")
        try:
            use_case.set_up(desk.visitor(), desk.passwords, wanted, desk.settings.data_dir)
        except SetupLinkRefused as refusal:
            desk.note_refusal("user.set_up_refused", refusal, None)
            if not use_case.is_needed(desk.visitor()):  # somebody else was faster
                return _show_gone()
            form.complain(_REFUSED, "code")
            return _show(form, 422)
        except RegistryRefusal as refusal:
            form.refuse(refusal, user_fields.find_field(wanted.name, refusal))
            return _show(form, 422)
        return self._let_in(wanted)

    def _let_in(self, wanted: FirstOwner) -> BaseResponse:
        desk = self._desk
        try:
            opened = sign_in_use_case.sign_in(
                desk.visitor(), desk.passwords, wanted.name, wanted.password, find_browser()
            )
        except (SignInRefusal, TemporarilyUnavailable):
            # The owner is made all the same; the name may be locked by those who guessed it before.
            flash(f"You are the owner now, {wanted.name}. Sign in.")
            return redirect(url_for("admin.sign_in"), 303)
        answer = sign_in.let_in(desk, opened)
        flash(f"You are the owner now, {wanted.name}.")
        return answer


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the view of the set-up page."""
    yield View("/setup", "setup", PUBLIC, SetupPage(desk).set_up, ("GET", "POST"))


def _show(form: SetupForm, status: int = 200) -> Response:
    return Response(render_template("admin/setup.html", form=form), status)


def _show_gone() -> Response:
    wording = Wording(
        "This console has been set up",
        "It has an owner, so no set-up link opens anything any more.",
        f"Sign in at {url_for('admin.sign_in')}. An owner adds further users; whoever runs this server can "
        "do so with issuer user add, and give another password with issuer user password.",
    )
    return error_pages.show(404, wording)
