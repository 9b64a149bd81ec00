"""A spelling: one row of all identifiers that audiences have or ever had."""

from dataclasses import dataclass
from enum import StrEnum

from issuer.model.audience import AudienceId


class SpellingRole(StrEnum):
    """What a spelling is to its audience.

    primary: the registered identifier. accept, dual: an alias (model.audience.AliasMode).
    retired: an alias taken away; nobody may ask for it, and only the same service may have it back.
    """

    PRIMARY = "primary"
    ACCEPT = "accept"
    DUAL = "dual"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Spelling:
    """An identifier with the audience it belongs to. until: epoch seconds, None for no end."""

    identifier: str
    canonical: str
    audience_id: AudienceId
    role: SpellingRole
    until: int | None = None
