"""A refused token request of a client that had proved who it is, with what its answer does not tell."""

from dataclasses import dataclass

from issuer.model.client import ClientKey


@dataclass(frozen=True, slots=True)
class RefusalNote:
    """One refusal. at: epoch seconds. asked: targets as sent, cut. error: the code that was answered.

    reason: for admins alone. left_out: refusals of this client just before that were too many to be kept.
    """

    at: int
    client_key: ClientKey
    asked: tuple[str, ...]
    grant_type: str
    error: str
    reason: str
    request_id: str
    address: str
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class KeptRefusal:
    """A refusal as it is kept. audience: the identifier of the registered one among the asked, or None."""

    id: int
    client_id: str
    client_name: str
    audience: str | None
    note: RefusalNote
