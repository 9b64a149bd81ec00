"""What a page must be in a real browser: nothing for axe, the console or the policy to complain of.

Chromium is the distribution's, axe-core is vendored beside this file; nothing is downloaded.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, FloatRect, Page, Response, expect

from tests.oauth.world import World

OpenConsole = Callable[..., World]
CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).with_name("vendor") / "axe-core@4.14.1" / "axe.min.js"
THEMES = ("light", "dark")
WIDTHS = (1280, 360)

_HEIGHT = 800
# A machine with two cores and two test processes may be slow; what never comes fails all the same.
_PATIENCE_MILLISECONDS = 20_000
expect.set_options(timeout=_PATIENCE_MILLISECONDS)
_AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN_AXE = """async (tags) => {
  const found = await axe.run(document, {runOnly: {type: "tag", values: tags}});
  const tell = node => node.html + " " + node.failureSummary;
  return found.violations.map(each => `${each.id}: ${each.help}: ` + each.nodes.map(tell).join(" | "));
}"""
_WIDEST = """() => [...document.querySelectorAll("body *")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  .map(e => e.outerHTML.slice(0, 120))"""
_WATCH_POLICY = """() => {
  window.__reports = [];
  document.addEventListener("securitypolicyviolation",
    e => window.__reports.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}`));
}"""


@dataclass(slots=True)
class Visit:
    """A tab and what went wrong in it. complaints: of the console, scripts and requests that failed."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, url: str, status: int = 200) -> Response:
        """Open a page, which must have a status."""
        answer = self.page.goto(url, wait_until="load")
        assert answer is not None
        assert answer.status == status, f"{url}: {answer.status}"
        return answer

    def wait_until_whole(self) -> None:
        """Wait until all of the page is there: before that, what stands last may not be the last."""
        self.page.wait_for_load_state("load")

    def assert_sound(self) -> None:
        """Assert what holds of every page: axe, console, policy, no sideways scrolling."""
        self.wait_until_whole()
        self.page.evaluate("document.fonts.ready")
        reports = self.page.evaluate("window.__reports")
        assert reports == [], reports
        overflow = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, f"wider than the window by {overflow}: {self.page.evaluate(_WIDEST)}"
        # Through the debugger, so the page's own policy holds for everything else.
        self.page.evaluate(AXE.read_text())
        # In a window as high as the page: the bar at the foot of a phone covers a part of whatever happens to
        # lie there, and axe takes that for too small.
        size = self.page.viewport_size
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({**size, "height": max(size["height"], height)})
        violations = self.page.evaluate(_RUN_AXE, _AXE_TAGS)
        self.page.set_viewport_size(size)
        assert violations == [], violations
        assert self.complaints == [], self.complaints

    def keep_picture(self, name: str, part: FloatRect | None = None) -> None:
        """Keep a picture of the whole page, or a part, in the folder that TEST_PICTURES names, if it does."""
        folder = os.environ.get("TEST_PICTURES")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, clip=part)


@contextmanager
def visiting(
    browser: Browser, theme: str = "light", width: int = 1280, *, scripts: bool = True, **options: object
) -> Iterator[Visit]:
    """Open a tab. theme: as the system has it. scripts: run or not. options: as Playwright's context."""
    context: BrowserContext = browser.new_context(
        color_scheme=theme,
        viewport={"width": width, "height": _HEIGHT},
        java_script_enabled=scripts,
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    try:
        page = context.new_page()
        page.add_init_script(f"({_WATCH_POLICY})()")
        visit = Visit(page)
        page.on("pageerror", lambda error: visit.complaints.append(f"script: {error}"))
        page.on("console", lambda message: _note(visit, message.type, message.text, message.location))
        yield visit
    finally:
        context.close()


def _note(visit: Visit, kind: str, text: str, location: dict) -> None:
    # The page itself being a 404 or 409 is what a test asked for, and the browser says so on the console.
    is_own = location.get("url", "") == visit.page.url and text.startswith("Failed to load resource")
    if kind in {"error", "warning"} and not is_own:
        visit.complaints.append(f"{kind}: {text} {location.get('url', '')}")
