"""One browser for each test process; servers that it visits."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from tests.browser.browsing import CHROMIUM
from tests.conftest import CountingEntropy, FixedClock, fresh_database_url, skip_or_fail
from tests.flows import servers
from tests.flows.servers import Server
from tests.oauth.world import loaded_keys, make_settings, opened_world
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


@pytest.fixture(scope="session")
def showroom_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, loaded_keys: object
) -> Iterator[str]:
    """Give the address of the pages that show every macro: the application with them, in this process."""
    folder = tmp_path_factory.mktemp("showroom")
    port = servers.free_port()
    settings = make_settings(
        fresh_database_url(request, folder, "sqlite"), folder, url=f"http://127.0.0.1:{port}"
    )
    with ExitStack() as opened:
        # Not for longer: every application made meanwhile would have the showroom's users.
        with showroom.furnished():
            world = opened.enter_context(
                opened_world(settings, FixedClock(), CountingEntropy(), loaded_keys, Path(folder))
            )
        showroom.furnish(world.app)
        listener = make_server("127.0.0.1", port, world.app, threaded=True)
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{port}/admin/showroom"
        listener.shutdown()
        thread.join()
        listener.server_close()
