"""Aliases: other spellings of an audience, and how it gets a new name."""

from issuer.errors import Conflict, InvalidValue, NotFound
from issuer.model.audience import Alias, AliasMode, Audience
from issuer.model.spelling import Spelling, SpellingRole
from issuer.policy import identifiers
from issuer.registry import audience_rules, descriptions, spellings
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.store import audiences


def add_alias(
    registrar: Registrar, identifier: str, alias: str, mode: AliasMode, until: int | None = None
) -> Audience:
    """Let an audience be asked for by another identifier; an alias that is there changes mode and date.

    until: epoch seconds in the future, None for no end. An alias that was taken away may come back to
    an audience of the same service. Raises InvalidValue, NotFound, Locked, or Conflict if it is taken.
    """
    with registrar.change(Power.AUDIENCES) as change:
        audience = audience_rules.require_changeable(change.connection, identifier)
        change.within_service(audience.service.name)
        _check_until(until, change.now)
        wanted = spellings.new_spelling(alias, audience.id, SpellingRole(mode.value), until)
        return write_added(registrar, change, audience, wanted)


def remove_alias(registrar: Registrar, identifier: str, alias: str) -> Audience:
    """Take an alias away from an audience; it stays reserved for the service. Raises NotFound."""
    with registrar.change(Power.AUDIENCES) as change:
        audience = audience_rules.require_changeable(change.connection, identifier)
        change.within_service(audience.service.name)
        if _find_alias(audience, alias) is None:
            raise NotFound(f"{audience.identifier} has no alias {alias}")
        return write_removed(change, audience, alias)


def rename_audience(
    registrar: Registrar, old: str, new: str, until: int | None = None, expected_version: int | None = None
) -> Audience:
    """Make `new` the identifier of the audience `old`, which becomes an alias of mode dual.

    new: free, or an alias of this audience. until: epoch seconds in the future; up to then both stand
    in `aud`, after it `old` is only accepted. expected_version: refuse if the audience is no longer at
    this version. Raises as `add_alias`; Conflict if `old` is an alias.
    """
    with registrar.change(Power.AUDIENCES) as change:
        audience = audience_rules.require_changeable(change.connection, old, expected_version)
        change.within_service(audience.service.name)
        if identifiers.comparison_form(old) != identifiers.comparison_form(audience.identifier):
            raise Conflict(f"{old} is an alias; the audience is {audience.identifier}")
        if new == audience.identifier:
            return audience
        _check_until(until, change.now)
        return write_renamed(registrar, change, audience, new, until)


def write_added(registrar: Registrar, change: Change, audience: Audience, wanted: Spelling) -> Audience:
    """Do what `add_alias` does, inside a transaction.

    wanted: of this audience, in the role of an alias, with a date that may lie in the past.
    """
    identifiers.check_identifier(wanted.identifier)
    present = _find_alias(audience, wanted.identifier)
    if present is None:
        spellings.check_free(registrar, change.connection, wanted, audience.service.id)
    elif (present.mode.value, present.until) == (wanted.role.value, wanted.until):
        return audience
    spellings.write(change.connection, wanted)
    return _written(change, audience, "audience.alias_added")


def write_removed(change: Change, audience: Audience, alias: str) -> Audience:
    """Take an alias that it has away from an audience, inside a transaction."""
    retired = spellings.new_spelling(alias, audience.id, SpellingRole.RETIRED)
    spellings.write(change.connection, retired)
    return _written(change, audience, "audience.alias_removed")


def write_renamed(
    registrar: Registrar, change: Change, audience: Audience, new: str, until: int | None
) -> Audience:
    """Give an audience another identifier, inside a transaction; the old one becomes a dual alias.

    until: as in `rename_audience`, but it may lie in the past.
    """
    identifiers.check_identifier(new)
    primary = spellings.new_spelling(new, audience.id, SpellingRole.PRIMARY)
    if _find_alias(audience, new) is None:
        spellings.check_free(registrar, change.connection, primary, audience.service.id)
    # The old one first: an audience never has two primary identifiers, not even for a statement.
    old_name = spellings.new_spelling(audience.identifier, audience.id, SpellingRole.DUAL, until)
    spellings.write(change.connection, old_name)
    spellings.write(change.connection, primary)
    return _written(change, audience, "audience.renamed")


def _find_alias(audience: Audience, alias: str) -> Alias | None:
    return next((one for one in audience.aliases if one.identifier == alias), None)


def _check_until(until: int | None, now: int) -> None:
    if until is not None and until <= now:
        raise InvalidValue("the date until which an alias stands lies in the past")


def _written(change: Change, before: Audience, action: str) -> Audience:
    # For its version: spellings are part of an audience, though they stand in a table of their own.
    current = audiences.require_audience(change.connection, before.id)
    audiences.change_audience(change.connection, current)
    after = audiences.require_audience(change.connection, before.id)
    change.concerns_everyone()
    was, is_now = descriptions.of_audience(before), descriptions.of_audience(after)
    change.record(action, "audience", before.identifier, was, is_now)
    return after
