"""A user: a person who signs in to the console, and in which role."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

UserId = NewType("UserId", int)


class Role(StrEnum):
    """What a user may do; the table of it is `registry.powers`."""

    OWNER = "owner"
    ADMIN = "admin"
    AUDITOR = "auditor"
    SERVICE_OWNER = "service_owner"


class UserState(StrEnum):
    """Whether a user may sign in. Removed is for good: the name is never given again."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class User:
    """A user; the hash of the password stays in the store.

    name: as it was typed, ASCII. canonical: the same in lower case, unique for ever. services: names of
    those that a service owner owns, sorted; empty in every other role. Times: epoch seconds.
    """

    id: UserId
    name: str
    canonical: str
    role: Role
    services: tuple[str, ...]
    state: UserState
    created_at: int
    last_sign_in_at: int | None
    password_changed_at: int
    version: int


@dataclass(frozen=True, slots=True)
class Authority:
    """On what a user acts: role and services, and when the password was last given in this session."""

    user_id: UserId
    role: Role
    services: frozenset[str]
    stepped_up_at: int
