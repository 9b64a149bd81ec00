"""What ends tokens for an audience, with the consequence in numbers before it is done."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField

from issuer.admin import stale_edit
from issuer.admin.audiences.tab import Tab
from issuer.admin.checks import Checked
from issuer.errors import Conflict, InvalidValue, Locked, NotFound, Stale, UnusableKey, WrongMasterKey
from issuer.model.audience import AudienceState, own_jwks_path
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm
from issuer.policy import identifiers
from issuer.registry import audiences
from issuer.registry.listings import consequences
from issuer.registry.powers import Power

# Told where it was asked; nothing was changed.
_KEY_REFUSALS = (Conflict, UnusableKey, WrongMasterKey)


class _SuccessorForm(EditForm):
    """What replaces an audience."""

    successor = StringField("Successor", [Checked(identifiers.check_identifier)])


class DangerTab(Tab):
    """The danger zone of an audience."""

    endpoint = "admin.show_audience_danger"

    def show(self, audience_id: int) -> str:
        """Answer with what can be done, and what ends with it."""
        audience = self._find(audience_id)
        is_removed = audience.state is AudienceState.REMOVED
        return self._show(
            "danger.html",
            audience,
            ends=consequences.of_audience(self._desk.registrar(), audience.identifier),
            is_removed=is_removed,
            may_remove=self._may(Power.AUDIENCE_REMOVAL, audience),
            may_change_key=self._may(Power.KEYS, audience),
            own_jwks_url=self._desk.settings.url + own_jwks_path(audience.id),
            publish_ahead_seconds=self._desk.settings.key_publish_ahead_seconds,
        )

    def disable(self, audience_id: int) -> ResponseReturnValue:
        """Stop tokens for an audience."""
        audience = self._find_changeable(audience_id)
        audiences.disable_audience(self._desk.registrar(), audience.identifier)
        flash(f"{audience.identifier} is disabled: no new tokens for it.")
        return self._go_back(audience)

    def enable(self, audience_id: int) -> ResponseReturnValue:
        """Make an audience active again."""
        audience = self._find_changeable(audience_id)
        audiences.enable_audience(self._desk.registrar(), audience.identifier)
        flash(f"{audience.identifier} is active: clients get tokens for it.")
        return self._go_back(audience)

    def give_own_key(self, audience_id: int) -> ResponseReturnValue:
        """Give an audience a signing key of its own."""
        audience = self._find_changeable(audience_id)
        try:
            self._desk.keys.give_own(self._desk.registrar(), audience.identifier)
        except _KEY_REFUSALS as refusal:
            flash(f"Nothing was changed: {refusal.detail}", "error")
        else:
            url = self._desk.settings.url + own_jwks_path(audience.id)
            flash(f"{audience.identifier} has a key of its own. Let its service fetch the keys from {url}")
        return self._go_back(audience)

    def give_up_own_key(self, audience_id: int) -> ResponseReturnValue:
        """Let an audience use the shared keys again."""
        audience = self._find_changeable(audience_id)
        try:
            self._desk.keys.give_up_own(self._desk.registrar(), audience.identifier)
        except _KEY_REFUSALS as refusal:
            flash(f"Nothing was changed: {refusal.detail}", "error")
        else:
            flash(
                f"{audience.identifier} goes back to the shared keys. When the last tokens of its own key "
                "have expired, let its service fetch the shared ones."
            )
        return self._go_back(audience)

    def deprecate(self, audience_id: int) -> ResponseReturnValue:
        """Answer with the form that names a successor, or deprecate an audience."""
        audience = self._find_changeable(audience_id)
        form = _SuccessorForm(data={"successor": audience.successor or "", "version": str(audience.version)})
        if form.validate_on_submit():
            try:
                stale_edit.check(form, audience.version)
                audiences.deprecate_audience(
                    self._desk.registrar(),
                    audience.identifier,
                    form.successor.data or None,
                    expected_version=audience.version,
                )
            except Stale:
                now = self._find(audience_id)
                versions = [Version("Successor", form.successor.data or "", now.successor or "")]
                return self._show_stale(now, versions)
            except (Conflict, InvalidValue, Locked, NotFound) as refusal:
                form.refuse(refusal, "successor")
            else:
                flash(f"{audience.identifier} is deprecated. Tokens for it are still issued.")
                return self._go_back(audience)
        return self._show("deprecate.html", audience, form=form), 422 if form.is_submitted() else 200

    def remove(self, audience_id: int) -> ResponseReturnValue:
        """Remove an audience for good, once its identifier was typed."""
        audience = self._find(audience_id)
        if request.form.get("confirmed", "").strip() != audience.identifier:
            flash(f"Nothing was removed: what was typed is not {audience.identifier}.", "error")
            return self._go_back(audience)
        audiences.remove_audience(self._desk.registrar(), audience.identifier)
        flash(f"{audience.identifier} is removed with every permission on it.")
        return redirect(url_for("admin.list_audiences"), 303)
