"""Evidence: what is known of a token before it is asked for whom it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from issuer.errors import TemporarilyUnavailable, TokenRejected
from issuer.issuing.keyring import Keyring
from issuer.issuing.verdict import reading
from issuer.issuing.verdict.reading import Reading
from issuer.issuing.verdict.shown import Shown
from issuer.jose import signing
from issuer.jose.unverified import Members
from issuer.model.audience import Audience
from issuer.model.signing_key import KeyPurpose, StoredKey
from issuer.model.verdict import Standing

FindStanding = Callable[[str, str, str | None], Standing]


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a verdict is found on.

    keys: all that are stored, whatever their states. audiences: all that are registered, likewise.
    find_standing: what the database knows of (client_id, jti, family) of a token that this issuer signed;
    raises TemporarilyUnavailable if it is away.
    """

    issuer_url: str
    keyring: Keyring
    keys: tuple[StoredKey, ...]
    audiences: tuple[Audience, ...]
    find_standing: FindStanding
    now: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """One token with what was found out about it.

    key: the stored key that its kid names, or None. is_signed: whether that key signed it, None where
    that cannot be told. standing: None where the database was not, or could not be, asked.
    """

    grounds: Grounds
    reading: Reading
    shown: Shown
    key: StoredKey | None
    is_signed: bool | None
    standing: Standing | None

    @property
    def header(self) -> Members:
        """The header; empty where it is unreadable."""
        return self.reading.header or {}

    @property
    def claims(self) -> Members:
        """The claims; empty where they are unreadable."""
        return self.reading.claims or {}


def gather(text: str, grounds: Grounds) -> Evidence:
    """Return what is known of a pasted text; no text raises."""
    found = reading.read(text)
    kid = (found.header or {}).get("kid")
    key = next((key for key in grounds.keys if key.kid == kid), None)
    is_signed = _check_signature(found, key, grounds)
    standing = _find_standing(found.claims or {}, grounds) if is_signed else None
    signature = (found.token or "").rpartition(".")[2]
    return Evidence(grounds, found, Shown(signature), key, is_signed, standing)


def _check_signature(found: Reading, key: StoredKey | None, grounds: Grounds) -> bool | None:
    if key is None or found.token is None:
        return None
    verifying = grounds.keyring.find_verifying_key(key.kid, KeyPurpose(key.purpose), grounds.now)
    if verifying is None:
        return None
    try:
        return signing.is_signed_by(found.token, verifying)
    except TokenRejected:
        return False


def _find_standing(claims: dict[str, Any], grounds: Grounds) -> Standing | None:
    """Ask the database, for what was signed here only: a made-up jti is none of its business."""
    client_id, jti, family = (claims.get(name) for name in ("client_id", "jti", "family"))
    if not isinstance(client_id, str) or not isinstance(jti, str):
        return None
    try:
        return grounds.find_standing(client_id, jti, family if isinstance(family, str) else None)
    except TemporarilyUnavailable:
        return None
