"""A new user: name, role and a first password (P18)."""

from collections.abc import Iterator

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import InputRequired

from issuer.admin import user_fields
from issuer.admin.desk import Desk
from issuer.admin.user_fields import PasswordFields, RoleFields
from issuer.admin.view import View
from issuer.errors import InvalidValue, Locked, NotFound, RegistryRefusal
from issuer.model.user import Role
from issuer.pages.gate import needs
from issuer.registry import users
from issuer.registry.powers import Power
from issuer.registry.users import NewUser


class NewUserForm(RoleFields, PasswordFields):
    """Who may sign in from now on."""

    name = StringField("Name", [InputRequired("Give the user a name.")], [user_fields.strip])


class NewUserPage:
    """The form of a new user."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def add(self) -> ResponseReturnValue:
        """Show the form, or register a user."""
        # Before anything is typed, not after.
        self._desk.require(Power.USERS)
        form = NewUserForm(role=Role.ADMIN.value)
        if request.method != "POST":
            return _show(form)
        if not form.validate():
            return _show(form, 422)
        registrar = self._desk.registrar()
        made = "" if form.password.data else users.make_password(registrar)
        new = NewUser(
            form.name.data or "", Role(form.role.data), made or form.password.data or "", form.read_services()
        )
        try:
            user = users.add_user(registrar, self._desk.passwords, new)
        except user_fields.REFUSALS as refusal:
            form.refuse(refusal, _find_field(new, refusal))
            return _show(form, 422)
        if made:
            return show_made(user.name, made)
        flash(f"{user.name} may sign in from now on.")
        return redirect(url_for("admin.user", name=user.name), 303)


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the view of a new user."""
    power = needs(Power.USERS.value)
    yield View("/users/new", "new_user", power, NewUserPage(desk).add, ("GET", "POST"))


def show_made(name: str, password: str) -> Response:
    """Return the page that shows a password that was made, this once."""
    return Response(render_template("admin/made_password.html", name=name, password=password))


def _show(form: NewUserForm, status: int = 200) -> Response:
    return Response(render_template("admin/new_user.html", form=form, hints=user_fields.HINTS), status)


def _find_field(new: NewUser, refusal: RegistryRefusal) -> str | None:
    is_misfit = (new.role is Role.SERVICE_OWNER) is not bool(new.services)
    if isinstance(refusal, NotFound | Locked) or (isinstance(refusal, InvalidValue) and is_misfit):
        return "services"
    return user_fields.find_field(new.name, refusal)
