"""What can be permitted at an audience: its scopes, and who holds them."""

from flask import Response, flash, request
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import InputRequired

from issuer.admin import stale_edit
from issuer.admin.audiences.tab import Tab
from issuer.admin.checks import REQUIRED, Checked
from issuer.errors import BadLink, Conflict, InvalidValue, Stale
from issuer.model.audience import Audience, Scope
from issuer.pages import forms
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm, PageForm
from issuer.policy import free_text, scopes
from issuer.registry import audiences
from issuer.registry.audiences import AudienceChange
from issuer.registry.listings import permissions


class _DescriptionForm(EditForm):
    """What a scope means."""

    description = StringField(
        "Description", [Checked(lambda text: free_text.check_text(text, "the description"))]
    )


class _ScopeForm(PageForm):
    """A scope that an audience is to define."""

    name = StringField("Name", [InputRequired(REQUIRED), Checked(scopes.check_scope_name)])
    description = StringField(
        "Description", [Checked(lambda text: free_text.check_text(text, "the description"))]
    )


class ScopeTab(Tab):
    """The scopes of an audience."""

    endpoint = "admin.show_scopes"

    def show(self, audience_id: int) -> str:
        """Answer with the scopes, each with the number of clients that it is permitted to."""
        audience = self._find(audience_id)
        holders = permissions.count_holders(self._desk.registrar(), audience)
        return self._show("scopes.html", audience, holders=holders)

    def add(self, audience_id: int) -> ResponseReturnValue:
        """Answer with the form of a new scope, or add one."""
        audience = self._find_changeable(audience_id)
        form = _ScopeForm()
        if form.validate_on_submit():
            scope = Scope(forms.read_text(form.name), forms.read_text(form.description))
            try:
                self._add(audience, scope)
            except Stale:
                return self._compare(audience_id, scope)
            except (Conflict, InvalidValue) as refusal:
                form.refuse(refusal, "name")
            else:
                flash(f"The scope {scope.name} can be permitted now.")
                return self._go_back(audience)
        return self._show("scope.html", audience, form=form, name=""), _status(form)

    def edit(self, audience_id: int) -> ResponseReturnValue:
        """Answer with the form of a scope's description, or change it."""
        audience = self._find_changeable(audience_id)
        scope = _require_scope(audience, request.args.get("name", ""))
        form = _DescriptionForm(data={"description": scope.description, "version": str(audience.version)})
        if form.validate_on_submit():
            wanted = Scope(scope.name, form.description.data or "")
            change = AudienceChange(add_scopes=(wanted,), expected_version=audience.version)
            try:
                stale_edit.check(form, audience.version)
                audiences.change_audience(self._desk.registrar(), audience.identifier, change)
            except Stale:
                return self._compare(audience_id, wanted)
            except (Conflict, InvalidValue) as refusal:
                form.refuse(refusal)
            else:
                flash(f"The description of {scope.name} was changed.")
                return self._go_back(audience)
        return self._show("scope.html", audience, form=form, name=scope.name), _status(form)

    def remove(self, audience_id: int) -> ResponseReturnValue:
        """Take a scope away that no client holds; one that is held is refused, with who holds it."""
        audience = self._find_changeable(audience_id)
        name = request.form.get("name", "")
        change = AudienceChange(remove_scopes=frozenset({name}))
        audiences.change_audience(self._desk.registrar(), audience.identifier, change)
        flash(f"The scope {name} is gone.")
        return self._go_back(audience)

    def _compare(self, audience_id: int, wanted: Scope) -> Response:
        """Answer in place of a stale edit of a scope, which may be gone, or there, meanwhile."""
        now = self._find(audience_id)
        current = next((scope.description for scope in now.scopes if scope.name == wanted.name), "")
        label = f"Description of {wanted.name}"
        return self._show_stale(now, [Version(label, wanted.description, current)])

    def _add(self, audience: Audience, scope: Scope) -> None:
        if scope.name in {one.name for one in audience.scopes}:
            raise Conflict(f"{scope.name} is there already")
        change = AudienceChange(add_scopes=(scope,), expected_version=audience.version)
        audiences.change_audience(self._desk.registrar(), audience.identifier, change)


def _require_scope(audience: Audience, name: str) -> Scope:
    found = next((scope for scope in audience.scopes if scope.name == name), None)
    if found is None:
        raise BadLink("the audience defines no such scope")
    return found


def _status(form: PageForm) -> int:
    return 422 if form.is_submitted() else 200
