"""Export of public halves: only what the kid itself names."""

import pytest
from sqlalchemy import update

from issuer.errors import UnusableKey
from issuer.model.signing_key import KeyPurpose
from issuer.registry import key_export
from issuer.store import db, signing_keys
from issuer.store.tables import SigningKeyRow
from tests.oauth.world import load_key


@pytest.mark.parametrize("altered", ["other", "damaged"])
def test_a_public_half_that_the_kid_does_not_name_is_not_given_out(engine, registrar, altered):
    """Nothing but the thumbprint binds it to the key."""
    key = load_key(KeyPurpose.TOKEN, "ES256").stored
    other = dict(load_key(KeyPurpose.TOKEN, "RS256").stored.public_jwk)
    jwk = other if altered == "other" else {**key.public_jwk, "x": key.public_jwk["y"]}
    with db.writing(engine) as connection:
        assert signing_keys.add_key(connection, key)
        connection.execute(update(SigningKeyRow).values(public_jwk=jwk))

    with pytest.raises(UnusableKey):
        key_export.find_public_key(registrar, key.kid)
