"""Export of keys: one key, and its public half in the forms that verifiers take by hand."""

from dataclasses import dataclass

from issuer.errors import NotFound
from issuer.jose import export_key
from issuer.model.signing_key import StoredKey
from issuer.registry.registrar import Registrar
from issuer.store import signing_keys as rows


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as stored, and its public half as PEM; the same as a JWK stands in `stored`."""

    stored: StoredKey
    pem: str


def find_public_key(registrar: Registrar, kid: str) -> PublicKey:
    """Return a key of any state with its public half.

    Raises NotFound, InvalidValue for a key of refresh tokens, UnusableKey where the row was altered.
    """
    with registrar.reading() as connection:
        found = [key for key in rows.list_keys(connection) if key.kid == kid]
    if not found:
        raise NotFound("There is no key of that kid: see `issuer key list`.")
    (stored,) = found
    return PublicKey(stored, export_key.export_public(stored))
