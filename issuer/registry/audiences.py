"""Audiences: what services are called in tokens, their scopes and their token policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from issuer.errors import Conflict
from issuer.model.audience import (
    Audience,
    AudienceState,
    JsonValue,
    Scope,
    SigningAlg,
    TokenPolicy,
    TokenTyp,
)
from issuer.model.service import ServiceState
from issuer.policy import free_text, identifiers, scopes
from issuer.registry import audience_rules, descriptions, removal, services, spellings
from issuer.registry.registrar import Change, Registrar
from issuer.registry.unchanged import UNCHANGED, Unchanged, settle
from issuer.store import audiences as store
from issuer.store import spellings as spelling_store
from issuer.model.spelling import Spelling, SpellingRole


@dataclass(frozen=True, slots=True)
class NewAudience:
    """An audience to be registered. service: its name. Lifetimes are seconds, None for the server's default."""

    identifier: str
    service: str
    description: str = ""
    scopes: tuple[Scope, ...] = ()
    access_token_seconds: int | None = None
    refresh_idle_seconds: int | None = None
    refresh_absolute_seconds: int | None = None
    signing_alg: SigningAlg = SigningAlg.RS256
    typ: TokenTyp = TokenTyp.AT_JWT
    extra_claims: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AudienceChange:
    """What becomes of an audience; fields left out stay.

    add_scopes: a scope that is there already takes the new description. remove_scopes: names.
    expected_version: refuse if the audience is no longer at this version; None to change it anyway.
    """

    description: str | Unchanged = UNCHANGED
    access_token_seconds: int | None | Unchanged = UNCHANGED
    refresh_idle_seconds: int | None | Unchanged = UNCHANGED
    refresh_absolute_seconds: int | None | Unchanged = UNCHANGED
    signing_alg: SigningAlg | Unchanged = UNCHANGED
    typ: TokenTyp | Unchanged = UNCHANGED
    extra_claims: Mapping[str, JsonValue] | Unchanged = UNCHANGED
    add_scopes: tuple[Scope, ...] = ()
    remove_scopes: frozenset[str] = frozenset()
    expected_version: int | None = None


def add_audience(registrar: Registrar, new: NewAudience) -> Audience:
    """Register an audience of a service and return it.

    Raises InvalidValue for a field that may not be so, NotFound for the service, Locked for what is
    the issuer's own, Conflict if the identifier is or ever was taken or an extra claim clashes.
    """


def find_audience(registrar: Registrar, identifier: str) -> Audience:
    """Return the audience that bears this identifier, canonically or as an alias; raises NotFound."""


def list_audiences(registrar: Registrar, service: str | None = None) -> tuple[Audience, ...]:
    """Return the audiences of a service, or all, removed ones included, in order of registration.

    Raises NotFound for the service.
    """


def change_audience(registrar: Registrar, identifier: str, wanted: AudienceChange) -> Audience:
    """Change an audience and return it; where nothing differs, nothing is written.

    Raises as `add_audience`, and Conflict if it is removed, was changed meanwhile, or a scope to be
    removed is part of a permission (the detail names the clients).
    """


def disable_audience(registrar: Registrar, identifier: str) -> Audience:
    """Stop tokens for an audience; what is registered stays. Twice is once."""


def enable_audience(registrar: Registrar, identifier: str) -> Audience:
    """Make a disabled or deprecated audience active again, without a successor. Twice is once."""


def deprecate_audience(registrar: Registrar, identifier: str, successor: str | None) -> Audience:
    """Mark an audience as on its way out; tokens are still issued. successor: another audience or None."""


def remove_audience(registrar: Registrar, identifier: str) -> Audience:
    """Remove an audience for good, with every permission on it; its identifiers stay taken. Twice is once."""
