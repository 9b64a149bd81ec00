"""The overview: what is registered, in numbers, and what runs out."""

from typing import Final

from issuer.model.overview import Counts, LastSecret
from issuer.registry.registrar import Registrar
from issuer.store.listings import overview as store

_SOON_SECONDS: Final = 14 * 24 * 3600
_MOST_TOLD: Final = 5


def find_counts(registrar: Registrar) -> Counts:
    """Return the numbers; two statements."""
    with registrar.reading() as connection:
        return store.find_counts(connection, registrar.clock.now())


def list_last_secrets(registrar: Registrar) -> tuple[LastSecret, ...]:
    """Return up to 5 active clients whose last secret ends within 14 days, or ended as lately."""
    now = registrar.clock.now()
    with registrar.reading() as connection:
        return store.list_last_secrets(connection, now - _SOON_SECONDS, now + _SOON_SECONDS, _MOST_TOLD)
