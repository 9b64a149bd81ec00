"""A finding: something in the registry that works, and is likely to hurt."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is. error: a trap or a fault; warning: to be looked at; info: to be known."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found.

    code: kebab-case, stays the same over releases. noun, name: what it is about, such as an audience and
    its identifier. why, mend: one sentence each; mend names a command. concerns: identifiers of all
    audiences that it is about, so that it is told at each of them.
    """

    code: str
    severity: Severity
    noun: str
    name: str
    why: str
    mend: str
    concerns: frozenset[str] = frozenset()
