"""Introspection: whether an access token is good at the service that asks (RFC 7662).

A client sees tokens of the service that it speaks for, and of them only that service's part.
Everything else is one and the same answer, so that nothing can be learned from a token found elsewhere.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from issuer.clock import Clock
from issuer.errors import TokenRejected
from issuer.issuing import access_token
from issuer.issuing.access_token import AccessClaims
from issuer.issuing.keyring import Keyring
from issuer.model.audience import Audience, AudienceState, JsonValue
from issuer.model.client import ClientState
from issuer.model.permission import ClientRecord
from issuer.model.service import ServiceState
from issuer.store import revocations
from issuer.store.db import Engine, reading

INACTIVE: Final[Mapping[str, JsonValue]] = {"active": False}

_SHOWN = ("iss", "sub", "client_id", "iat", "exp", "jti", "tenant_id", "auth_time", "acr", "amr")
_LIVE_STATES = frozenset({AudienceState.ACTIVE, AudienceState.DEPRECATED})


class Introspector:
    """Answers services that ask about tokens.

    find_record: finds a registered client by its client_id, as the token endpoint does.
    """

    def __init__(
        self,
        issuer_url: str,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        find_record: Callable[[str], ClientRecord | None],
    ) -> None:
        self._issuer_url = issuer_url
        self._engine = engine
        self._keyring = keyring
        self._clock = clock
        self._find_record = find_record

    def introspect(self, token: str, asker: ClientRecord) -> Mapping[str, JsonValue]:
        """Return the answer for the client that asks: RFC 7662 §2.2.

        Raises TemporarilyUnavailable if the database, which knows what is revoked, is away.
        """
        now = self._clock.now()
        try:
            claims = access_token.read(token, self._issuer_url, self._keyring, now)
        except TokenRejected:
            return INACTIVE
        owner = access_token.find_owner(token, self._keyring)
        # A key of one audience vouches for no other, whatever it has signed.
        asked = (audience for audience in asker.speaks_for if owner in {None, audience.id})
        own = _own_audiences(asked, access_token.list_aud(claims))
        if not own or claims["exp"] <= now or self._is_dead(claims):
            return INACTIVE
        return _describe(claims, own)

    def _is_dead(self, claims: AccessClaims) -> bool:
        record = self._find_record(claims["client_id"])
        if record is None or record.client.state is not ClientState.ACTIVE:
            return True
        with reading(self._engine) as connection:
            return revocations.is_revoked(connection, claims["jti"], claims.get("family"))


def _own_audiences(
    audiences: Iterable[Audience], aud: tuple[str, ...]
) -> tuple[tuple[Audience, tuple[str, ...]], ...]:
    """Return the asker's live audiences that the token names, each with the spellings it bears there."""
    own = []
    for audience in audiences:
        if audience.state not in _LIVE_STATES or audience.service.state is not ServiceState.ACTIVE:
            continue
        spellings = {audience.identifier, *(alias.identifier for alias in audience.aliases)}
        named = tuple(name for name in aud if name in spellings)
        if named:
            own.append((audience, named))
    return tuple(own)


def _describe(
    claims: AccessClaims, own: tuple[tuple[Audience, tuple[str, ...]], ...]
) -> Mapping[str, JsonValue]:
    named = [name for _, names in own for name in names]
    defined = {scope.name for audience, _ in own for scope in audience.scopes}
    scopes = [scope for scope in claims.get("scope", "").split() if scope in defined]
    answer: dict[str, JsonValue] = {"active": True, "token_type": "Bearer"}
    answer.update({name: claims[name] for name in _SHOWN if name in claims})
    answer["aud"] = named[0] if len(named) == 1 else list(named)
    if scopes:
        answer["scope"] = " ".join(scopes)
    return answer
