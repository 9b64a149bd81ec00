"""Spellings: finding an audience by any of them, and which new one may still be taken."""

from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.model.audience import Audience
from issuer.model.spelling import Spelling, SpellingRole
from issuer.policy import identifiers
from issuer.registry.registrar import Registrar
from issuer.store import audiences, clients
from issuer.store import spellings as store
from issuer.store.db import Connection


def require_audience(connection: Connection, identifier: str) -> Audience:
    """Return the audience that bears this identifier, canonically or as an alias of any date.

    Raises NotFound, also for an alias that was taken away. For use inside a transaction.
    """
    canonical = identifiers.comparison_form(identifier) if ":" in identifier else identifier
    spelling = store.find_spelling(connection, identifier, canonical)
    if spelling is None or spelling.role is SpellingRole.RETIRED or not _names(spelling, identifier):
        raise NotFound(f"no audience {identifier} is registered")
    return audiences.require_audience(connection, spelling.audience_id)


def claim(registrar: Registrar, connection: Connection, identifier: str, service_id: int) -> Spelling | None:
    """Check that a service may take this identifier; return the retired spelling it takes up again, if any.

    Raises InvalidValue for what is no identifier or lies under the issuer's own URL, Locked for the
    issuer's own, Conflict if it is or was an audience's, in any spelling, or is a client's client_id.
    """
    identifiers.check_identifier(identifier)
    if identifiers.is_under_issuer(identifier, registrar.issuer_url):
        raise InvalidValue(f"{identifier} lies under this issuer's own URL")
    canonical = identifiers.canonical_form(identifier)
    for name in (identifier, canonical):
        if clients.find_client(connection, name) is not None:
            raise Conflict(
                f"{identifier} is the client_id of a client; tokens for it could not be told apart"
            )
    taken = store.find_spelling(connection, identifier, canonical)
    if taken is None:
        return None
    audience = audiences.require_audience(connection, taken.audience_id)
    if audience.is_reserved:
        raise Locked(f"{identifier} is reserved for the issuer itself")
    is_own = taken.role is SpellingRole.RETIRED and audience.service.id == service_id
    if not is_own or taken.identifier != identifier:
        raise Conflict(_taken_by(identifier, taken, audience))
    return taken


def _names(spelling: Spelling, identifier: str) -> bool:
    return ":" in identifier or spelling.identifier == identifier


def _taken_by(identifier: str, taken: Spelling, audience: Audience) -> str:
    was = "was" if taken.role is SpellingRole.RETIRED or audience.state == "removed" else "is"
    as_what = "" if taken.identifier == identifier else f", as {taken.identifier}"
    return f"{identifier} {was} registered for {audience.service.name}{as_what}; it is not given again"
