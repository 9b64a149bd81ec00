"""The fixtures of the HTTP surface: see world.py."""

import pytest

from tests.oauth.holders import cut_off, holder
from tests.oauth.world import (
    Credentials,
    World,
    database_url,
    loaded_keys,
    open_world,
    short_cut,
    town,
    towns,
    world,
)

__all__ = [
    "cut_off",
    "database_url",
    "holder",
    "loaded_keys",
    "open_world",
    "short_cut",
    "town",
    "towns",
    "world",
]

ORDERS = "https://orders.example"


@pytest.fixture
def robot(world: World) -> Credentials:
    """Give a client that may ask for the audience https://orders.example with its scopes read and write."""
    world.add_audience(ORDERS, "read", "write")
    return world.add_client("Robot", ORDERS)


@pytest.fixture
def resident(town: World) -> Credentials:
    """Give the town's Robot, who may ask for https://orders.example with its scopes read and write."""
    return town.clients["Robot"]


@pytest.fixture
def buyer(town: World) -> Credentials:
    """Give the town's Buyer: two audiences of two services and no default."""
    return town.clients["Buyer"]


@pytest.fixture
def poster(town: World) -> Credentials:
    """Give the town's Poster, who is registered for credentials in the body."""
    return town.clients["Poster"]
