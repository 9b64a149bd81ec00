"""The fixtures of the HTTP surface, for those who attack it: see tests/oauth/world.py."""

import pytest

from tests.oauth.conftest import buyer, poster, resident, robot
from tests.oauth.world import database_url, loaded_keys, open_world, short_cut, town, towns, world

__all__ = [
    "buyer",
    "database_url",
    "loaded_keys",
    "open_world",
    "poster",
    "resident",
    "robot",
    "short_cut",
    "town",
    "towns",
    "world",
]


@pytest.fixture
def village(towns):
    """Give the town that is entered through the front, for tests that ask thousands of times."""
    towns["true"].forgive()
    return towns["true"]
