"""Who can call an audience: the clients that may ask for it, granting and revoking."""

from collections.abc import Sequence
from typing import Final

from flask import Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from issuer.admin import closed, lists, stale_edit
from issuer.admin.audiences.tab import Tab
from issuer.errors import Conflict, InvalidValue, Locked, NotAllowed, Stale
from issuer.model.audience import Audience
from issuer.model.client import Client, ClientState
from issuer.model.listing import ListQuery
from issuer.model.permission import Permission, PermittedSubject
from issuer.pages import forms
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm, PageForm
from issuer.pages.listing import Listing, read_listing
from issuer.pages.return_path import current_address
from issuer.registry import clients, permissions
from issuer.registry.listings import clients as client_lists
from issuer.registry.listings import consequences, export
from issuer.registry.listings import permissions as permission_lists
from issuer.registry.permissions import NewPermission
from issuer.registry.powers import Power

COLUMNS: Final = ("name", "client_id", "granted", "last_used")
FILTERS: Final = {
    "state": tuple(state.value for state in ClientState),
    "subject": tuple(subject.value for subject in PermittedSubject),
}
_MOST_PICKED: Final = 20
_SUBJECTS: Final = forms.make_choices(
    (PermittedSubject.CLIENT.value, "Itself"),
    (PermittedSubject.USER.value, "Users"),
    (PermittedSubject.BOTH.value, "Both"),
)


class _ScopesField(SelectMultipleField):
    """Scopes, to be ticked."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class _GrantForm(EditForm):
    """What a client is to be permitted."""

    scopes = _ScopesField("Scopes it may ask for")
    default_scopes = _ScopesField("Scopes it gets when it names none")
    subject = RadioField("For whom", choices=_SUBJECTS, default=PermittedSubject.CLIENT.value)


class ClientTab(Tab):
    """The clients that may ask for an audience."""

    endpoint = "admin.show_callers"

    def show(self, audience_id: int) -> str:
        """Answer with a page of the clients that may ask for an audience."""
        audience = self._find(audience_id)
        asked = _read_list()
        page = permission_lists.list_on_audience(
            self._desk.registrar(), audience.identifier, lists.make_query(asked), self._desk.lifetimes
        )
        return self._show(
            "clients.html",
            audience,
            listing=asked,
            page=page,
            total=lists.find_total(page),
            next_url=lists.find_next_url(asked, page),
            exports=lists.list_exports(asked, url_for("admin.export_callers", audience_id=audience.id)),
            may_permit=self._may(Power.PERMISSIONS, audience),
        )

    def export(self, audience_id: int) -> Response:
        """Answer with all clients that the list shows, as a file."""
        audience = self._find(audience_id)
        asked = _read_list(**{lists.FORMAT: lists.FORMATS})
        rows = permission_lists.stream_on_audience(
            self._desk.registrar(), audience.identifier, lists.make_query(asked), self._desk.lifetimes
        )
        return lists.send_export(asked, f"clients-of-audience-{audience.id}", export.PERMISSIONS, rows)

    def pick(self, audience_id: int) -> str:
        """Answer with the clients that a search finds, one of which is to be permitted."""
        audience = self._find_permittable(audience_id)
        asked = read_listing(("name",), default="name")
        query = ListQuery(asked.search, {"state": ClientState.ACTIVE.value}, size=_MOST_PICKED)
        found = client_lists.list_clients(self._desk.registrar(), query)
        return self._show("pick.html", audience, listing=asked, found=found)

    def grant(self, audience_id: int) -> ResponseReturnValue:
        """Answer with the form of one client's permission, or grant it."""
        audience = self._find_permittable(audience_id)
        client = self._find_client()
        before = self._find_permission(client, audience)
        form = _make_form(audience, before)
        if form.validate_on_submit():
            try:
                stale_edit.check(form, permissions.find_version(before))
                self._grant(client, audience, form, before)
            except Stale:
                versions = _compare(form, self._find_permission(client, audience))
                return stale_edit.show(client.name, versions, current_address(), client.client_id)
            except (Conflict, InvalidValue, Locked) as refusal:
                form.refuse(refusal, "default_scopes" if "default" in refusal.detail else None)
            else:
                flash(f"{client.name} may ask for {audience.identifier} now.")
                return self._go_back(audience)
        shown = self._show("grant.html", audience, form=form, client=client, before=before)
        return shown, _status(form)

    def revoke(self, audience_id: int) -> ResponseReturnValue:
        """Answer with what ends with a permission, or take it back."""
        audience = self._find_permittable(audience_id)
        client = self._find_client()
        registrar = self._desk.registrar()
        if request.method == "POST":
            permissions.revoke_permission(registrar, client.client_id, audience.identifier)
            flash(f"{client.name} may no longer ask for {audience.identifier}.")
            return self._go_back(audience)
        permission = self._find_permission(client, audience)
        if permission is None:
            flash(f"{client.name} may not ask for {audience.identifier} anyway.")
            return redirect(url_for(self.endpoint, audience_id=audience.id), 303)
        ends = consequences.of_permission(registrar, client.client_id, audience.identifier)
        return self._show("revoke.html", audience, client=client, permission=permission, ends=ends)

    def _find_permittable(self, audience_id: int) -> Audience:
        audience = self._find(audience_id)
        closed.refuse_unpermittable(audience)
        if not self._desk.may(Power.PERMISSIONS, audience.service.name):
            raise NotAllowed(f"you do not own the service {audience.service.name}")
        return audience

    def _find_client(self) -> Client:
        return clients.find_client(self._desk.registrar(), request.args.get("client", ""))

    def _find_permission(self, client: Client, audience: Audience) -> Permission | None:
        found = permissions.list_permissions(self._desk.registrar(), client.client_id, audience.identifier)
        return next(iter(found), None)

    def _grant(self, client: Client, audience: Audience, form: _GrantForm, before: Permission | None) -> None:
        wanted = NewPermission(
            client.client_id,
            audience.identifier,
            frozenset(form.scopes.data or ()),
            frozenset(form.default_scopes.data or ()),
            PermittedSubject(form.subject.data),
            expected_version=permissions.find_version(before),
        )
        permissions.grant_permission(self._desk.registrar(), wanted)


def _read_list(**more: Sequence[str]) -> Listing:
    return read_listing(COLUMNS, {**FILTERS, **more}, default="name")


def _make_form(audience: Audience, before: Permission | None) -> _GrantForm:
    shown: dict[str, object] = {"version": str(permissions.find_version(before))}
    if before is not None:
        shown["scopes"] = sorted(before.scopes)
        shown["default_scopes"] = sorted(before.default_scopes)
        shown["subject"] = before.subject.value
    form = _GrantForm(data=shown)
    form.scopes.choices = form.default_scopes.choices = forms.make_choices(
        *((scope.name, scope.name) for scope in audience.scopes)
    )
    return form


def _compare(form: _GrantForm, before: Permission | None) -> list[Version]:
    # Taken back meanwhile, there is nothing.
    now = (before.scopes, before.default_scopes, [before.subject.value]) if before else ((), (), ())
    typed = (form.scopes.data or (), form.default_scopes.data or (), [form.subject.data])
    labels = ("Scopes", "Default scopes", "In the name of")
    return [
        Version(label, " ".join(sorted(yours)), " ".join(sorted(theirs)))
        for label, yours, theirs in zip(labels, typed, now, strict=True)
    ]


def _status(form: PageForm) -> int:
    return 422 if form.is_submitted() else 200
