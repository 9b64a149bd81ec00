"""A console of test pages: every macro with long names, 0, 1, 60 and 1,000 rows, and every way to be refused.

The pages go through the gate, the shell and the error pages of the real application; only they and their
policies are the tests' own.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from flask import Flask, Request, abort, flash, redirect, render_template, request
from jinja2 import ChoiceLoader, FileSystemLoader
from wtforms import BooleanField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from issuer import app as application
from issuer import errors
from issuer.admin import routes
from issuer.admin.advice import Advice
from issuer.admin.routes import RailItem
from issuer.model.finding import Finding, Severity
from issuer.pages import error_pages, listing
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm
from issuer.pages.gate import PUBLIC, SIGNED_IN, needs
from issuer.pages.page_user import PageUser
from tests.conftest import START

POWER = "change_things"
LONG = "https://" + "a-very-long-name." * 12 + "example/and/a/path"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
WHO = "X-Test-Who"

_ALICE = PageUser("Alice Example", "Owner", frozenset({POWER}))
_AUDITOR = PageUser("Auditor " + "with a long name " * 4, "Auditor")
_STATUSES = {
    "locked": errors.Locked("the audience access belongs to the issuer"),
    "away": errors.TemporarilyUnavailable("the pool is empty"),
    "busy": errors.PasswordsBusy("two at once"),
    "often": errors.TooManyRequests("six times", 30),
    "client": errors.InvalidClient("unknown"),
    "conflict": errors.Conflict("the name is taken"),
}
_POLICIES = {
    "admin.showroom": SIGNED_IN,
    "admin.rows": SIGNED_IN,
    "admin.form": needs(POWER),
    "admin.stale": SIGNED_IN,
    "admin.refused": SIGNED_IN,
    "admin.fault": PUBLIC,
    "admin.fragment": SIGNED_IN,
}
_RAIL = (
    RailItem("admin.showroom", "Showroom", "home"),
    RailItem("admin.rows", "Audiences", "audiences"),
    RailItem("admin.form", "Clients", "clients"),
    RailItem("admin.stale", "Stale edit", "audit"),
)


_KINDS = [
    SelectChoice("service", "Service"),
    SelectChoice("web", "Web app"),
    SelectChoice("device", "Device"),
]


class ExampleForm(EditForm):
    """One field of each kind."""

    name = StringField("Name", [InputRequired("Give the audience a name.")])
    identifier = StringField("Identifier")
    description = TextAreaField("Description")
    alg = SelectField("Signing algorithm", choices=["RS256", "ES256"])
    kind = RadioField("Kind of program", choices=_KINDS)
    is_public = BooleanField("Listed in the directory")


@contextmanager
def furnished() -> Iterator[None]:
    """Let every application made meanwhile have the showroom's policies, rail and users."""
    with ExitStack() as patches:
        patches.enter_context(mock.patch.dict(routes.POLICIES, _POLICIES))
        patches.enter_context(mock.patch.object(routes, "RAIL", _RAIL))
        defaults = application.create_app.__kwdefaults__
        patches.enter_context(mock.patch.dict(defaults, {"current_user": _find_user}))
        yield


def furnish(app: Flask) -> None:
    """Give an application, made while `furnished`, the pages."""
    templates = Path(__file__).with_name("templates")
    app.jinja_env.loader = ChoiceLoader([app.jinja_env.loader, FileSystemLoader(templates)])
    for path, name, view, methods in (
        ("", "showroom", _show_macros, ["GET"]),
        ("/rows", "rows", _show_rows, ["GET"]),
        ("/form", "form", _show_form, ["GET", "POST"]),
        ("/stale", "stale", _show_stale, ["GET"]),
        ("/refused/<how>", "refused", _refuse, ["GET"]),
        ("/fault", "fault", _fail, ["GET", "POST"]),
        ("/fragment", "fragment", _show_fragment, ["POST"]),
        ("/forgotten", "forgotten", lambda: "no policy", ["GET", "POST"]),
    ):
        app.add_url_rule(f"/admin/showroom{path}", f"admin.{name}", view, methods=methods)


def _find_user(request: Request) -> PageUser | None:
    return {"nobody": None, "auditor": _AUDITOR}.get(request.headers.get(WHO, "alice"), _ALICE)


def _show_macros() -> str:
    found = [
        Finding("no-scopes", Severity.ERROR, "audience", LONG, "The audience defines no scope.", "Add one."),
        Finding("long-life", Severity.WARNING, "audience", LONG, f"{LONG} lives long.", "Shorten it."),
        Finding("unused", Severity.INFO, "audience", LONG, "Nobody asks for it.", "Disable it."),
    ]
    advised = [Advice(found[0], "Add one.", "/admin/showroom/form", "Fix")]
    advised += [Advice(each, each.mend) for each in found[1:]]
    flash("The audience was disabled.")
    flash("The last change was refused.", "error")
    return render_template(
        "showroom/macros.html",
        at=START - 3700,
        later=START + 86_400 * 3,
        found=advised,
        long=LONG,
        hostile=HOSTILE,
    )


def _show_rows() -> str:
    asked = listing.read_listing(
        ("name", "clients"),
        {"state": ("active", "disabled"), "rows": ("0", "1", "60", "1000")},
        default="name",
    )
    total = int(asked.filters.get("rows", "60"))
    begin = asked.shown_before
    names = [LONG if each == 1 else f"https://audience-{each}.example" for each in range(total)]
    rows = [{"name": name, "clients": each} for each, name in enumerate(names)][
        begin : begin + listing.PAGE_ROWS
    ]
    after = begin + len(rows)
    next_url = asked.next_url((rows[-1]["name"],), after) if rows and after < total else ""
    return render_template(
        "showroom/rows.html", rows=rows, listing=asked, total=total, next_url=next_url, at=START - 60
    )


def _show_form() -> Any:
    form = ExampleForm(kind="service")
    if form.validate_on_submit():
        if form.identifier.data != "taken":
            flash(f"{form.name.data} was registered.")
            return redirect("/admin/showroom", 303)
        form.refuse(errors.Conflict("the identifier is taken"), "identifier")
    return render_template("showroom/form.html", form=form), 422 if request.method == "POST" else 200


def _show_fragment() -> str:
    return render_template("showroom/fragment.html", said=request.form["name"])


def _show_stale() -> Any:
    versions = [
        Version("Name", HOSTILE, LONG),
        Version("Description", "Takes orders.", "Takes orders."),
        Version("Lifetime", "10 min", "15 min"),
    ]
    return error_pages.show_stale("Orders", versions, "/admin/showroom/form")


def _refuse(how: str) -> Any:
    if how.isdigit():
        abort(int(how))
    raise _STATUSES[how]


def _fail() -> None:
    raise RuntimeError("hunter2")
