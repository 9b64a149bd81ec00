"""Writers take turns: however many there are, nobody is passed over until its time is up."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, select, update

from issuer.store import db
from issuer.store.tables import RegistryVersionRow

PROCESSES = 4
THREADS = 8


def raise_from_threads(url: str, times: int) -> None:
    """Raise the version so often in each of some threads; raises what the first of them raised."""
    parsed = db.make_url_of(url)
    engine = create_engine(parsed, **db.engine_options(parsed, THREADS))
    db.prepare_engine(engine)

    def raise_version(_number: int) -> None:
        for _ in range(times):
            with db.writing(engine) as connection:
                connection.execute(update(RegistryVersionRow).values(version=RegistryVersionRow.version + 1))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(raise_version, range(THREADS)))
    engine.dispose()


@pytest.mark.parametrize("times", [50, pytest.param(1000, marks=pytest.mark.soak)], ids=["ordinary", "full"])
def test_no_writer_waits_in_vain_beside_many_others(database_url: str, engine: db.Engine, times: int) -> None:
    context = multiprocessing.get_context("spawn")

    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        list(pool.map(raise_from_threads, [database_url] * PROCESSES, [times] * PROCESSES))

    with db.reading(engine) as connection:
        version = connection.execute(select(RegistryVersionRow.version)).scalar_one()
    assert version == 1 + PROCESSES * THREADS * times
