"""Secrets of a client: several at a time, each made with an overlap and shown once."""

from flask import Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import Optional

from issuer.admin.checks import Checked
from issuer.admin.clients.tab import Tab
from issuer.errors import BadLink, Conflict, InvalidValue
from issuer.model.client import Client
from issuer.pages.forms import NumberField, PageForm, read_text
from issuer.policy import free_text
from issuer.registry import client_secrets
from issuer.registry.listings import consequences
from issuer.registry.powers import Power

USUAL_DAYS = 365
_LONGEST_SECRET = 200


class NewSecretForm(PageForm):
    """A secret to be made. form_id: the same for every time this form is sent."""

    form_id = HiddenField()
    label = StringField(
        "Label", [Checked(lambda text: free_text.check_text(text, "the label", free_text.LONGEST_NAME))]
    )
    expires_in_days = NumberField("Expires in days", [Optional()])


class CredentialsTab(Tab):
    """The secrets of a client."""

    endpoint = "admin.show_credentials"

    def show(self, client_id: str) -> ResponseReturnValue:
        """Answer with all secrets of a client, and the form of another one."""
        suffix = self._desk.registrar().entropy.suffix()
        form = NewSecretForm(formdata=None, form_id=suffix, expires_in_days=USUAL_DAYS)
        return self._show_secrets(self._find(client_id), form, 200)

    def add(self, client_id: str) -> ResponseReturnValue:
        """Make another secret, and show it this once."""
        registrar, client = self._desk.registrar(), self._find(client_id)
        form = NewSecretForm()
        if not form.validate():
            return self._show_secrets(client, form, 422)
        form_id = read_text(form.form_id)
        try:
            made, text = client_secrets.add_secret(
                registrar, client_id, read_text(form.label), form.expires_in_days.data, secret_id=form_id
            )
        except (InvalidValue, Conflict) as refusal:
            if any(secret.id == form_id for secret in client.secrets):
                return self._show("secret_there.html", client, secret_id=form_id), Conflict.status
            form.refuse(refusal, "expires_in_days" if "expires" in refusal.detail else None)
            return self._show_secrets(client, form, 422)
        page = self._show(
            "secret_made.html",
            client,
            secret=made,
            handover=self._hand_over(client, text),
            env_url=url_for("admin.send_client_env", client_id=client_id),
        )
        return Response(page, 201)

    def revoke(self, client_id: str, secret_id: str) -> ResponseReturnValue:
        """Make a secret useless."""
        secret = client_secrets.revoke_secret(self._desk.registrar(), client_id, secret_id)
        flash(f"The secret {secret.id} authenticates nobody any more.")
        return self._go_back(self._find(client_id))

    def send_env(self, client_id: str) -> Response:
        """Answer with a file of the secret that was shown a moment ago, which the form brings along.

        Nothing keeps the secret in between: it is compared with the hashes that are stored.
        """
        text = request.form.get("secret", "")
        client = self._find(client_id)
        if len(text) > _LONGEST_SECRET or not client_secrets.is_secret_of(
            self._desk.registrar(), client_id, text
        ):
            raise BadLink("this is no secret of the client")
        handover = self._hand_over(client, text)
        response = Response(handover.env, content_type="text/plain; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="{client.client_id}.env"'
        return response

    def _show_secrets(self, client: Client, form: NewSecretForm, status: int) -> ResponseReturnValue:
        desk = self._desk
        now = desk.clock.now()
        page = self._show(
            "credentials.html",
            client,
            form=form,
            consequences=consequences.of_secrets(client, now),
            usable=sum(secret.is_usable(now) for secret in client.secrets),
            may_change_secrets=self._may(Power.CLIENT_SECRETS, client),
            is_stepped_up=desk.signed_in.session.is_stepped_up(now),
        )
        return page, status
