"""Mends: what an admin can change so that a request of a client is no longer refused."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from issuer.errors import InvalidClient, InvalidScope, InvalidTarget, TokenRefusal, UnauthorizedClient
from issuer.model.client import ClientState, GrantType
from issuer.model.permission import ClientRecord
from issuer.model.token_plan import TargetRequest
from issuer.policy import resemblance, scopes

_MOST_NAMED = 10
# Each name that is asked for is compared with those that are permitted, character by character.
_MOST_ASKED = 3
_MOST_SCOPES = 500


class Place(StrEnum):
    """Where something is changed: among all clients, or at the client that asked."""

    NOWHERE = ""
    CLIENTS = "clients"
    CLIENT = "client"
    DANGER = "danger"
    ACCESS = "access"
    PERMIT = "permit"


@dataclass(frozen=True, slots=True)
class Mend:
    """One thing to change, as a sentence. search: what to look for at that place, "" for nothing."""

    sentence: str
    place: Place = Place.NOWHERE
    search: str = ""


def advise(refusal: TokenRefusal, request: TargetRequest, record: ClientRecord | None) -> tuple[Mend, ...]:
    """Return what to change, any of it; never empty.

    record: None where no client of that client_id is registered.
    """
    if record is None:
        sentence = "Compare the client_id with those in the list of clients, or register the client."
        return (Mend(sentence, Place.CLIENTS),)
    if isinstance(refusal, InvalidClient):
        return tuple(_mend_client(record))
    if isinstance(refusal, UnauthorizedClient):
        sentence = f"Let the client use the grant type {GrantType.CLIENT_CREDENTIALS.value}."
        return (Mend(sentence, Place.CLIENT),)
    if isinstance(refusal, InvalidTarget):
        return tuple(_mend_target(request, record))
    if isinstance(refusal, InvalidScope):
        return tuple(_mend_scope(request, record))
    return (Mend("Try again in a moment; the log has more under the request id."),)


def _mend_client(record: ClientRecord) -> Iterator[Mend]:
    if record.client.state is ClientState.REMOVED:
        yield Mend("A removed client never comes back: register another one.", Place.CLIENTS)
    else:
        yield Mend("Enable the client.", Place.DANGER)


def _mend_target(request: TargetRequest, record: ClientRecord) -> Iterator[Mend]:
    asked = tuple(dict.fromkeys((*request.resources, *request.audiences)))
    permitted = [permission.audience.identifier for permission in record.permissions]
    if not asked and len(permitted) > 1:
        yield Mend("Name an audience in the request, with resource or audience.")
        yield Mend("Or give the client a default audience.", Place.ACCESS)
    for name in asked[:_MOST_ASKED]:
        nearest = resemblance.find_nearest(name, filter(resemblance.make_sieve(name), permitted))
        if nearest is not None and nearest != name:
            yield Mend(f"Ask for {nearest}, which the client may have and which {name} nearly is.")
        elif name not in permitted:
            yield Mend(f"If {name} is registered, permit it to the client.", Place.PERMIT, name)
    if len(asked) > 1:
        yield Mend("Ask for one token each, or put the services into one trust group.")
    yield _name_permitted(permitted)


def _mend_scope(request: TargetRequest, record: ClientRecord) -> Iterator[Mend]:
    permitted = sorted({scope for permission in record.permissions for scope in permission.scopes})
    try:
        asked, _ = scopes.split_issuer_scopes(scopes.parse_scope(request.scope))
    except InvalidScope:
        yield Mend("Write scopes with single spaces between them, without quotes and backslashes.")
        return
    for scope in sorted(asked - set(permitted))[:_MOST_ASKED]:
        meant = resemblance.suggest(scope, permitted[:_MOST_SCOPES])
        yield Mend(f"{scope} is permitted nowhere to this client{meant or '.'}")
    if scopes.OFFLINE_ACCESS in scopes.parse_scope(request.scope):
        yield Mend("For offline_access, let the client have refresh tokens.", Place.CLIENT)
    yield Mend("Permit the scope at the audience that defines it.", Place.ACCESS)
    yield Mend(f"It may have now: {_join(permitted)}." if permitted else "It may have no scope now.")


def _name_permitted(permitted: list[str]) -> Mend:
    if not permitted:
        return Mend("The client may ask for nothing yet: permit it an audience.", Place.PERMIT)
    return Mend(f"It may ask for: {_join(permitted)}.", Place.ACCESS)


def _join(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - _MOST_NAMED
    return ", ".join(every[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
