"""Other spellings of an audience, and how it gets a new name."""

from typing import Final

from flask import flash, request
from flask.typing import ResponseReturnValue
from wtforms import RadioField, StringField
from wtforms.validators import InputRequired

from issuer.admin import stale_edit
from issuer.admin.audiences.tab import Tab
from issuer.admin.checks import REQUIRED, Checked
from issuer.errors import Conflict, InvalidValue, Locked, Stale
from issuer.model.audience import AliasMode
from issuer.pages import forms
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm, PageForm
from issuer.policy import dates, identifiers
from issuer.registry import aliases

_MODES: Final = forms.make_choices(
    (AliasMode.ACCEPT.value, "Accept"),
    (AliasMode.DUAL.value, "Dual"),
)


class _UntilForm(PageForm):
    """A spelling, and until when."""

    identifier = StringField("Identifier", [InputRequired(REQUIRED), Checked(identifiers.check_identifier)])
    until = StringField("Until", [Checked(dates.read_date)])


class _RenameForm(_UntilForm, EditForm):
    """The new name of an audience."""


class _AliasForm(_UntilForm):
    """An alias that an audience is to have."""

    mode = RadioField("What it does", choices=_MODES, default=AliasMode.ACCEPT.value)


class AliasTab(Tab):
    """The aliases of an audience."""

    endpoint = "admin.show_aliases"

    def show(self, audience_id: int) -> str:
        """Answer with the aliases, and how long each still stands."""
        return self._show("aliases.html", self._find(audience_id))

    def add(self, audience_id: int) -> ResponseReturnValue:
        """Answer with the form of a new alias, or add one."""
        audience = self._find_changeable(audience_id)
        form = _AliasForm()
        if form.validate_on_submit():
            alias, mode = forms.read_text(form.identifier), AliasMode(form.mode.data)
            try:
                aliases.add_alias(self._desk.registrar(), audience.identifier, alias, mode, _read_until(form))
            except (Conflict, InvalidValue, Locked) as refusal:
                form.refuse(refusal, _find_field(refusal))
            else:
                flash(f"{alias} may be asked for now.")
                return self._go_back(audience)
        return self._show("alias.html", audience, form=form), 422 if form.is_submitted() else 200

    def remove(self, audience_id: int) -> ResponseReturnValue:
        """Take an alias away."""
        audience = self._find_changeable(audience_id)
        alias = request.form.get("alias", "")
        aliases.remove_alias(self._desk.registrar(), audience.identifier, alias)
        flash(f"{alias} is unknown from now on; it stays reserved for {audience.service.name}.")
        return self._go_back(audience)

    def rename(self, audience_id: int) -> ResponseReturnValue:
        """Answer with the form of a new name, or rename an audience."""
        audience = self._find_changeable(audience_id)
        form = _RenameForm(data={"version": str(audience.version)})
        if form.validate_on_submit():
            new = forms.read_text(form.identifier)
            try:
                stale_edit.check(form, audience.version)
                aliases.rename_audience(
                    self._desk.registrar(),
                    audience.identifier,
                    new,
                    _read_until(form),
                    expected_version=audience.version,
                )
            except Stale:
                now = self._find(audience_id)
                return self._show_stale(now, [Version("Identifier", new, now.identifier)])
            except (Conflict, InvalidValue, Locked) as refusal:
                form.refuse(refusal, _find_field(refusal))
            else:
                flash(f"{audience.identifier} is called {new} now; the old name stands as a dual alias.")
                return self._go_back(audience)
        return self._show("rename.html", audience, form=form), 422 if form.is_submitted() else 200


def _read_until(form: _UntilForm) -> int | None:
    return dates.read_date(form.until.data) if form.until.data else None


def _find_field(refusal: Conflict | InvalidValue | Locked) -> str:
    return "until" if refusal.detail.startswith("the date") else "identifier"
