"""What a client may ask for: its permissions, each granted, changed and revoked; its default audience."""

from collections.abc import Sequence
from typing import Final

from flask import Response, flash, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectMultipleField

from issuer.admin import lists, stale_edit
from issuer.admin.clients.tab import Tab
from issuer.errors import Conflict, InvalidValue, Locked, Stale
from issuer.model.audience import RESERVED_REFRESH, Audience, AudienceId, AudienceState
from issuer.model.client import Client, ClientState
from issuer.model.permission import PermittedSubject
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm, make_choices
from issuer.pages.listing import read_listing
from issuer.policy import lifetimes
from issuer.registry import clients, permissions
from issuer.registry.clients import ClientChange
from issuer.registry.listings import audiences as audience_lists
from issuer.registry.listings import client_overview, consequences, export
from issuer.registry.listings import permissions as permission_lists
from issuer.registry.listings.client_overview import Target
from issuer.registry.permissions import NewPermission
from issuer.registry.powers import Power

COLUMNS: Final = ("identifier", "service", "granted", "last_used")
FILTERS: Final = {
    "state": tuple(state.value for state in AudienceState if state is not AudienceState.REMOVED),
    "subject": tuple(subject.value for subject in PermittedSubject),
}
_SUBJECTS = make_choices(
    (PermittedSubject.CLIENT.value, "For itself"),
    (PermittedSubject.USER.value, "For users"),
    (PermittedSubject.BOTH.value, "For itself and for users"),
)


class PermissionForm(EditForm):
    """What a client is permitted at one audience. The choices of scopes are those of the audience."""

    scopes = SelectMultipleField("Scopes")
    default_scopes = SelectMultipleField("Default scopes")
    subject = RadioField("For whom", choices=_SUBJECTS)


class AccessTab(Tab):
    """The permissions of a client."""

    endpoint = "admin.show_client_access"

    def show(self, client_id: str) -> str:
        """Answer with a page of what a client may ask for."""
        asked = read_listing(COLUMNS, FILTERS, default="identifier")
        registrar, client = self._desk.registrar(), self._find(client_id)
        page = permission_lists.list_of_client(
            registrar, client_id, lists.make_query(asked), self._desk.lifetimes
        )
        return self._show(
            "access.html",
            client,
            listing=asked,
            page=page,
            default=client_overview.find_default_identifier(registrar, client),
            total=lists.find_total(page),
            next_url=lists.find_next_url(asked, page),
            exports=lists.list_exports(asked, url_for("admin.export_client_access", client_id=client_id)),
            may_permit=self._may(Power.PERMISSIONS, client),
            may_edit=lambda audience: self._may_permit(client, audience),
        )

    def export(self, client_id: str) -> Response:
        """Answer with all permissions that the list shows, as a file."""
        asked = read_listing(COLUMNS, {**FILTERS, lists.FORMAT: lists.FORMATS}, default="identifier")
        registrar, client = self._desk.registrar(), self._find(client_id)
        rows = permission_lists.stream_of_client(
            registrar, client_id, lists.make_query(asked), self._desk.lifetimes
        )
        return lists.send_export(asked, f"{client.client_id}-access", export.PERMISSIONS, rows)

    def pick(self, client_id: str) -> str:
        """Answer with the audiences that could be permitted; who owns services finds theirs by the filter."""
        registrar, client = self._desk.registrar(), self._find(client_id)
        own = self._desk.signed_in.user.services
        asked = read_listing(("identifier", "service"), {"service": own}, default="identifier")
        page = audience_lists.list_audiences(registrar, lists.make_query(asked), self._desk.lifetimes)
        return self._show(
            "pick.html",
            client,
            listing=asked,
            page=page,
            held=client_overview.list_held_ids(registrar, client),
            own=own,
            may_permit=lambda audience: self._may_permit(client, audience),
            total=lists.find_total(page),
            next_url=lists.find_next_url(asked, page),
        )

    def show_permission(self, client_id: str, audience_id: int) -> ResponseReturnValue:
        """Answer with what a client is permitted at one audience."""
        registrar = self._desk.registrar()
        target = client_overview.find_target(registrar, client_id, AudienceId(audience_id))
        return self._show_permission(target, _make_form(target))

    def permit(self, client_id: str, audience_id: int) -> ResponseReturnValue:
        """Permit an audience to a client, or change what is permitted there."""
        registrar = self._desk.registrar()
        target = client_overview.find_target(registrar, client_id, AudienceId(audience_id))
        form = _make_form(target)
        if not form.validate():
            return self._show_permission(target, form)
        try:
            stale_edit.check(form, permissions.find_version(target.permission))
            permissions.grant_permission(registrar, _read(form, target))
        except Stale:
            found = client_overview.find_target(registrar, client_id, AudienceId(audience_id))
            return _show_stale(form, found)
        except (InvalidValue, Locked, Conflict) as refusal:
            form.refuse(refusal, "default_scopes" if "default scopes" in refusal.detail else None)
        else:
            did = "may ask for" if target.permission is None else "was changed at"
            flash(f"{target.client.name} {did} {target.audience.identifier}, within a second everywhere.")
            return self._go_back(target.client)
        return self._show_permission(target, form)

    def revoke(self, client_id: str, audience_id: int) -> ResponseReturnValue:
        """Take a permission back."""
        registrar = self._desk.registrar()
        target = client_overview.find_target(registrar, client_id, AudienceId(audience_id))
        permissions.revoke_permission(registrar, client_id, target.audience.identifier)
        flash(f"{target.client.name} may no longer ask for {target.audience.identifier}.")
        return self._go_back(target.client)

    def choose_default(self, client_id: str, audience_id: int) -> ResponseReturnValue:
        """Make an audience the default of a client."""
        registrar = self._desk.registrar()
        target = client_overview.find_target(registrar, client_id, AudienceId(audience_id))
        wanted = ClientChange(default_audience=target.audience.identifier)
        clients.change_client(registrar, client_id, wanted)
        flash(f"Requests that name no audience get {target.audience.identifier}.")
        return self._go_back(target.client)

    def clear_default(self, client_id: str) -> ResponseReturnValue:
        """Leave a client without a default audience."""
        client = clients.change_client(self._desk.registrar(), client_id, ClientChange(default_audience=None))
        flash(f"{client.name} has no default audience any more.")
        return self._go_back(client)

    def _may_permit(self, client: Client, audience: Audience) -> bool:
        """Return whether who is signed in may permit an audience to a client."""
        is_closed = ClientState.REMOVED is client.state or audience.state is AudienceState.REMOVED
        is_refresh = audience.is_reserved and audience.identifier == RESERVED_REFRESH
        return not (is_closed or is_refresh) and self._desk.may(Power.PERMISSIONS, audience.service.name)

    def _show_permission(self, target: Target, form: PermissionForm) -> ResponseReturnValue:
        client, audience, permission = target.client, target.audience, target.permission
        held = None
        if permission is not None:
            registrar = self._desk.registrar()
            held = consequences.of_permission(registrar, client.client_id, audience.identifier)
        cap = client.access_token_max_seconds
        page = self._show(
            "permission.html",
            client,
            audience=audience,
            permission=permission,
            form=form,
            held=held,
            is_default=client.default_audience == audience.id,
            lifetime=lifetimes.explain_access_token(audience.policy, cap, self._desk.lifetimes),
            may_permit=self._may_permit(client, audience),
        )
        return page, 422 if form.is_submitted() else 200


