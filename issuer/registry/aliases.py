"""Aliases: other spellings of an audience, and how it gets a new name."""

from issuer.model.audience import AliasMode, Audience
from issuer.registry.registrar import Registrar


def add_alias(
    registrar: Registrar, identifier: str, alias: str, mode: AliasMode, until: int | None = None
) -> Audience:
    """Let an audience be asked for by another identifier; an alias that is there changes mode and date.

    until: epoch seconds in the future, None for no end. An alias that was taken away may come back to
    an audience of the same service. Raises InvalidValue, NotFound, Locked, or Conflict if it is taken.
    """


def remove_alias(registrar: Registrar, identifier: str, alias: str) -> Audience:
    """Take an alias away from an audience; it stays reserved for the service. Raises NotFound."""


def rename_audience(registrar: Registrar, old: str, new: str, until: int | None = None) -> Audience:
    """Make `new` the identifier of the audience `old`, which becomes an alias of mode dual.

    new: free, or an alias of this audience. until: epoch seconds in the future; up to then both stand
    in `aud`, after it `old` is only accepted. Raises as `add_alias`; Conflict if `old` is an alias.
    """
