"""Spellings: finding an audience by any of them, and taking a new one."""

from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.model.audience import Audience, AudienceId, AudienceState
from issuer.model.service import ServiceId
from issuer.model.spelling import Spelling, SpellingRole
from issuer.policy import identifiers, resemblance
from issuer.registry import issuer_url
from issuer.registry.registrar import Registrar
from issuer.store import audiences, clients
from issuer.store import spellings as store
from issuer.store.db import Connection


def find_audience(connection: Connection, identifier: str) -> Audience | None:
    """Return the audience that bears this identifier, canonically or as an alias of any date, or None.

    None also for an alias that was taken away. For use inside a transaction.
    """
    spelling = store.find_spelling(connection, identifier, identifiers.comparison_form(identifier))
    if spelling is None or spelling.role is SpellingRole.RETIRED or not _is_asked(spelling, identifier):
        return None
    return audiences.require_audience(connection, spelling.audience_id)


def require_audience(connection: Connection, identifier: str) -> Audience:
    """Return what `find_audience` does; raises NotFound, with a name that it nearly is."""
    audience = find_audience(connection, identifier)
    if audience is None:
        there = [
            one.identifier
            for one in audiences.list_audiences(connection)
            if one.state is not AudienceState.REMOVED
        ]
        raise NotFound(f"no audience {identifier} is registered{resemblance.suggest(identifier, there)}")
    return audience


def take(registrar: Registrar, connection: Connection, wanted: Spelling, service_id: ServiceId) -> None:
    """Register a spelling for an audience of a service, or refuse; raises as `check_free`."""
    check_free(registrar, connection, wanted, service_id)
    write(connection, wanted)


def check_free(registrar: Registrar, connection: Connection, wanted: Spelling, service_id: ServiceId) -> None:
    """Check that a service may take a spelling: a new one, or an alias that it once gave up.

    Raises InvalidValue for what is no identifier or lies under the issuer's own URL, Locked for the
    issuer's own, Conflict if it is or was an audience's, in any spelling, or is a client_id.
    """
    identifiers.check_identifier(wanted.identifier)
    _refuse_own_address(registrar, connection, wanted)
    _refuse_client_id(connection, wanted)
    taken = store.find_spelling(connection, wanted.identifier, wanted.canonical)
    if taken is not None:
        _refuse_taken(connection, wanted, taken, service_id)


def write(connection: Connection, wanted: Spelling) -> None:
    """Register a spelling that is free, or is this audience's already in another role."""
    if store.find_spelling(connection, wanted.identifier, wanted.canonical) is None:
        store.add_spelling(connection, wanted)
    else:
        store.change_spelling(connection, wanted)


def new_spelling(
    identifier: str, audience_id: AudienceId, role: SpellingRole, until: int | None = None
) -> Spelling:
    """Return a spelling with its canonical form. until: epoch seconds, None for no end."""
    return Spelling(identifier, identifiers.canonical_form(identifier), audience_id, role, until)


def _is_asked(spelling: Spelling, identifier: str) -> bool:
    # A plain name compares byte for byte, though its canonical form is in lower case.
    return ":" in identifier or spelling.identifier == identifier


def _refuse_own_address(registrar: Registrar, connection: Connection, wanted: Spelling) -> None:
    # A terminal may lack the ISSUER_URL of the server, and what is registered under it by mistake would
    # keep the server from starting there for good.
    for url in (registrar.issuer_url, issuer_url.find_served(connection)):
        if url is not None and identifiers.is_under_issuer(wanted.identifier, url):
            raise InvalidValue(f"{wanted.identifier} lies under this issuer's own URL")


def _refuse_client_id(connection: Connection, wanted: Spelling) -> None:
    for name in (wanted.identifier, wanted.canonical):
        if clients.find_client(connection, name) is not None:
            raise Conflict(f"{wanted.identifier} is a client_id; no audience may equal one")


def _refuse_taken(connection: Connection, wanted: Spelling, taken: Spelling, service_id: ServiceId) -> None:
    holder = audiences.require_audience(connection, taken.audience_id)
    if holder.is_reserved:
        raise Locked(f"{wanted.identifier} is reserved for the issuer itself")
    is_retired = taken.role is SpellingRole.RETIRED
    if is_retired and holder.service.id == service_id and taken.identifier == wanted.identifier:
        return
    is_past = is_retired or holder.state is AudienceState.REMOVED
    verb = "was" if is_past else "is"
    spelled = "" if taken.identifier == wanted.identifier else f" as {taken.identifier}"
    raise Conflict(f"{wanted.identifier} {verb} registered{spelled} for {holder.service.name}")
