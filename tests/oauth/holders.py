"""What tests of refresh tokens, introspection and revocation share: who holds tokens, and what they ask."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from issuer.issuing.keyring import LoadedKey
from issuer.jose import signing
from issuer.model.client import GrantType
from issuer.model.signing_key import KeyPurpose
from issuer.store import db as database
from issuer.store.tables import FamilyRow, IncidentRow, RevokedTokenRow
from tests.oauth.world import Answer, Credentials, World, decode_segment, encode

ORDERS = "https://orders.example"
BILLING = "https://billing.example"
INTROSPECT = "/oauth/introspect"
REVOKE = "/oauth/revoke"
OFFLINE_GRANTS = frozenset({GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN})
INACTIVE = b'{"active":false}'
CHALLENGE = {"WWW-Authenticate": 'Basic realm="issuer", charset="UTF-8"'}
RETRY = {"Retry-After": "1"}

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def add_holder(world: World, name: str = "Holder", **fields: Any) -> Credentials:
    """Register a client switched to refresh tokens that may ask for orders and billing."""
    given = {"grant_types": OFFLINE_GRANTS, "may_use_offline_access": True, **fields}
    return world.add_client(name, ORDERS, BILLING, **given)


@pytest.fixture
def holder(world: World) -> Credentials:
    """Give a client switched to refresh tokens; orders (read, write) and billing (pay) are of one service."""
    world.add_audience(ORDERS, "read", "write")
    world.add_audience(BILLING, "pay")
    return add_holder(world)


@pytest.fixture
def cut_off(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give the function that takes the database away, as the application sees it."""

    def refuse() -> None:
        raise OperationalError("SELECT", {}, Exception("secret-host is away"))

    def cut() -> None:
        # Those who write keep a connection: that has ended, too.
        world.parts.engine.dispose()
        monkeypatch.setattr(world.parts.engine.pool, "connect", refuse)

    return cut


def begin(world: World, client: Credentials, **parameters: Any) -> Answer:
    """Ask for the pair: orders and billing with every scope, and a refresh token."""
    return world.ask(client, **{"resource": [ORDERS, BILLING], "scope": "offline_access", **parameters})


def refresh(world: World, client: Credentials | None, token: str | None, **parameters: Any) -> Answer:
    """Ask for the successor of a refresh token."""
    return world.ask(client, **{"grant_type": "refresh_token", "refresh_token": token, **parameters})


def present(world: World, path: str, client: Credentials | None, token: str | None, **more: Any) -> Answer:
    """Post a token to introspection or revocation."""
    headers = {} if client is None else {"Authorization": client.basic}
    return world.post(encode({"grant_type": None, "token": token, **more}), headers, path=path)


def refresh_token_of(answer: Answer) -> str:
    """Return the refresh token of an answer that must hold one."""
    assert answer.status == 200, answer.body
    return answer.json["refresh_token"]


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a compact JWS, unverified."""
    return decode_segment(token.split(".")[1])


def header_of(token: str) -> dict[str, Any]:
    """Return the header of a compact JWS."""
    return decode_segment(token.partition(".")[0])


def forge(
    loaded_keys: tuple[LoadedKey, ...],
    purpose: KeyPurpose,
    typ: str,
    claims: Mapping[str, Any],
    alg: str = "",
) -> str:
    """Return claims signed with a real key of this server: what an attacker could never do."""
    key = next(key for key in loaded_keys if key.stored.purpose is purpose and alg in {"", key.stored.alg})
    return signing.sign_claims(claims, key.signer, typ)


def twin_of(token: str) -> str:
    """Return the other valid spelling of an ES256 token: (r, n-s) verifies as well as (r, s)."""
    message, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    s = _P256_ORDER - int.from_bytes(raw[32:], "big")
    twin = base64.urlsafe_b64encode(raw[:32] + s.to_bytes(32, "big")).rstrip(b"=").decode()
    return f"{message}.{twin}"


def wait(world: World, seconds: int) -> None:
    """Let time pass; the registry is looked at, as the application's thread would all the while."""
    world.parts.clock.step(seconds)
    world.look()


def dump(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return all families, incidents and revoked tokens as stored."""
    with database.reading(world.parts.engine) as connection:
        return {
            row.__tablename__: [dict(found) for found in connection.execute(select(row.__table__)).mappings()]
            for row in (FamilyRow, IncidentRow, RevokedTokenRow)
        }
