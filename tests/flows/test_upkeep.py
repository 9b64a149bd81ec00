"""A started process does its upkeep by itself: it sweeps, and lets a key follow one whose time is over."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from issuer import config, master_key, worker
from issuer.app import create_app, parts_of, start
from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.model.signing_key import KeyState
from issuer.registry import first_start, signing_keys
from issuer.store.db import Engine, reading, writing
from issuer.store.tables import AuthFailureRow, LeaseRow, SigningKeyRow
from tests.flows import servers

DAY = 86_400


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    """Give the settings of somebody who said nothing: the embedded database, keys that roll in 90 days."""
    return config.load_settings(environ={"ISSUER_DATA_DIR": str(tmp_path)})


@pytest.fixture
def aged(settings: config.Settings) -> Iterator[Flask]:
    """Give an application whose ES256 key is 89 days old and a half, and which holds a row to be swept."""
    app, entropy = create_app(settings), Entropy()
    engine = parts_of(app).engine
    master_keys = master_key.find_or_make_master_key(settings, entropy)
    first_start.prepare(settings, engine, master_keys, Clock(), entropy)
    past = int(time.time()) - 89 * DAY - DAY // 2
    with writing(engine) as connection:
        begun = {"created_at": past, "published_at": past, "signs_from": past}
        connection.execute(update(SigningKeyRow).where(SigningKeyRow.alg == "ES256").values(**begun))
        failed = {"client_key": 0, "network": "192.0.2.0/24", "failures": 1, "last_at": past}
        connection.execute(insert(AuthFailureRow).values(**failed))
    yield app
    engine.dispose()


def find_es256(engine: Engine) -> list[KeyState]:
    keys = signing_keys.list_signing_keys(engine)
    return sorted(key.state(int(time.time())) for key in keys if key.alg == "ES256")


def test_a_started_process_sweeps_and_rolls_its_keys(aged: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = parts_of(aged).engine
    assert find_es256(engine) == [KeyState.ACTIVE]
    monkeypatch.setattr(worker, "UPKEEP_SECONDS", 0.05)

    running = start(parts_of(aged))
    try:
        servers.wait_until(lambda: len(find_es256(engine)) == 2)
    finally:
        running.stop()

    assert find_es256(engine) == [KeyState.ACTIVE, KeyState.PENDING]
    with reading(engine) as connection:
        assert connection.execute(select(AuthFailureRow)).all() == []
        assert len(connection.execute(select(LeaseRow.name)).all()) == 2
