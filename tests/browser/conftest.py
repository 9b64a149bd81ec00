"""One browser for each test process; servers that it visits."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from issuer.entropy import Entropy
from tests.browser.browsing import CHROMIUM, OpenConsole
from tests.conftest import CountingEntropy, FixedClock, fresh_database_url, skip_or_fail
from tests.flows import servers
from tests.flows.servers import Server
from tests.oauth.world import World, loaded_keys, make_settings, opened_world
from tests.pages import showroom

__all__ = ["loaded_keys"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give the distribution's Chromium, started once."""
    if not CHROMIUM.exists():
        skip_or_fail("browser", f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        options = [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--force-prefers-reduced-motion",
        ]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server as its users run it, on the embedded database, for tests that change nothing in it."""
    folder = tmp_path_factory.mktemp("server")
    with servers.running(folder, servers.make_environment(folder)) as server:
        yield server


@pytest.fixture(scope="module")
def open_console(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, loaded_keys: object
) -> Iterator[OpenConsole]:
    """Give the function that opens an empty console, served from this process at its `settings.url`."""
    with ExitStack() as opened:

        def make(entropy: Entropy | None = None) -> World:
            folder = tmp_path_factory.mktemp("console")
            return opened.enter_context(_serving(request, folder, loaded_keys, entropy or CountingEntropy()))

        yield make


@pytest.fixture(scope="session")
def showroom_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, loaded_keys: object
) -> Iterator[str]:
    """Give the address of the pages that show every macro: the application with them, in this process."""
    folder = tmp_path_factory.mktemp("showroom")
    with ExitStack() as opened:
        # Not for longer: every application made meanwhile would have the showroom's users.
        with showroom.furnished():
            world = opened.enter_context(_serving(request, folder, loaded_keys, CountingEntropy()))
        showroom.furnish(world.app)
        yield f"{world.parts.settings.url}/admin/showroom"


@contextmanager
def _serving(
    request: pytest.FixtureRequest, folder: Path, loaded_keys: object, entropy: Entropy
) -> Iterator[World]:
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}"
    settings = make_settings(fresh_database_url(request, folder, "sqlite"), folder, url=url)
    with opened_world(settings, FixedClock(), entropy, loaded_keys, folder) as world:
        listener = make_server("127.0.0.1", port, world.app, threaded=True)
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        yield world
        listener.shutdown()
        thread.join()
        listener.server_close()
