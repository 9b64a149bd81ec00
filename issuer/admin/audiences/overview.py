"""What an audience is, what is found at it, and how much it is used."""

from flask import flash
from flask.typing import ResponseReturnValue
from wtforms import StringField

from issuer.admin import advice, stale_edit
from issuer.admin.audiences.tab import Tab
from issuer.admin.checks import Checked
from issuer.errors import Conflict, InvalidValue, Stale
from issuer.model.audience import RESERVED_ACCESS, RESERVED_REFRESH, Audience
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm
from issuer.policy import free_text
from issuer.registry import audiences, lint
from issuer.registry.audiences import AudienceChange
from issuer.registry.listings import activity, token_policy
from issuer.registry.listings import audiences as lists
from issuer.registry.listings.activity import Span
from issuer.registry.powers import Power


class _AboutForm(EditForm):
    """What is said of an audience."""

    description = StringField(
        "Description", [Checked(lambda text: free_text.check_text(text, "the description"))]
    )


class OverviewTab(Tab):
    """The first tab."""

    endpoint = "admin.show_audience"

    def show(self, audience_id: int) -> str:
        """Answer with an audience, whole."""
        desk, registrar = self._desk, self._desk.registrar()
        audience = self._find(audience_id)
        bounds = desk.lifetimes
        return self._show(
            "overview.html",
            audience,
            listed=lists.find_listed(registrar, audience, bounds),
            findings=advice.advise_on_audience(
                desk, lint.lint_audience(registrar, audience.identifier, bounds), audience
            ),
            activity=activity.find_audience_activity(registrar, audience.identifier, Span.DAY),
            policy=token_policy.explain(audience, bounds, desk.refresh_lifetimes, desk.clock.now()),
            successor=_find_successor(self, audience),
            reserved=_RESERVED.get(audience.identifier, _API) if audience.is_reserved else "",
            may_permit=self._may(Power.PERMISSIONS, audience),
        )

    def find_named(self, identifier: str) -> Audience:
        """Return the audience of an identifier that another one names."""
        return audiences.find_audience(self._desk.registrar(), identifier)

    def edit(self, audience_id: int) -> ResponseReturnValue:
        """Answer with the form of the description, or change it."""
        audience = self._find_changeable(audience_id)
        form = _AboutForm(data={"description": audience.description, "version": str(audience.version)})
        if form.validate_on_submit():
            typed = form.description.data or ""
            wanted = AudienceChange(description=typed, expected_version=audience.version)
            try:
                stale_edit.check(form, audience.version)
                audiences.change_audience(self._desk.registrar(), audience.identifier, wanted)
            except Stale:
                now = self._find(audience_id)
                return self._show_stale(now, [Version("Description", typed, now.description)])
            except (Conflict, InvalidValue) as refusal:
                form.refuse(refusal)
            else:
                flash("The description was changed.")
                return self._go_back(audience)
        return self._show("edit.html", audience, form=form), 422 if form.is_submitted() else 200


def _find_successor(tab: OverviewTab, audience: Audience) -> Audience | None:
    return None if audience.successor is None else tab.find_named(audience.successor)


_API = "Tokens for the admin REST API of this issuer. No other audience stands beside it."
_RESERVED = {
    RESERVED_ACCESS: (
        "The audience of a token that names no service. Nothing of yours should accept it: everybody who "
        "does shares its tokens."
    ),
    RESERVED_REFRESH: (
        "Refresh tokens bear it, and the token endpoint alone takes them. It can be neither permitted nor "
        "asked for."
    ),
}
