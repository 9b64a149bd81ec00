"""The server is stopped and started: what it knew of refresh tokens, it still knows."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import select

from issuer.model.family import EndReason
from issuer.store.db import reading
from issuer.store.tables import IncidentRow
from tests.flows import holders, servers, shop
from tests.flows.conftest import migrated
from tests.flows.holders import Holder, Pair
from tests.flows.servers import Answer, Server

Step = Callable[[Holder], Answer]


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """Give the environment of a server of two workers."""
    folder = tmp_path_factory.mktemp("restart")
    with migrated(request.param, folder) as url:
        yield servers.make_environment(folder, url, workers=2)


def test_every_step_holds_over_a_restart(environment: Mapping[str, str], tmp_path: Path) -> None:
    """RFC 9700 §4.14.2: a spent token that comes back ends the family, however often the server restarted."""
    account = holders.add_account(environment)

    def after_restart(step: Step) -> tuple[Answer, Server]:
        with servers.running(tmp_path, environment) as server:
            answer = step(Holder(server.port, account))
            assert server.stop() == 0
        return answer, server

    with servers.running(tmp_path, environment) as server:
        first = Holder(server.port, account).begin()
        second = Pair.of(Holder(server.port, account).refresh(first.refresh))
        assert server.stop() == 0
    third, _ = after_restart(lambda holder: holder.refresh(second.refresh))
    reused, server = after_restart(lambda holder: holder.refresh(first.refresh))
    newest, _ = after_restart(lambda holder: holder.refresh(Pair.of(third).refresh))

    assert third.status == 200
    assert (reused.status, reused.json["error"]) == (400, "invalid_grant")
    assert (newest.status, newest.json["error"]) == (400, "invalid_grant")
    with shop.opened(environment) as engine:
        assert holders.find_family(engine, first.family).end_reason is EndReason.REUSED
        with reading(engine) as connection:
            incidents = connection.execute(
                select(IncidentRow.family_id, IncidentRow.presented, IncidentRow.stored)
            )
            assert [tuple(each) for each in incidents] == [(first.family, 1, 3)]
    assert [event["family"] for event in server.events("refresh.reused")] == [first.family]
