"""Secrets of clients: made here, shown once, stored as their hash; several at a time, so they can overlap."""

from issuer.model.client import ClientSecret
from issuer.registry.registrar import Registrar


def add_secret(
    registrar: Registrar, client_id: str, label: str = "", expires_in_days: int | None = None
) -> tuple[ClientSecret, str]:
    """Give a client another secret and return it with its text, which nobody can show again.

    expires_in_days: 1 to 3650, None for no end. Raises InvalidValue, NotFound, or Conflict if the
    client is removed or has 10 usable secrets.
    """


def revoke_secret(registrar: Registrar, client_id: str, secret_id: str) -> ClientSecret:
    """Make a secret useless from now on, the last one too. Twice is once. Raises NotFound."""
