"""Which libraries would take a token at a service that it is not for, by their habits."""

from collections.abc import Sequence
from dataclasses import dataclass

from issuer.integrations.libraries import LIBRARIES, Habit, Library
from issuer.model.audience import JsonValue
from issuer.model.verdict import Check, CheckName, Outcome


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a library says to a token at a wrong service. why: in a few words.

    untold: whether it accepts with no audience configured. told: whether it accepts with the service's own.
    """

    library: Library
    untold: bool
    told: bool
    why: str


def conclude(checks: Sequence[Check], typ: JsonValue) -> tuple[Conclusion, ...]:
    """Return the conclusion on each library that has the published keys of this issuer.

    checks: of any service, for those that count here are the same for all. typ: the header's.
    """
    outcomes = {check.name: check.outcome for check in checks}
    return tuple(_conclude(library, outcomes, typ) for library in LIBRARIES)


def _conclude(library: Library, outcomes: dict[CheckName, Outcome], typ: JsonValue) -> Conclusion:
    refused = _find_other_reason(library, outcomes, typ)
    if refused:
        return Conclusion(library, untold=False, told=False, why=refused)
    accepts = library.untold is Habit.ACCEPTS
    if accepts and not library.can_be_told:
        return Conclusion(library, untold=True, told=True, why="It cannot be told an audience.")
    return Conclusion(library, untold=accepts, told=False, why=_AUD_WORDS[library.untold])


def _find_other_reason(library: Library, outcomes: dict[CheckName, Outcome], typ: JsonValue) -> str:
    """Return why a library refuses the token whatever its audience, "" if it does not."""
    signing = (CheckName.PARSE, CheckName.ALG, CheckName.KID, CheckName.SIGNATURE)
    if any(outcomes.get(name) is not Outcome.PASSED for name in signing):
        return "No published key of this issuer signed it."
    if outcomes.get(CheckName.EXP) is not Outcome.PASSED and library.checks_expiry:
        return "It has expired."
    if library.takes_typ and typ != library.takes_typ:
        return f"By default it takes typ {library.takes_typ} only."
    return ""


_AUD_WORDS = {
    Habit.ACCEPTS: "It looks at aud only if it is told the audience.",
    Habit.REFUSES: "It refuses a token that names somebody else.",
    Habit.DOES_NOT_START: "It does not start without an audience.",
    Habit.DEPENDS: "It depends on an option.",
}
