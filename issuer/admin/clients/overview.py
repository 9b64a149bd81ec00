"""What a client is, what is found at it, and what a request that names nothing gets."""

from dataclasses import dataclass

from flask import Response, flash
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectMultipleField
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from issuer.admin import advice, closed, stale_edit
from issuer.admin.clients import kinds
from issuer.admin.clients.new import ClientFields
from issuer.admin.clients.tab import Tab
from issuer.errors import Conflict, InvalidValue, Locked, NotFound, Stale, TokenRefusal
from issuer.issuing.mint import Unsigned
from issuer.model.client import AuthMethod, Client, ClientState, ClientType, GrantType
from issuer.model.token_plan import TargetRequest
from issuer.pages.error_pages import Version
from issuer.pages.forms import EditForm, make_choices, read_text
from issuer.pages.return_path import current_address
from issuer.registry import clients
from issuer.registry.clients import ClientChange
from issuer.registry.listings import client_overview, consequences
from issuer.registry.listings.client_overview import Linked

_GRANTS = make_choices(*((grant_type.value, grant_type.value) for grant_type in GrantType))


@dataclass(frozen=True, slots=True)
class Effect:
    """What a request that names nothing gets now: a token, or a refusal with its code and reason."""

    token: Unsigned | None = None
    error: str = ""
    reason: str = ""


class EditClientForm(EditForm, ClientFields):
    """What may be changed of a client."""

    # Its choices depend on what the client is.
    type = RadioField("Kind of program")
    grant_types = SelectMultipleField(
        "Grant types",
        [InputRequired("A client has at least one grant type.")],
        choices=_GRANTS,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


class OverviewTab(Tab):
    """The first tab."""

    endpoint = "admin.show_client"

    def show(self, client_id: str) -> str:
        """Answer with a client, whole."""
        registrar = self._desk.registrar()
        linked = client_overview.find_linked(registrar, client_id)
        client = linked.client
        return self._show(
            "overview.html",
            client,
            linked=linked,
            kind=kinds.LABELS[client.type],
            findings=advice.advise_on_client(
                self._desk, client_overview.lint_client(registrar, linked, self._desk.lifetimes)
            ),
            held=consequences.of_client(registrar, client_id),
            effect=self._find_effect(client),
        )

    def edit(self, client_id: str) -> ResponseReturnValue:
        """Answer with the form of a client's fields, or change them."""
        registrar = self._desk.registrar()
        linked = client_overview.find_linked(registrar, client_id)
        client = linked.client
        closed.refuse_client(client)
        form = _make_form(linked)
        if form.validate_on_submit():
            try:
                stale_edit.check(form, client.version)
                clients.change_client(registrar, client_id, _read(form, client.version))
            except Stale:
                return _show_stale(form, client_overview.find_linked(registrar, client_id))
            except (InvalidValue, NotFound, Locked, Conflict) as refusal:
                form.refuse_at_field(refusal)
            else:
                flash(f"{form.name.data} was changed. It takes effect everywhere within a second.")
                return self._go_back(client)
        page = self._show("edit.html", client, form=form)
        return page, 422 if form.is_submitted() else 200

    def _find_effect(self, client: Client) -> Effect | None:
        if client.state is not ClientState.ACTIVE:
            return None
        try:
            return Effect(self._desk.preview(client.client_id, TargetRequest()))
        except TokenRefusal as refusal:
            return Effect(error=refusal.code, reason=refusal.detail)


def _make_form(linked: Linked) -> EditClientForm:
    """Return the form of a client: the kinds that are offered to new ones, and what it is already."""
    form = EditClientForm(data=_describe(linked))
    form.type.choices = make_choices(
        *(
            (kind.type.value, kind.label)
            for kind in kinds.KINDS
            if kind.is_offered or kind.type is linked.client.type
        )
    )
    return form


def _describe(linked: Linked) -> dict[str, object]:
    client = linked.client
    return {
        "name": client.name,
        "type": client.type.value,
        "grant_types": sorted(grant_type.value for grant_type in client.grant_types),
        "auth_method": client.auth_method.value,
        "may_use_offline_access": client.may_use_offline_access,
        "tenant_id": client.tenant_id or "",
        "access_token_max_seconds": client.access_token_max_seconds,
        "service": "" if linked.service is None else linked.service.name,
        "version": str(client.version),
    }


def _read(form: EditClientForm, version: int) -> ClientChange:
    return ClientChange(
        name=read_text(form.name),
        type=ClientType(form.type.data),
        grant_types=frozenset(GrantType(each) for each in form.grant_types.data or []),
        auth_method=AuthMethod(form.auth_method.data),
        may_use_offline_access=form.may_use_offline_access.data,
        tenant_id=read_text(form.tenant_id) or None,
        access_token_max_seconds=form.access_token_max_seconds.data,
        service=read_text(form.service) or None,
        expected_version=version,
    )


def _show_stale(form: EditClientForm, linked: Linked) -> Response:
    now = EditClientForm(formdata=None, data=_describe(linked))
    versions = [
        Version(field.label.text, _word(field.data), _word(now[field.name].data))
        for field in form
        if field.name not in {"version", "csrf_token"}
    ]
    return stale_edit.show(linked.client.name, versions, current_address(), linked.client.client_id)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(sorted(value))
    return "" if value is None else str(value)
