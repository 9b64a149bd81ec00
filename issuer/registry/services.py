"""Services: who receives tokens."""

from dataclasses import dataclass, replace

from issuer.errors import Conflict, Locked, NotFound, Stale
from issuer.model.audience import AudienceState
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.policy import free_text, resemblance
from issuer.registry import audience_rules, descriptions, removal
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.registry.unchanged import UNCHANGED, Unchanged, settle
from issuer.store import audiences as audience_store
from issuer.store import services as store
from issuer.store.db import Connection

_ACTIONS = {
    ServiceState.ACTIVE: "service.enabled",
    ServiceState.DISABLED: "service.disabled",
    ServiceState.REMOVED: "service.removed",
}


@dataclass(frozen=True, slots=True)
class NewService:
    """A service to be registered. trust_group: made by its first mention, or None."""

    name: str
    owner: str
    trust_group: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """What becomes of a service; fields left out stay.

    trust_group: made by its first mention, or None. expected_version: refuse if the service is no longer
    at this version; None to change it anyway.
    """

    owner: str | Unchanged = UNCHANGED
    trust_group: str | Unchanged | None = UNCHANGED
    expected_version: int | None = None


def add_service(registrar: Registrar, new: NewService) -> Service:
    """Register a service and return it; a new trust group takes the owner of its first service.

    Raises InvalidValue, or Conflict if the name was ever taken or the group has another owner.
    """
    with registrar.change(Power.SERVICES) as change:
        return write_added(change, new)


def find_service(registrar: Registrar, name: str) -> Service:
    """Return the service of that name; raises NotFound."""
    with registrar.reading() as connection:
        return require_service(connection, name)


def find_service_by_id(registrar: Registrar, service_id: ServiceId) -> Service:
    """Return the service of that id, removed or not; raises NotFound."""
    with registrar.reading() as connection:
        service = store.find_service_by_id(connection, service_id)
    if service is None:
        raise NotFound(f"no service has the id {service_id}")
    return service


def list_open_names(registrar: Registrar) -> tuple[str, ...]:
    """Return the names of the services that may have audiences, by name; one statement."""
    with registrar.reading() as connection:
        return store.list_open_names(connection)


def list_all_names(registrar: Registrar) -> tuple[str, ...]:
    """Return the names of all services, removed ones included, by name; one statement."""
    with registrar.reading() as connection:
        return store.list_names(connection)


def list_services(registrar: Registrar) -> tuple[Service, ...]:
    """Return all services, removed ones included, by name."""
    with registrar.reading() as connection:
        return store.list_services(connection)


def change_service(registrar: Registrar, name: str, wanted: ServiceChange) -> Service:
    """Give a service another owner or trust group and return it; where nothing differs, nothing is written.

    Raises NotFound, Locked, InvalidValue, or Conflict if the service is removed or was changed meanwhile,
    the group has another owner, or an extra claim of its audiences clashes with one in the group.
    """
    with registrar.change(Power.SERVICES) as change:
        before = require_service(change.connection, name)
        if wanted.expected_version not in {None, before.version}:
            raise Stale(f"somebody changed {name} meanwhile: it is at version {before.version}")
        after = replace(
            before,
            owner=settle(wanted.owner, before.owner),
            trust_group=settle(wanted.trust_group, before.trust_group),
        )
        changed = write_changed(change, before, after)
        for audience in audience_store.list_audiences(change.connection, service_id=changed.id):
            if audience.state is not AudienceState.REMOVED:
                audience_rules.check_clash(change.connection, audience)
        return changed


def disable_service(registrar: Registrar, name: str) -> Service:
    """Stop tokens for all audiences of a service; what is registered stays. Twice is once."""
    with registrar.change(Power.SERVICES) as change:
        return write_state(change, require_service(change.connection, name), ServiceState.DISABLED)


def enable_service(registrar: Registrar, name: str) -> Service:
    """Let tokens for a disabled service be issued again. Twice is once."""
    with registrar.change(Power.SERVICES) as change:
        return write_state(change, require_service(change.connection, name), ServiceState.ACTIVE)


