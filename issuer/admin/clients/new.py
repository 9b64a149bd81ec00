"""A new client: what kind of program it is, what it may ask for, and its secret, shown once."""

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, HiddenField, RadioField, StringField
from wtforms.validators import InputRequired, Optional

from issuer.admin.checks import REQUIRED, Checked
from issuer.admin.clients import kinds, picks
from issuer.admin.clients.picks import Picks
from issuer.admin.clients.tab import Tab
from issuer.errors import Conflict, InvalidValue, Locked, NotFound, RegistryRefusal
from issuer.model.client import AuthMethod, Client, ClientType
from issuer.model.listing import LARGEST_PAGE, ListQuery
from issuer.pages.forms import NumberField, PageForm, make_choices, read_text
from issuer.policy import free_text
from issuer.registry import clients, registration
from issuer.registry.clients import NewClient
from issuer.registry.listings import services as service_lists
from issuer.registry.powers import Power

AUTH_METHODS = make_choices(
    (AuthMethod.CLIENT_SECRET_BASIC.value, "HTTP Basic (client_secret_basic)"),
    (AuthMethod.CLIENT_SECRET_POST.value, "In the form (client_secret_post)"),
)
_KINDS = make_choices(*((kind.type.value, kind.label) for kind in kinds.KINDS if kind.is_offered))
_LONGEST_TENANT_ID = 255


class ClientFields(PageForm):
    """What can be said of a client, new or not."""

    name = StringField(
        "Name", [InputRequired(REQUIRED), Checked(lambda text: free_text.check_name(text, "the name"))]
    )
    auth_method = RadioField("How it proves who it is", choices=AUTH_METHODS)
    may_use_offline_access = BooleanField("May get refresh tokens (offline_access)")
    service = StringField(
        "Service that it speaks for", [Checked(lambda text: free_text.check_name(text, "the service"))]
    )
    tenant_id = StringField(
        "Tenant", [Checked(lambda text: free_text.check_name(text, "the tenant", _LONGEST_TENANT_ID))]
    )
    access_token_max_seconds = NumberField("Longest life of its access tokens, in seconds", [Optional()])

    def refuse_at_field(self, refusal: RegistryRefusal) -> None:
        """Put what the registry refused where it belongs."""
        self.refuse(refusal, _find_field(refusal))


class NewClientForm(ClientFields):
    """A client to be registered. form_id: the same for every time this form is sent."""

    form_id = HiddenField()
    kind = RadioField("Kind of program", choices=_KINDS)


class NewClientPage(Tab):
    """The form of a new client, and the page that shows its secret."""

    def show(self) -> ResponseReturnValue:
        """Answer with the form, with what a search in it finds, or with a client just registered."""
        if request.method != "POST":
            self._desk.require(Power.CLIENT_SECRETS)
            first = NewClientForm(
                kind=ClientType.SERVICE.value,
                auth_method=AuthMethod.CLIENT_SECRET_BASIC.value,
                form_id=self._desk.registrar().entropy.suffix(),
            )
            return self._show_form(first, Picks(), 200)
        form, ticked = NewClientForm(), picks.read()
        if request.form.get("act") == "search":
            return self._show_form(form, ticked, 200)
        if not form.validate():
            return self._show_form(form, ticked, 422)
        try:
            made = registration.register_client(
                self._desk.registrar(), _read(form), ticked.wanted(), ticked.default or None
            )
        except (InvalidValue, NotFound, Conflict, Locked) as refusal:
            there = self._find_registered(form)
            if there is not None:
                return render_template("admin/clients/there.html", client=there), Conflict.status
            form.refuse_at_field(refusal)
            return self._show_form(form, ticked, 422)
        return self._show_made(*made, ticked)

    def _find_registered(self, form: NewClientForm) -> Client | None:
        """Return the client that this very form registered before."""
        client_id = clients.make_client_id(read_text(form.name), read_text(form.form_id))
        try:
            return clients.find_client(self._desk.registrar(), client_id)
        except NotFound:
            return None

    def _show_form(self, form: NewClientForm, ticked: Picks, status: int) -> ResponseReturnValue:
        registrar = self._desk.registrar()
        services = service_lists.list_services(registrar, ListQuery(size=LARGEST_PAGE))
        page = render_template(
            "admin/clients/new.html",
            form=form,
            kinds=kinds.KINDS,
            picks=ticked,
            choice=picks.find_choice(registrar, ticked, self._desk.lifetimes),
            services=[row.service.name for row in services.rows if not row.service.is_builtin],
        )
        return page, status

    def _show_made(self, client: Client, secret: str, ticked: Picks) -> ResponseReturnValue:
        page = render_template(
            "admin/clients/made.html",
            client=client,
            handover=self._hand_over(client, secret),
            is_one_of_several=len(ticked.identifiers) > 1,
            env_url=url_for("admin.send_client_env", client_id=client.client_id),
        )
        return Response(page, 201)


def _read(form: NewClientForm) -> NewClient:
    return NewClient(
        name=read_text(form.name),
        type=ClientType(form.kind.data),
        auth_method=AuthMethod(form.auth_method.data),
        may_use_offline_access=form.may_use_offline_access.data,
        tenant_id=read_text(form.tenant_id) or None,
        access_token_max_seconds=form.access_token_max_seconds.data,
        service=read_text(form.service) or None,
        suffix=read_text(form.form_id),
    )


def _find_field(refusal: RegistryRefusal) -> str | None:
    """Return the field that a refusal is about, None for the form: its detail begins with the word for it."""
    return next((field for begin, field in _FIELDS.items() if refusal.detail.startswith(begin)), None)


_FIELDS = {
    "no service ": "service",
    "no client speaks for ": "service",
    "the service ": "service",
    "the cap ": "access_token_max_seconds",
    "the name ": "name",
}
