"""ISSUER_URL in the registry: the admin API's audience follows it, and nobody else's lies under it."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from issuer.clock import Clock
from issuer.errors import InvalidSettings, InvalidValue
from issuer.model.audience import ADMIN_API_PATH
from issuer.model.service import Service
from issuer.registry import audiences, audit, issuer_url
from issuer.registry.audiences import NewAudience
from issuer.registry.registrar import Registrar
from issuer.store import issuer_url as store
from issuer.store.db import reading
from issuer.store.registry_version import ConcernKind

URL = "https://id.example"


def find_api_identifier(engine: Engine) -> str:
    with reading(engine) as connection:
        return store.find_api_identifier(connection)


def test_admin_api_is_registered_under_the_url(engine: Engine, clock: Clock) -> None:
    issuer_url.align(engine, URL, clock)

    assert find_api_identifier(engine) == URL + ADMIN_API_PATH


def test_move_is_audited_and_concerns_everyone(
    engine: Engine, clock: Clock, registrar: Registrar, version: Callable, concerns: Callable
) -> None:
    issuer_url.align(engine, URL, clock)
    before = version()
    issuer_url.align(engine, "https://new.example/auth", clock)

    [event] = audit.list_events(registrar, limit=1)
    assert (event.action, event.target) == ("audience.renamed", "https://new.example/auth/api/v1")
    assert event.before == {"identifier": "https://id.example/api/v1"}
    assert event.after == {"identifier": "https://new.example/auth/api/v1"}
    assert {concern.kind for concern in concerns(before)} == {ConcernKind.EVERYONE}


def test_same_url_again_writes_nothing(engine: Engine, clock: Clock, version: Callable) -> None:
    issuer_url.align(engine, URL, clock)
    before = version()
    issuer_url.align(engine, URL, clock)

    assert version() == before


def test_move_and_back_again_is_allowed(engine: Engine, clock: Clock) -> None:
    issuer_url.align(engine, URL, clock)
    issuer_url.align(engine, "https://new.example", clock)
    issuer_url.align(engine, URL, clock)

    assert find_api_identifier(engine) == URL + ADMIN_API_PATH


@pytest.mark.parametrize(
    "identifier",
    [
        "https://id.example/orders",
        "https://id.example",
        "https://ID.example:443/orders",
        "https://id.example/api/v1",
    ],
)
def test_audience_under_the_new_url_refuses_the_move(
    engine: Engine, clock: Clock, registrar: Registrar, shop: Service, version: Callable, identifier: str
) -> None:
    audiences.add_audience(registrar, NewAudience(identifier, shop.name))
    before = version()

    with pytest.raises(InvalidSettings) as refused:
        issuer_url.align(engine, URL, clock)

    assert identifier in refused.value.detail
    assert version() == before


def test_removed_audience_under_the_new_url_refuses_too(
    engine: Engine, clock: Clock, registrar: Registrar, shop: Service
) -> None:
    audiences.add_audience(registrar, NewAudience("https://id.example/orders", shop.name))
    audiences.remove_audience(registrar, "https://id.example/orders")

    with pytest.raises(InvalidSettings):
        issuer_url.align(engine, URL, clock)


@pytest.mark.parametrize("identifier", ["https://orders.id.example", "https://id.example.org/", "orders"])
def test_audience_beside_the_new_url_does_not_matter(
    engine: Engine, clock: Clock, registrar: Registrar, shop: Service, identifier: str
) -> None:
    audiences.add_audience(registrar, NewAudience(identifier, shop.name))
    issuer_url.align(engine, URL, clock)

    assert find_api_identifier(engine) == URL + ADMIN_API_PATH


@pytest.mark.parametrize("identifier", [URL, f"{URL}/oauth/token", "https://ID.example:443//api/v1"])
def test_nothing_is_registered_under_the_url_that_is_served(
    engine: Engine, clock: Clock, registrar: Registrar, shop: Service, identifier: str
) -> None:
    """A terminal that lacks ISSUER_URL takes the issuer for another one."""
    issuer_url.align(engine, URL, clock)

    with pytest.raises(InvalidValue, match="invalid_value"):
        audiences.add_audience(registrar, NewAudience(identifier, shop.name))

    issuer_url.align(engine, URL, clock)


def test_a_database_that_was_never_served_takes_any_url(engine: Engine) -> None:
    issuer_url.check(engine, URL)

    assert not issuer_url.is_served(engine)


def test_a_process_with_another_url_than_the_servers_does_not_start(engine: Engine, clock: Clock) -> None:
    """Tokens of one database never bear two values of `iss`."""
    issuer_url.align(engine, URL, clock)

    issuer_url.check(engine, URL)
    with pytest.raises(InvalidSettings) as refused:
        issuer_url.check(engine, "http://127.0.0.1:8000")

    assert refused.value.detail.startswith(
        "ISSUER_URL is http://127.0.0.1:8000, but this database is served as https://id.example. "
    )
