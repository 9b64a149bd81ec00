"""Rules on audiences that may stand in one token."""

from collections.abc import Iterator

from issuer.model.audience import Audience
from issuer.model.finding import Finding, Severity
from issuer.model.service import ServiceState
from issuer.policy.lint.registered import Registered
from issuer.policy.lint.wording import command, name_some


def find_ambiguous_scopes(registered: Registered) -> Iterator[Finding]:
    """Yield scope names that several audiences define which may stand in one token (RFC 9068 §5)."""
    for group, audiences in _list_together(registered):
        definers: dict[str, list[Audience]] = {}
        for audience in audiences:
            for scope in audience.scopes:
                definers.setdefault(scope.name, []).append(audience)
        for name, several in definers.items():
            if len(several) > 1:
                yield _ambiguous(group, name, several)


def find_mixed_owners(registered: Registered) -> Iterator[Finding]:
    """Yield trust groups whose services belong to several owners."""
    owners: dict[str, dict[str, str]] = {}
    for service in registered.services:
        if service.trust_group is not None and service.state is not ServiceState.REMOVED:
            owners.setdefault(service.trust_group, {}).setdefault(service.owner, service.name)
    for group, named in owners.items():
        if len(named) > 1:
            services, owners_named = list(named.values()), name_some(list(named))
            yield Finding(
                "trust-group-of-several-owners",
                Severity.ERROR,
                "trust group",
                group,
                f"Its services {name_some(services)} belong to {owners_named}: the service of one can use "
                "its tokens at that of another.",
                "Take out what does not belong there: "
                f"{command('service', 'change', services[-1], '--no-trust-group')}.",
            )


def _list_together(registered: Registered) -> list[tuple[tuple[str, str], list[Audience]]]:
    """Return the audiences of each trust group, and of each service without one."""
    groups: dict[tuple[str, str], list[Audience]] = {}
    for audience in registered.list_issuing():
        service = audience.service
        is_grouped = service.trust_group is not None
        group = ("trust group", service.trust_group or "") if is_grouped else ("service", service.name)
        groups.setdefault(group, []).append(audience)
    return list(groups.items())


def _ambiguous(group: tuple[str, str], scope: str, several: list[Audience]) -> Finding:
    noun, name = group
    names = [audience.identifier for audience in several]
    change = command("audience", "change", names[-1], "--add-scope", "SCOPE")
    return Finding(
        "ambiguous-scope",
        Severity.WARNING,
        noun,
        name,
        f"{name_some(names)} may stand in one token and all define {scope}: nobody could tell whose it is, "
        "so it is left out there, and refused to whoever asks for it.",
        f"Give it a name of its own: {change}; then take the old one away.",
        frozenset(names),
    )
