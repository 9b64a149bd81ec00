"""How somebody works a page: with a mouse, or with the keyboard alone."""

from dataclasses import dataclass, field

from playwright.sync_api import Locator, Page, expect

# More stops than any page has; what is not among them cannot be reached.
MOST_TABS = 150

_LOOK = """wanted => {
  const focused = document.activeElement;
  const told = problem => ({problem, found: focused === wanted, place: null});
  if (!focused || focused === document.body || focused.tabIndex < 0) return told("");
  const box = focused.getClientRects()[0];
  if (!box || !box.width || !box.height) return told("nothing is to be seen of it");
  const style = getComputedStyle(focused);
  const isRinged = parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== "none";
  if (!focused.matches(":focus-visible") || !isRinged) return told("no ring is round it");
  const across = box.left + box.width / 2, down = box.top + Math.min(box.height, innerHeight) / 2;
  const hit = document.elementFromPoint(across, down);
  if (!hit || !(focused.contains(hit) || hit.contains(focused))) return told("something lies over it");
  const isFixed = focused.closest(".bar, dialog, .skip");
  const place = isFixed ? null : [box.left, box.right, box.top + scrollY, box.bottom + scrollY];
  return {problem: "", found: focused === wanted, place};
}"""
_DESCRIBE = "() => document.activeElement.outerHTML.slice(0, 160)"


@dataclass(slots=True)
class Mouse:
    """A hand on the mouse; it types where it has clicked."""

    page: Page

    def press(self, target: Locator) -> None:
        """Press a button or follow a link."""
        target.click()

    def tick(self, target: Locator) -> None:
        """Tick a box."""
        target.check()

    def write(self, target: Locator, text: str) -> None:
        """Put a text into a field, instead of what stands there."""
        target.fill(text)


@dataclass(slots=True)
class Keyboard:
    """Hands on the keyboard: Tab until it is there, then Enter, Space or letters.

    On the way it asserts what somebody needs who sees no pointer: each stop is ringed, in view and under
    nothing, and the next one is never above the last one in the same column.
    """

    page: Page
    _last: list[float] | None = field(default=None, init=False)

    def press(self, target: Locator) -> None:
        """Press a button or follow a link."""
        self._reach(target)
        self.page.keyboard.press("Enter")

    def tick(self, target: Locator) -> None:
        """Tick a box."""
        self._reach(target)
        self.page.keyboard.press("Space")
        expect(target).to_be_checked()

    def write(self, target: Locator, text: str) -> None:
        """Put a text into a field, instead of what stands there."""
        self._reach(target)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        expect(target).to_have_value(text)

    def _reach(self, target: Locator) -> None:
        expect(target).to_be_visible()
        self._last = None
        wanted = target.element_handle()
        for _ in range(MOST_TABS):
            if self._look(wanted):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{MOST_TABS} times Tab do not lead to {target}")

    def _look(self, wanted: object) -> bool:
        """Return whether the focus is there; assert that its stop is a good one."""
        seen = self.page.evaluate(_LOOK, wanted)
        assert not seen["problem"], f"{seen['problem']}: {self.page.evaluate(_DESCRIBE)}"
        place, last = seen["place"], self._last
        if place and last:
            is_one_column = place[0] < last[1] and last[0] < place[1]
            is_above = place[3] <= last[2]
            assert not (is_one_column and is_above), f"upwards: {self.page.evaluate(_DESCRIBE)}"
        self._last = place
        return seen["found"]


Hands = Mouse | Keyboard
