"""Whoever steals database, data directory and logs, and no master key, holds nothing that signs or opens."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import MetaData, select

from issuer import config
from issuer.entropy import Entropy
from issuer.jose import keys, sealing
from issuer.jose.keys import SigningKey
from issuer.master_key import find_or_make_master_key
from issuer.model.signing_key import SHARED_LINES, KeyPurpose
from issuer.registry import key_import, key_rotation, own_keys
from issuer.registry.key_steps import Waits
from issuer.store import signing_keys
from issuer.store.db import Engine, reading
from tests.flows import holders, servers, shop
from tests.flows.conftest import migrated
from tests.flows.holders import Holder

WAITS = Waits(600, 0, {KeyPurpose.TOKEN: 900, KeyPurpose.REFRESH: 900})
_MARKS = re.compile(rb"PRIVATE KEY|\"d\"\s*:|\"k\"\s*:|'d'\s*:")
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "k"}
_PUBLIC_MEMBERS = {"n", "x"}


@dataclass(frozen=True, slots=True)
class Loot:
    """What is stolen, and what it is searched for. secrets: their bytes, by what they are. keys: in clear."""

    stolen: bytes
    secrets: Mapping[str, bytes]
    keys: tuple[SigningKey, ...]

    def find(self, octets: bytes) -> list[str]:
        """Return the spellings in which something stands in what is stolen."""
        return [spelling for spelling, spelled in _spell(octets) if spelled in self.stolen]


@pytest.fixture(params=["sqlite", "postgresql"])
def loot(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Loot]:
    """Run a server with keys of every kind, some rolled on, and steal all that it has written."""
    (tmp_path / "database").mkdir()
    with migrated(request.param, tmp_path / "database") as url:
        environment = servers.make_environment(tmp_path, url)
        account = holders.add_account(environment)
        master_keys = find_or_make_master_key(config.load_settings(environ=environment), Entropy())
        brought = [
            _pem(ec.generate_private_key(ec.SECP256R1())),
            _pem(rsa.generate_private_key(65_537, 2048)),
        ]
        with servers.running(tmp_path, environment) as server:
            with shop.registrar(environment) as clerk:
                own_keys.give(clerk, master_keys, shop.BILLING, WAITS, at_once=True)
                for pem in brought:
                    key_import.add_key(clerk, master_keys, pem, WAITS, is_to_wait=False)
                key_rotation.rotate(clerk, master_keys, SHARED_LINES, WAITS)
            holder = Holder(server.port, account)
            first = holder.begin()
            second = holders.Pair.of(holder.refresh(first.refresh))
            with shop.opened(environment) as engine:
                stored = _open_keys(engine, master_keys)
                # While it runs: of SQLite the log of what is written ahead belongs to it.
                stolen = _dump(engine) + _read_files(tmp_path)
        secrets = {
            "master key": master_keys[0],
            "client secret": account.secret.encode(),
            **{f"{name} token": token.encode() for name, token in _tokens(first, second)},
            **{f"{key.kid} {name}": octets for key in stored for name, octets in _private_parts(key)},
        }
        yield Loot(stolen, secrets, stored)


def test_stolen_disk_holds_no_secret(loot: Loot) -> None:
    assert {name: found for name, octets in loot.secrets.items() if (found := loot.find(octets))} == {}
    assert _MARKS.findall(loot.stolen) == []


def test_the_search_would_find_a_key(loot: Loot) -> None:
    """Of each key that is published, what is public; and all kinds of keys are there to be found."""
    public = [octets for key in loot.keys for name, octets in _members(key) if name in _PUBLIC_MEMBERS]

    # Three lines of the first start, two brought along, one of an audience, and the next one of each line.
    assert len(loot.keys) == 3 + 2 + 1 + 3
    assert len(public) == 9 - 2
    assert [octets for octets in public if not loot.find(octets)] == []


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _open_keys(engine: Engine, master_keys: tuple[bytes, ...]) -> tuple[SigningKey, ...]:
    with reading(engine) as connection:
        return tuple(sealing.open_key(stored, master_keys) for stored in signing_keys.list_keys(connection))


def _private_parts(key: SigningKey) -> Iterator[tuple[str, bytes]]:
    """Give the whole private key as it is sealed, and each private member of its JWK."""
    yield "whole", keys.export_private(key)
    yield from ((name, octets) for name, octets in _members(key) if name in _PRIVATE_MEMBERS)


def _members(key: SigningKey) -> Iterator[tuple[str, bytes]]:
    for name, value in key.material.as_dict(private=True).items():
        if name in _PRIVATE_MEMBERS | _PUBLIC_MEMBERS:
            yield name, base64.urlsafe_b64decode(value + "==")


def _tokens(*pairs: holders.Pair) -> Iterator[tuple[str, str]]:
    for number, pair in enumerate(pairs):
        yield f"access {number}", pair.access
        yield f"refresh {number}", pair.refresh


def _dump(engine: Engine) -> bytes:
    """Return every value of every table, one after the other, bytes as they are."""
    octets = []
    found = MetaData()
    with reading(engine) as connection:
        found.reflect(connection)
        for table in found.sorted_tables:
            for row in connection.execute(select(table)):
                octets += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(octets)


def _read_files(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def _spell(octets: bytes) -> Iterator[tuple[str, bytes]]:
    yield "bytes", octets
    yield "hex", octets.hex().encode()
    yield "number", str(int.from_bytes(octets, "big")).encode()
    yield "base64", base64.b64encode(octets).rstrip(b"=")
    yield "base64url", base64.urlsafe_b64encode(octets).rstrip(b"=")
