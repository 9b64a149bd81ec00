"""The steps of a document that write trust groups and services."""

from dataclasses import replace

from issuer.errors import Conflict
from issuer.model.service import Service, ServiceState
from issuer.registry import services
from issuer.registry.document import fields
from issuer.registry.document.application import Application
from issuer.registry.services import NewService


def add_trust_groups(application: Application) -> None:
    """Make the trust groups that are not there yet; no group ever changes hands."""
    for place, entry in enumerate(application.wanted.trust_groups):
        with fields.refusals_at(f"trust_groups[{place}]"):
            owner = application.registered.trust_groups.get(entry.name)
            if owner is None:
                services.write_trust_group(application.change, entry.name, entry.owner)
            elif owner != entry.owner:
                raise Conflict(f"the trust group {entry.name} belongs to {owner}, not to {entry.owner}")


def write_services(application: Application) -> None:
    """Register the services that are not there yet; give the others their owner and trust group."""
    for place, entry in enumerate(application.wanted.services):
        with fields.refusals_at(f"services[{place}]"):
            application.services[entry.new.name] = _write(application, entry.new)


def write_states(application: Application) -> None:
    """Enable and disable services."""
    for place, entry in enumerate(application.wanted.services):
        with fields.refusals_at(f"services[{place}].state"):
            services.write_state(application.change, application.services[entry.new.name], entry.state)


def remove(application: Application, name: str) -> None:
    """Remove a service that is not in the document."""
    if application.services[name].state is not ServiceState.REMOVED:
        services.write_removed(application.change, application.services[name])


def _write(application: Application, new: NewService) -> Service:
    found = application.services.get(new.name)
    if found is None:
        return services.write_added(application.change, new)
    wanted = replace(found, owner=new.owner, trust_group=new.trust_group)
    return services.write_changed(application.change, found, wanted)
