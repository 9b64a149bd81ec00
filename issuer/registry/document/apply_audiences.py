"""The steps of a document that write audiences: identifiers, fields, aliases, states.

A scope goes after the permissions that held it, and comes before those that will.
"""

from collections.abc import Iterator
from dataclasses import replace

from issuer.errors import Conflict
from issuer.model.audience import Alias, Audience, Scope, TokenPolicy
from issuer.model.spelling import SpellingRole
from issuer.registry import aliases, audience_rules, audience_steps, audiences, removal, spellings
from issuer.registry.audiences import NewAudience
from issuer.registry.document import fields
from issuer.registry.document.application import Application
from issuer.registry.document.entries import AudienceEntry


def retire_aliases(application: Application) -> None:
    """Take away the aliases that the document does not name: another audience may want one of them."""
    for path, entry in _entries(application):
        kept = {entry.new.identifier, *(alias.identifier for alias in entry.aliases)}
        name = application.renames.get(entry.new.identifier, entry.new.identifier)
        for alias in _aliases_of(application, name):
            if alias.identifier in kept:
                continue
            with fields.refusals_at(f"{path}.aliases"):
                application.audiences[name] = aliases.write_removed(
                    application.change, application.audiences[name], alias.identifier
                )


def rename(application: Application) -> None:
    """Give audiences the identifiers that the document has for them."""
    for path, entry in _entries(application):
        old = application.renames.get(entry.new.identifier)
        if old is None:
            continue
        until = next(alias.until for alias in entry.aliases if alias.identifier == old)
        with fields.refusals_at(f"{path}.identifier"):
            aliases.write_renamed(
                application.registrar,
                application.change,
                application.audiences[old],
                entry.new.identifier,
                until,
            )
    if application.renames:
        application.read_audiences()


def add(application: Application) -> None:
    """Register the audiences that are not there yet, active and without aliases."""
    for path, entry in _entries(application):
        if entry.new.identifier in application.audiences:
            continue
        with fields.refusals_at(path):
            service = application.services[entry.new.service]
            audience_rules.check_open(service)
            draft = audiences.draft(entry.new, service, application.change.now)
            application.audiences[entry.new.identifier] = audience_steps.write_added(
                application.registrar, application.change, draft
            )


def change(application: Application) -> None:
    """Write descriptions, policies and scopes; a scope that goes stays until `remove_scopes`."""
    for path, entry in _entries(application):
        before = application.audiences[entry.new.identifier]
        if before.service.name != entry.new.service:
            raise Conflict(
                f"{path}.service: {before.identifier} is of {before.service.name}; "
                "an identifier is never given to another service"
            )
        after = replace(
            before,
            description=entry.new.description,
            scopes=_both(before.scopes, entry.new.scopes),
            policy=_policy(entry.new),
        )
        _write(application, path, before, after)


def add_aliases(application: Application) -> None:
    """Add aliases and change their modes and dates."""
    for path, entry in _entries(application):
        for place, alias in enumerate(entry.aliases):
            audience = application.audiences[entry.new.identifier]
            role = SpellingRole(alias.mode.value)
            wanted = spellings.new_spelling(alias.identifier, audience.id, role, alias.until)
            with fields.refusals_at(f"{path}.aliases[{place}]"):
                application.audiences[entry.new.identifier] = aliases.write_added(
                    application.registrar, application.change, audience, wanted
                )


def remove_scopes(application: Application) -> None:
    """Take away the scopes that the document does not name; no permission may hold them any more."""
    for path, entry in _entries(application):
        before = application.audiences[entry.new.identifier]
        after = replace(before, scopes=entry.new.scopes)
        _write(application, f"{path}.scopes", before, after)


def write_states(application: Application) -> None:
    """Write states and successors; a successor may be on its way out itself, as it may become later."""
    for path, entry in _entries(application):
        name = entry.new.identifier
        before = application.audiences[name]
        # One that is removed since is no successor any more.
        successor = before.successor if before.successor in application.audiences else None
        if (before.state, successor) == (entry.state, entry.successor):
            continue
        with fields.refusals_at(f"{path}.state"):
            application.audiences[name] = audience_steps.write_state(
                application.change, before, entry.state, entry.successor
            )


def remove(application: Application, name: str) -> None:
    """Remove an audience that is not in the document."""
    removal.remove_audience(application.change, application.audiences[name])


def _entries(application: Application) -> Iterator[tuple[str, AudienceEntry]]:
    for place, entry in enumerate(application.wanted.audiences):
        yield f"audiences[{place}]", entry


def _aliases_of(application: Application, name: str) -> tuple[Alias, ...]:
    found = application.audiences.get(name)
    return () if found is None else found.aliases


def _both(one: tuple[Scope, ...], other: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Return all scopes by name, those in both as the other has them."""
    scopes = {scope.name: scope for scope in (*one, *other)}
    return tuple(scopes[name] for name in sorted(scopes))


def _policy(new: NewAudience) -> TokenPolicy:
    return TokenPolicy(
        access_token_seconds=new.access_token_seconds,
        refresh_idle_seconds=new.refresh_idle_seconds,
        refresh_absolute_seconds=new.refresh_absolute_seconds,
        signing_alg=new.signing_alg,
        typ=new.typ,
        extra_claims=new.extra_claims,
    )


def _write(application: Application, path: str, before: Audience, after: Audience) -> None:
    with fields.refusals_at(path):
        application.audiences[before.identifier] = audience_steps.write_changed(
            application.registrar, application.change, before, after
        )
