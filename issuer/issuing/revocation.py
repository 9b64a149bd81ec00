"""Revocation: a client gives up a token of its own (RFC 7009).

A refresh token of any generation, expired ones included, ends its family, and with it the access
tokens that came from it. An access token is listed by its jti until it would have expired: never by
its string, for one token has several valid spellings. It does not end the family that it came from,
which RFC 7009 §2.1 leaves to the server: a client that gives up one of its tokens keeps the others.
"""

from issuer.clock import Clock
from issuer.errors import ForeignToken, InvalidGrant, TokenRejected
from issuer.issuing import access_token, refresh_token, unseen_keys
from issuer.issuing.access_token import AccessClaims
from issuer.issuing.keyring import Keyring
from issuer.issuing.record import Context, Recorder
from issuer.model.client import Client
from issuer.model.family import EndReason, Presented
from issuer.store import families, revocations
from issuer.store.db import Engine, writing


class Revoker:
    """Revokes tokens for the clients that hold them."""

    def __init__(
        self, issuer_url: str, engine: Engine, keyring: Keyring, recorder: Recorder, clock: Clock
    ) -> None:
        self._issuer_url = issuer_url
        self._engine = engine
        self._keyring = keyring
        self._recorder = recorder
        self._clock = clock

    def revoke(self, token: str, client: Client, context: Context) -> None:
        """Make a token of this client worth nothing; committed when this returns.

        Does nothing for what is no token of ours (RFC 7009 §2.2). Raises ForeignToken for a token of
        another client (§2.1), TemporarilyUnavailable if it cannot be done now (§2.2.1).
        """
        now = self._clock.now()
        try:
            presented = refresh_token.read(token, self._issuer_url, self._keyring, now)
        except InvalidGrant:
            self._revoke_access(token, client, now, context)
            return
        self._end_family(presented, client, now, context)

    def _end_family(self, presented: Presented, client: Client, now: int, context: Context) -> None:
        _check_own(presented.client_id, client)
        with writing(self._engine) as connection:
            has_ended = families.change_ended(connection, presented.family_id, EndReason.REVOKED, now)
        if has_ended:
            self._recorder.revoked("family", presented.family_id, context)

    def _revoke_access(self, token: str, client: Client, now: int, context: Context) -> None:
        try:
            claims: AccessClaims = access_token.read(token, self._issuer_url, self._keyring, now)
        except TokenRejected:
            unseen_keys.refuse_unseen(token, self._keyring, self._engine, now)
            return
        _check_own(claims["client_id"], client)
        if claims["exp"] <= now:
            return
        with writing(self._engine) as connection:
            is_new = revocations.add_revoked_token(connection, claims["jti"], client.key, now, claims["exp"])
        if is_new:
            self._recorder.revoked("access_token", claims["jti"], context)


def _check_own(client_id: str, client: Client) -> None:
    if client_id != client.client_id:
        raise ForeignToken(f"the token was issued to {client_id}, {client.client_id} presents it")
