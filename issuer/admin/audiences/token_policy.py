"""What a token for an audience looks like, each value with whose word it is."""

from flask import flash
from flask.typing import ResponseReturnValue

from issuer.admin import stale_edit
from issuer.admin.audiences import policy_form
from issuer.admin.audiences.policy_form import PolicyFields
from issuer.admin.audiences.tab import Tab
from issuer.errors import Conflict, InvalidValue, Stale
from issuer.model.audience import Audience, AudienceState, own_jwks_path
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm
from issuer.registry import audiences
from issuer.registry.audiences import AudienceChange
from issuer.registry.listings import token_policy


class _PolicyForm(PolicyFields, EditForm):
    """The token policy of an audience."""


class TokenPolicyTab(Tab):
    """The token policy of an audience."""

    endpoint = "admin.show_token_policy"

    def show(self, audience_id: int) -> str:
        """Answer with the effective token policy and an example."""
        desk, audience = self._desk, self._find(audience_id)
        is_open = audience.state is not AudienceState.REMOVED and not audience.is_reserved
        return self._show(
            "token_policy.html",
            audience,
            policy=token_policy.explain(audience, desk.lifetimes, desk.refresh_lifetimes, desk.clock.now()),
            claims=policy_form.write_claims(audience.policy.extra_claims),
            example=desk.preview_draft(audience) if is_open else None,
            own_jwks_url=desk.settings.url + own_jwks_path(audience.id) if audience.has_own_key else "",
        )

    def edit(self, audience_id: int) -> ResponseReturnValue:
        """Answer with the form of a token policy, or change it."""
        audience = self._find_changeable(audience_id)
        form = _PolicyForm(data={**policy_form.describe(audience), "version": str(audience.version)})
        if form.validate_on_submit():
            try:
                stale_edit.check(form, audience.version)
                self._change(audience, form)
            except Stale:
                now = self._find(audience_id)
                return self._show_stale(now, _compare(form, now))
            except (Conflict, InvalidValue) as refusal:
                policy_form.refuse(form, refusal)
            else:
                flash("The token policy was changed. New tokens follow it within a second.")
                return self._go_back(audience)
        shown = self._show(
            "edit_policy.html",
            audience,
            form=form,
            bounds=self._desk.lifetimes,
            refresh=self._desk.refresh_lifetimes,
        )
        return shown, 422 if form.is_submitted() else 200

    def _change(self, audience: Audience, form: _PolicyForm) -> None:
        alg, typ = policy_form.read_signature(form)
        wanted = AudienceChange(
            access_token_seconds=form.access_token_seconds.data,
            refresh_idle_seconds=form.refresh_idle_seconds.data,
            refresh_absolute_seconds=form.refresh_absolute_seconds.data,
            signing_alg=alg,
            typ=typ,
            extra_claims=policy_form.read_claims(form.extra_claims.data or ""),
            expected_version=audience.version,
        )
        audiences.change_audience(self._desk.registrar(), audience.identifier, wanted)


def _compare(form: _PolicyForm, audience: Audience) -> list[Version]:
    current = policy_form.describe(audience)
    return [Version(form[name].label.text, _say(form[name].data), _say(current[name])) for name in current]


def _say(value: object) -> str:
    return "" if value is None else str(value)