def remove_service(registrar: Registrar, name: str) -> Service:
    """Remove a service for good, with its audiences and every permission on them. Twice is once.

    Its name and identifiers stay taken. Clients that speak for it no longer do.
    """
    with registrar.change(Power.SERVICE_REMOVAL) as change:
        return write_removed(change, require_service(change.connection, name))


def require_service(connection: Connection, name: str) -> Service:
    """Return the service of that name; raises NotFound. For use inside a transaction."""
    service = store.find_service(connection, name)
    if service is None:
        there = [one.name for one in store.list_services(connection) if one.state is not ServiceState.REMOVED]
        raise NotFound(f"no service {name} is registered{resemblance.suggest(name, there)}")
    return service


def write_added(change: Change, new: NewService) -> Service:
    """Do what `add_service` does, inside a transaction."""
    free_text.check_name(new.name, "the name")
    free_text.check_name(new.owner, "the owner")
    if store.find_service(change.connection, new.name) is not None:
        raise Conflict(f"a service {new.name} is or was registered; names are never given again")
    if new.trust_group is not None:
        _join_trust_group(change, new.trust_group, new.owner)
    store.add_service(change.connection, new.name, new.owner, new.trust_group, change.now)
    service = require_service(change.connection, new.name)
    change.record("service.added", "service", service.name, None, descriptions.of_service(service))
    return service


def write_changed(change: Change, before: Service, after: Service) -> Service:
    """Write owner and trust group, inside a transaction; nothing where nothing differs.

    Raises as `change_service`, but does not look at extra claims.
    """
    _refuse_closed(before)
    if after == before:
        return before
    free_text.check_name(after.owner, "the owner")
    if after.trust_group is not None:
        _join_trust_group(change, after.trust_group, after.owner)
    return _write(change, before, after, "service.changed")


def write_state(change: Change, service: Service, state: ServiceState) -> Service:
    """Make a service active or disabled, inside a transaction; raises Locked, Conflict if it is removed."""
    _refuse_closed(service)
    if service.state is state:
        return service
    return _write(change, service, replace(service, state=state), _ACTIONS[state])


def write_removed(change: Change, service: Service) -> Service:
    """Do what `remove_service` does, inside a transaction."""
    _refuse_builtin(service)
    if service.state is ServiceState.REMOVED:
        return service
    for audience in audience_store.list_audiences(change.connection, service_id=service.id):
        if audience.state is not AudienceState.REMOVED:
            removal.remove_audience(change, audience)
    removal.unlink_clients(change, service)
    removed = replace(service, state=ServiceState.REMOVED)
    return _write(change, service, removed, _ACTIONS[ServiceState.REMOVED])


def write_trust_group(change: Change, name: str, owner: str) -> None:
    """Make a trust group that is not there yet, inside a transaction. Raises InvalidValue."""
    free_text.check_name(name, "the trust group")
    free_text.check_name(owner, "the owner")
    store.add_trust_group(change.connection, name, owner, change.now)
    change.record("trust_group.added", "trust_group", name, None, {"owner": owner})


def _write(change: Change, before: Service, after: Service, action: str) -> Service:
    store.change_service(change.connection, after)
    written = require_service(change.connection, before.name)
    change.concerns_everyone()
    was, is_now = descriptions.of_service(before), descriptions.of_service(written)
    change.record(action, "service", before.name, was, is_now)
    return written


def _join_trust_group(change: Change, name: str, owner: str) -> None:
    free_text.check_name(name, "the trust group")
    owner_of_group = store.find_trust_group_owner(change.connection, name)
    if owner_of_group is None:
        store.add_trust_group(change.connection, name, owner, change.now)
    elif owner_of_group != owner:
        raise Conflict(
            f"the trust group {name} belongs to {owner_of_group}, not to {owner}: name another, or none"
        )


def _refuse_closed(service: Service) -> None:
    _refuse_builtin(service)
    if service.state is ServiceState.REMOVED:
        raise Conflict(f"the service {service.name} is removed; that is for good")


def _refuse_builtin(service: Service) -> None:
    if service.is_builtin:
        raise Locked(f"{service.name} is the issuer itself")
