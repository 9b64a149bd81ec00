"""What a check of a running server found, and who is sent to ask it for a token."""

from dataclasses import dataclass
from enum import StrEnum

from issuer.model.token_plan import TargetRequest


class Health(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Checkup:
    """One check. sentence: what was found. mend: what to do about it, "" where nothing is to be done."""

    name: str
    health: Health
    sentence: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Applicant:
    """A client that asks for a token, and for which one. Its repr holds no secret."""

    client_id: str
    secret: str
    request: TargetRequest

    def __repr__(self) -> str:
        return f"Applicant({self.client_id!r})"
