"""Sealing: private keys at rest, under a master key (AES-256-GCM, NIST SP 800-38D).

The sealed bytes are bound to their key's kid and purpose, so a row that is given another row's sealed
bytes no longer opens. Of several master keys the first seals and all open: that is how one is replaced.
"""

import base64
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from issuer.entropy import Entropy
from issuer.errors import InvalidSettings, WrongMasterKey
from issuer.jose import keys
from issuer.jose.keys import SigningKey
from issuer.model.signing_key import KeyPurpose, StoredKey

MasterKeys = tuple[bytes, ...]

_NONCE_BYTES = 12
_MASTER_KEY_BYTES = 32
_ID_LABEL = b"issuer-master-key-id|v1"
_ID_BYTES = 9


def seal_key(
    key: SigningKey, purpose: KeyPurpose, master_keys: MasterKeys, entropy: Entropy
) -> tuple[str, bytes]:
    """Return the first master key's id and a private key sealed under it, bound to kid and purpose."""
    return seal(keys.export_private(key), bind(key.kid, purpose), master_keys, entropy)


def open_key(stored: StoredKey, master_keys: MasterKeys) -> SigningKey:
    """Return a stored key, ready to sign.

    Raises WrongMasterKey if no master key opens it, UnusableKey if it is not the key that its row names.
    """
    associated = bind(stored.kid, stored.purpose)
    exported = open_sealed(stored.sealed, associated, master_keys, stored.master_key_id)
    return keys.import_private(stored.alg, stored.kid, exported)


def bind(kid: str, purpose: KeyPurpose) -> bytes:
    """Return what a sealed key is bound to."""
    return f"issuer-key|v1|{kid}|{purpose.value}".encode()


def seal(plaintext: bytes, associated: bytes, master_keys: MasterKeys, entropy: Entropy) -> tuple[str, bytes]:
    """Return the first master key's id and the plaintext sealed under it: nonce, ciphertext, tag.

    associated: what the same bytes must be given to open again. Raises InvalidSettings without a master key
    or with one that is not 32 bytes long.
    """
    _check(master_keys)
    nonce = entropy.draw(_NONCE_BYTES)
    sealed = nonce + AESGCM(master_keys[0]).encrypt(nonce, plaintext, associated)
    return master_key_id(master_keys[0]), sealed


def open_sealed(sealed: bytes, associated: bytes, master_keys: MasterKeys, sealed_under: str) -> bytes:
    """Return what was sealed: the master key with the id `sealed_under` is tried first, then all others.

    Raises WrongMasterKey if none opens it, InvalidSettings as `seal` does.
    """
    _check(master_keys)
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    for master_key in sorted(master_keys, key=lambda each: master_key_id(each) != sealed_under):
        try:
            return AESGCM(master_key).decrypt(nonce, ciphertext, associated)
        except (InvalidTag, ValueError):  # ValueError: cut off within the nonce
            continue
    raise WrongMasterKey(
        "ISSUER_MASTER_KEY does not open the signing keys in the database: "
        "it is not the master key that sealed them, or a row was altered."
    )


def master_key_id(master_key: bytes) -> str:
    """Return the name under which sealed rows remember a master key: 12 characters of base64url.

    An HMAC under the key itself, over a label: it says whether two keys are one, and nothing of the key.
    """
    digest = hmac.digest(master_key, _ID_LABEL, hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:_ID_BYTES]).decode("ascii")


def _check(master_keys: MasterKeys) -> None:
    if not master_keys or any(len(master_key) != _MASTER_KEY_BYTES for master_key in master_keys):
        raise InvalidSettings("ISSUER_MASTER_KEY must hold one or more keys of 32 bytes.")
