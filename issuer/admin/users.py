"""Users: who may sign in, and in which role (P18)."""

from collections.abc import Callable, Iterator

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from issuer.admin import account, new_user, stale_edit, user_fields
from issuer.admin.desk import Desk
from issuer.admin.user_fields import EditUserForm, PasswordFields
from issuer.admin.view import Answer, View
from issuer.errors import Conflict, Stale
from issuer.model.listing import ListQuery
from issuer.model.user import Role, User, UserState
from issuer.pages import listing
from issuer.pages.error_pages import Version
from issuer.pages.gate import needs
from issuer.registry import users, web_sessions
from issuer.registry.listings import users as listed
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.registry.users import UserChange

_STATES = tuple((state.value, state.value.capitalize()) for state in UserState)
Act = Callable[[Registrar, str], User]


class UserPages:
    """The list of users and the pages of each: owners change them, auditors read."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list_all(self) -> ResponseReturnValue:
        """Answer with the list."""
        asked = listing.read_listing(
            ("name", "role", "last_sign_in"),
            {"role": tuple(user_fields.ROLES), "state": tuple(UserState)},
            default="name",
        )
        query = ListQuery(asked.search, asked.filters, asked.sort, asked.is_descending)
        return render_template(
            "admin/users.html",
            users=listed.list_users(self._desk.registrar(), query),
            listing=asked,
            filters=[("role", "Role", tuple(user_fields.ROLES.items())), ("state", "State", _STATES)],
            roles=user_fields.ROLES,
            may_change=self._desk.may(Power.USERS),
        )

    def show(self, name: str) -> ResponseReturnValue:
        """Answer with the page of a user."""
        return self._show(name)

    def edit(self, name: str) -> ResponseReturnValue:
        """Show the form of role and services, or change them."""
        self._desk.require(Power.USERS)
        registrar = self._desk.registrar()
        user = users.find_user(registrar, name)
        form = EditUserForm(role=user.role.value, services="\n".join(user.services), version=user.version)
        if request.method != "POST":
            return _show_edit(form, user)
        if not form.validate():
            return _show_edit(form, user, 422)
        role = Role(form.role.data)
        # A form without scripts sends services for every role; those of another one are dropped.
        services = form.read_services() if role is Role.SERVICE_OWNER else frozenset()
        try:
            stale_edit.check(form, user.version)
            users.change_user(registrar, name, UserChange(role, services, user.version))
        except Stale:
            return _show_stale(form, users.find_user(registrar, name))
        except user_fields.REFUSALS as refusal:
            form.refuse(refusal, user_fields.find_role_field(refusal))
            return _show_edit(form, user, 422)
        flash(f"{user.name} is changed, and signed out everywhere.")
        return redirect(url_for("admin.user", name=user.name), 303)

    def set_password(self, name: str) -> ResponseReturnValue:
        """Show the form of another password, or set it."""
        self._desk.require(Power.USERS)
        registrar = self._desk.registrar()
        user = users.find_user(registrar, name)
        form = PasswordFields()
        if request.method != "POST":
            return _show_password(form, user)
        if not form.validate():
            return _show_password(form, user, 422)
        made = "" if form.password.data else users.make_password(registrar)
        try:
            users.set_password(registrar, self._desk.passwords, name, made or form.password.data or "")
        except user_fields.REFUSALS as refusal:
            form.refuse(refusal, "password")
            return _show_password(form, user, 422)
        if made:
            return new_user.show_made(user.name, made)
        flash(f"{user.name} has another password, and is signed out everywhere.")
        return redirect(url_for("admin.user", name=user.name), 303)

    def act(self, act: Act, said: str) -> Answer:
        """Return the view that changes a user's state. said: of it afterwards, behind the name."""

        def answer(name: str) -> ResponseReturnValue:
            try:
                user = act(self._desk.registrar(), name)
            except Conflict as refusal:
                return self._show(name, refusal)
            flash(f"{user.name} {said}")
            return redirect(url_for("admin.user", name=user.name), 303)

        return answer

    def sign_out(self, name: str) -> ResponseReturnValue:
        """End all sessions of a user."""
        registrar = self._desk.registrar()
        web_sessions.end_all_sessions(registrar, name)
        flash("All sessions of this user have ended.")
        return redirect(url_for("admin.user", name=name), 303)

    def end_session(self, name: str, session_id: int) -> ResponseReturnValue:
        """End one session of a user."""
        web_sessions.end_session(self._desk.registrar(), session_id)
        flash("The session has ended.")
        return redirect(url_for("admin.user", name=name), 303)

    def _show(self, name: str, refusal: Conflict | None = None) -> Response:
        registrar = self._desk.registrar()
        user = users.find_user(registrar, name)
        page = render_template(
            "admin/user.html",
            shown=user,
            role=user_fields.ROLES[user.role.value],
            sessions=[one.session for one in web_sessions.list_sessions(registrar, user.name)],
            here=self._desk.signed_in.session.id,
            is_self=user.id == self._desk.signed_in.user.id,
            is_last_owner=users.is_last_owner(registrar, user),
            may_change=self._desk.may(Power.USERS),
            refused=refusal.detail if refusal else "",
        )
        return Response(page, refusal.status if refusal else 200)


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of users. A name may be `new`, so users have a room of their own."""
    pages = UserPages(desk)
    reads, changes = needs(Power.READ_USERS.value), needs(Power.USERS.value)
    one = "/users/by-name/<name>"
    both, post = ("GET", "POST"), ("POST",)
    disable = pages.act(users.disable_user, "is disabled, and signed out everywhere.")
    enable = pages.act(users.enable_user, "may sign in again.")
    remove = pages.act(users.remove_user, "is removed for good.")
    yield View("/users", "users", reads, pages.list_all)
    yield View(one, "user", reads, pages.show)
    yield View(f"{one}/edit", "edit_user", changes, pages.edit, both)
    yield View(f"{one}/password", "set_password", changes, pages.set_password, both)
    yield View(f"{one}/disable", "disable_user", changes, disable, post)
    yield View(f"{one}/enable", "enable_user", changes, enable, post)
    yield View(f"{one}/remove", "remove_user", changes, remove, post)
    yield View(f"{one}/sign-out", "sign_user_out", changes, pages.sign_out, post)
    yield View(f"{one}/sessions/{account.SESSION_ID}/end", "end_session", changes, pages.end_session, post)


def _show_edit(form: EditUserForm, user: User, status: int = 200) -> Response:
    page = render_template("admin/edit_user.html", form=form, shown=user, hints=user_fields.HINTS)
    return Response(page, status)


def _show_password(form: PasswordFields, user: User, status: int = 200) -> Response:
    return Response(render_template("admin/set_password.html", form=form, shown=user), status)


def _show_stale(form: EditUserForm, user: User) -> Response:
    versions = [
        Version("Role", user_fields.ROLES[form.role.data], user_fields.ROLES[user.role.value]),
        Version("Services", ", ".join(sorted(form.read_services())), ", ".join(user.services)),
    ]
    return stale_edit.show(user.name, versions, url_for("admin.edit_user", name=user.name), user.name)