def _make_form(target: Target) -> PermissionForm:
    permission = target.permission
    scopes = permission.scopes if permission is not None else frozenset()
    defaults = permission.default_scopes if permission is not None else frozenset()
    form = PermissionForm(
        data={
            "scopes": sorted(scopes),
            "default_scopes": sorted(defaults),
            "subject": (permission.subject if permission is not None else PermittedSubject.CLIENT).value,
            "version": str(permissions.find_version(permission)),
        }
    )
    names = [scope.name for scope in target.audience.scopes]
    form.scopes.choices = form.default_scopes.choices = make_choices(*((name, name) for name in names))
    return form


def _read(form: PermissionForm, target: Target) -> NewPermission:
    return NewPermission(
        client_id=target.client.client_id,
        identifier=target.audience.identifier,
        scopes=frozenset(form.scopes.data or []),
        default_scopes=frozenset(form.default_scopes.data or []),
        subject=PermittedSubject(form.subject.data),
        expected_version=permissions.find_version(target.permission),
    )


def _show_stale(form: PermissionForm, target: Target) -> Response:
    permission = target.permission
    now: tuple[Sequence[str], ...] = ((), (), ())
    if permission is not None:
        now = (sorted(permission.scopes), sorted(permission.default_scopes), [permission.subject.value])
    yours = (form.scopes.data or [], form.default_scopes.data or [], [form.subject.data])
    fields = (form.scopes, form.default_scopes, form.subject)
    versions = [
        Version(field.label.text, ", ".join(sorted(typed)), ", ".join(current))
        for field, typed, current in zip(fields, yours, now, strict=True)
    ]
    name = f"{target.client.name} at {target.audience.identifier}"
    page = url_for("admin.show_permission", client_id=target.client.client_id, audience_id=target.audience.id)
    return stale_edit.show(name, versions, page, target.client.client_id)
