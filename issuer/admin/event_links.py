"""Event links: from what an audit event names to the pages of it, as far as they are there to be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from flask import url_for

from issuer.admin.desk import Desk
from issuer.errors import NotFound
from issuer.model.audit_event import ActorKind, AuditEvent
from issuer.registry import audiences, clients, services, users
from issuer.registry.listings import keys
from issuer.registry.powers import Power

# Each is looked up; more than a few stand in no event.
_MOST_AUDIENCES = 5


def find_actor_url(desk: Desk, event: AuditEvent) -> str:
    """Return the address of the user who did it, "" where there is none that the reader may read."""
    return _find_user_url(desk, event.actor.name) if event.actor.kind is ActorKind.USER else ""


def list_target_links(desk: Desk, event: AuditEvent) -> list[tuple[str, str]]:
    """Return label and address of each thing that an event was about and that is still registered."""
    return list(_find_target_links(desk, event))


def _find_target_links(desk: Desk, event: AuditEvent) -> Iterator[tuple[str, str]]:
    registrar, target = desk.registrar(), event.target
    if event.target_kind in {"client", "permission"}:
        with _if_there():
            client = clients.find_client(registrar, target)
            yield f"The client {client.name}", url_for("admin.show_client", client_id=client.client_id)
    if event.target_kind == "service":
        with _if_there():
            service = services.find_service(registrar, target)
            yield f"The service {service.name}", url_for("admin.show_service", service_id=service.id)
    for identifier in _list_identifiers(event):
        with _if_there():
            audience = audiences.find_audience(registrar, identifier)
            url = url_for("admin.show_audience", audience_id=audience.id)
            yield f"The audience {audience.identifier}", url
    if event.target_kind == "key":
        with _if_there():
            keys.find_line(registrar, target)
            yield "The key", url_for("admin.key", kid=target)
    if event.target_kind == "user" and (url := _find_user_url(desk, target)):
        yield f"The user {target}", url


def _list_identifiers(event: AuditEvent) -> list[str]:
    """Return the identifiers of audiences that an event is about; of a permission they are its fields."""
    if event.target_kind == "audience":
        return [event.target]
    if event.target_kind != "permission":
        return []
    return list(islice({**(event.before or {}), **(event.after or {})}, _MOST_AUDIENCES))


def _find_user_url(desk: Desk, name: str) -> str:
    if not desk.may(Power.READ_USERS):
        return ""
    try:
        return url_for("admin.user", name=users.find_user(desk.registrar(), name).name)
    except NotFound:
        return ""


@contextmanager
def _if_there() -> Iterator[None]:
    """Go on without what is not registered any more, or was never: the audit outlives what it names."""
    try:
        yield
    except NotFound:
        return
