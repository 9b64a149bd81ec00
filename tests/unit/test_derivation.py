"""Secrets derived from a master key."""

import hashlib
import hmac

from issuer.jose import derivation

KEY = bytes(range(32))


def test_a_derived_secret_is_hkdf_sha256_over_the_purpose():
    """RFC 5869 §2.2, §2.3, written out."""
    extracted = hmac.digest(bytes(32), KEY, hashlib.sha256)
    expected = hmac.digest(extracted, b"issuer-derived|v1|forms\x01", hashlib.sha256)

    assert derivation.derive(KEY, "forms") == expected


def test_every_purpose_and_every_master_key_gives_another_secret():
    given = {derivation.derive(key, purpose) for key in (KEY, bytes(32)) for purpose in ("forms", "links")}

    assert len(given | {KEY}) == 5
