"""The steps of a document that write clients. A client never gets a secret by a document."""

from dataclasses import replace

from issuer.model.audience import AudienceId
from issuer.model.client import Client, ClientId
from issuer.model.service import ServiceId
from issuer.registry import client_rules, clients
from issuer.registry.document import fields
from issuer.registry.document.application import Application
from issuer.registry.document.entries import ClientEntry


def add(application: Application) -> None:
    """Register the clients that are not there yet, under the client_ids that the document has for them."""
    for place, entry in enumerate(application.wanted.clients):
        if entry.client_id in application.clients:
            continue
        with fields.refusals_at(f"clients[{place}]"):
            client_rules.check_client_id(application.change.connection, entry.client_id)
            service = _service(application, entry, None)
            draft = clients.draft(ClientId(entry.client_id), entry.new, service, application.change.now)
            draft = replace(draft, default_audience=_default(application, entry), state=entry.state)
            application.clients[entry.client_id] = clients.write_added(
                application.registrar, application.change, draft
            )


def change(application: Application) -> None:
    """Write what differs of a client, then its state."""
    for place, entry in enumerate(application.wanted.clients):
        before = application.clients[entry.client_id]
        with fields.refusals_at(f"clients[{place}]"):
            after = _changed(application, entry, before)
            changed = clients.write_changed(application.registrar, application.change, before, after)
            application.clients[entry.client_id] = clients.write_state(
                application.change, changed, entry.state
            )


def remove(application: Application, client_id: str) -> None:
    """Remove a client that is not in the document."""
    clients.write_removed(application.change, application.clients[client_id])


def list_without_secret(application: Application) -> tuple[str, ...]:
    """Return the clients of the document that no secret can authenticate now, by client_id."""
    now = application.change.now
    return tuple(
        sorted(
            entry.client_id
            for entry in application.wanted.clients
            if not any(secret.is_usable(now) for secret in application.clients[entry.client_id].secrets)
        )
    )


def _changed(application: Application, entry: ClientEntry, before: Client) -> Client:
    return replace(
        before,
        name=entry.new.name,
        type=entry.new.type,
        grant_types=entry.new.grant_types,
        auth_method=entry.new.auth_method,
        may_use_offline_access=entry.new.may_use_offline_access,
        default_audience=_default(application, entry),
        tenant_id=entry.new.tenant_id,
        access_token_max_seconds=entry.new.access_token_max_seconds,
        service=_service(application, entry, before.service),
    )


def _service(application: Application, entry: ClientEntry, before: ServiceId | None) -> ServiceId | None:
    if entry.new.service is None:
        return None
    service = application.services[entry.new.service]
    if service.id != before:
        client_rules.check_linkable(service)
    return service.id


def _default(application: Application, entry: ClientEntry) -> AudienceId | None:
    return None if entry.default_audience is None else application.audiences[entry.default_audience].id
