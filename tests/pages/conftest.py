"""A console of test pages, asked without a browser."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.oauth.world import ISSUER, World, database_url, loaded_keys, open_world
from tests.pages import showroom
from tests.pages.signed_in import hash_cheaply

__all__ = ["database_url", "loaded_keys", "open_world"]

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass(slots=True)
class Visitor:
    """One browser without scripts: it keeps cookies and fills in forms."""

    world: World

    def ask(self, method: str, path: str, who: str = "alice", **more: Any) -> TestResponse:
        """Send a request. who: alice (owner), auditor or nobody."""
        headers = {showroom.WHO: who, **more.pop("headers", {})}
        return self.world.http.open(path, ISSUER, method=method, headers=headers, **more)

    def open(self, path: str, who: str = "alice", **more: Any) -> TestResponse:
        """Open a page."""
        return self.ask("GET", path, who, **more)

    def find_token(self, path: str = "/admin/showroom/form") -> str:
        """Return the token of the first form on a page."""
        return _TOKEN.search(self.open(path).text).group(1)

    def send(self, path: str, who: str = "alice", **fields: str) -> TestResponse:
        """Post a form with its token."""
        return self.ask("POST", path, who, data={"csrf_token": self.find_token(), **fields})


@pytest.fixture
def world(open_world: Any) -> World:
    """Give a world that nobody owns, in which passwords cost nothing to check."""
    world = open_world()
    hash_cheaply(world.app)
    return world


@pytest.fixture
def visitor(open_world: Any) -> Visitor:
    """Give a visitor of a world with the showroom."""
    with showroom.furnished():
        world = open_world()
    showroom.furnish(world.app)
    return Visitor(world)
