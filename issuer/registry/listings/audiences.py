"""Audiences, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass

from issuer.model.audience import Audience
from issuer.model.list_row import AudienceRow, Use
from issuer.model.listing import ListQuery, Page
from issuer.policy import lifetimes
from issuer.policy.lifetimes import Lifetime, Lifetimes
from issuer.registry.listings import page_size
from issuer.registry.registrar import Registrar
from issuer.store.listings import audiences as store


@dataclass(frozen=True, slots=True)
class ListedAudience:
    """An audience in a list.

    clients: active ones that may ask for it. lifetime: of its access tokens. successor: named when it was
    deprecated, whatever became of it since.
    """

    audience: Audience
    clients: int
    use: Use
    lifetime: Lifetime
    successor: Audience | None


def list_audiences(registrar: Registrar, query: ListQuery, bounds: Lifetimes) -> Page[ListedAudience]:
    """Return a page of audiences; eight statements. bounds: the server's own.

    Sorted by identifier, service, owner, state, created, clients, tokens (of 24 hours) or last_used (by
    the hour); filtered by state (removed ones only on demand, `all` for all), service, owner, signing_alg,
    typ, reserved (yes, no) and finding (no-scopes, no-client, typ-jwt). Raises InvalidValue.
    """
    return _find(registrar, page_size.check_size(query), bounds)


def find_listed(registrar: Registrar, audience: Audience, bounds: Lifetimes) -> ListedAudience:
    """Return what a list would show of one audience that is registered; six statements."""
    with registrar.reading() as connection:
        row = store.find_row(connection, audience.id, registrar.clock.now())
    return _listed(row, bounds)


def stream_audiences(registrar: Registrar, query: ListQuery, bounds: Lifetimes) -> Iterator[ListedAudience]:
    """Yield all audiences that a query finds. Raises InvalidValue with the first."""
    return page_size.stream(lambda each: _find(registrar, each, bounds), query)


def _find(registrar: Registrar, query: ListQuery, bounds: Lifetimes) -> Page[ListedAudience]:
    with registrar.reading() as connection:
        page = store.list_page(connection, query, registrar.clock.now())
    return page.with_rows(tuple(_listed(row, bounds) for row in page.rows))


def _listed(row: AudienceRow, bounds: Lifetimes) -> ListedAudience:
    lifetime = lifetimes.explain_access_token(row.audience.policy, None, bounds)
    return ListedAudience(row.audience, row.clients, row.use, lifetime, row.successor)
