"""The steps of a document that write trust groups and services."""

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


def add_services(application: Application) -> None:
    """Register the services that are not there yet, and check that nobody takes over another."""
    for place, entry in enumerate(application.wanted.services):
        with fields.refusals_at(f"services[{place}]"):
            found = application.services.get(entry.new.name)
            if found is None:
                application.services[entry.new.name] = services.write_added(application.change, entry.new)
            else:
                _check_stays(found, entry.new)


def write_states(application: Application) -> None:
    """Enable and disable services."""
    for place, entry in enumerate(application.wanted.services):
        with fields.refusals_at(f"services[{place}].state"):
            services.write_state(application.change, application.services[entry.new.name], entry.state)


def remove(application: Application, name: str) -> None:
    """Remove a service that is not in the document."""
    if application.services[name].state is not ServiceState.REMOVED:
        services.write_removed(application.change, application.services[name])


def _check_stays(found: Service, new: NewService) -> None:
    if found.owner != new.owner:
        raise Conflict(f"{found.name} belongs to {found.owner}, not to {new.owner}; its owner stays")
    if found.trust_group != new.trust_group:
        was = "no trust group" if found.trust_group is None else f"the trust group {found.trust_group}"
        raise Conflict(f"{found.name} is in {was}; that stays, as tokens for several audiences rely on it")
