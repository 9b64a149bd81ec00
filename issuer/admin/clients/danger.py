"""What closes a client, each with its consequence in numbers before anything happens."""

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from issuer.admin.clients.tab import Tab, is_confirmed
from issuer.registry import clients
from issuer.registry.listings import consequences
from issuer.registry.powers import Power


class DangerTab(Tab):
    """Disabling, enabling and removing."""

    endpoint = "admin.show_client_danger"

    def show(self, client_id: str) -> str:
        """Answer with what can be closed, and what that would end."""
        client = self._find(client_id)
        held = consequences.of_client(self._desk.registrar(), client_id)
        return self._show(
            "danger.html", client, held=held, may_remove=self._may(Power.CLIENT_REMOVAL, client)
        )

    def disable(self, client_id: str) -> ResponseReturnValue:
        """Refuse tokens to a client."""
        client = clients.disable_client(self._desk.registrar(), client_id)
        flash(f"{client.name} is disabled: it gets no more tokens.")
        return self._go_back(client)

    def enable(self, client_id: str) -> ResponseReturnValue:
        """Give tokens to a client again."""
        client = clients.enable_client(self._desk.registrar(), client_id)
        flash(f"{client.name} is enabled: it gets tokens again.")
        return self._go_back(client)

    def remove(self, client_id: str) -> ResponseReturnValue:
        """Remove a client for good, once its client_id was typed."""
        client = self._find(client_id)
        if not is_confirmed(client.client_id):
            flash(f"Nothing was removed: what was typed is not {client.client_id}.", "error")
            return self._go_back(client)
        clients.remove_client(self._desk.registrar(), client_id)
        flash(f"{client.name} is removed with its secrets and permissions.")
        return redirect(url_for("admin.list_clients"), 303)
