"""A headless Chromium that may not use the network, and pages opened in it; tests are skipped where there is none."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("OPSBOOK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
WIDTHS = {390: 844, 1280: 800, 1920: 1080}


@dataclass
class Opened:
    """A page in the browser with everything it asked for and complained about."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def above_fold(self, selector: str) -> bool:
        """Whether every element of the selector lies wholly inside the first window."""
        boxes = [element.bounding_box() for element in self.page.query_selector_all(selector)]
        bottom = self.page.viewport_size["height"]
        return bool(boxes) and all(box and box["y"] >= 0 and box["y"] + box["height"] <= bottom for box in boxes)

    def barriers(self) -> list[str]:
        """What axe-core finds serious or critical: rule, how often, and the first element."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed").Axe()
        found = axe.run(self.page).response["violations"]
        bad = [rule for rule in found if rule["impact"] in ("serious", "critical")]
        return [f"{rule['id']} x{len(rule['nodes'])}: {rule['nodes'][0]['html'][:150]}" for rule in bad]

    def visible(self, selector: str) -> bool:
        """Whether the first element of the selector is in the window now."""
        box = self.page.query_selector(selector).bounding_box()
        return bool(box) and -1 <= box["y"] <= self.page.viewport_size["height"] - 10


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for the whole session."""
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine; `apt install chromium` or set OPSBOOK_CHROMIUM to its path")
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open an HTML file or text in a window of the width; `dark` and `media` as the reader's settings.

    bypass_csp lets a test bring its own script, which the page's policy forbids.
    """
    contexts = []

    def opened(
        html: str | Path, width: int = 1280, *, dark: bool = False, media: str = "screen", bypass_csp: bool = False
    ) -> Opened:
        path = html if isinstance(html, Path) else tmp_path / f"page{len(contexts)}.html"
        if not isinstance(html, Path):
            path.write_text(html, encoding="utf-8")
        size = {"width": width, "height": WIDTHS.get(width, 900)}
        look = {"color_scheme": "dark" if dark else "light", "reduced_motion": "reduce"}
        context = browser.new_context(viewport=size, bypass_csp=bypass_csp, **look)
        contexts.append(context)
        shown = Opened(context.new_page())
        shown.page.emulate_media(media=media)
        shown.page.on("request", lambda request: shown.requests.append(request.url))
        shown.page.on("console", lambda message: shown.complaints.append(message.text))
        shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
        shown.page.on("dialog", lambda dialog: (shown.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        shown.page.goto(path.resolve().as_uri(), wait_until="load")
        own = path.resolve().as_uri()
        shown.requests[:] = [url for url in shown.requests if url != own and not url.startswith("data:")]
        return shown

    yield opened
    for context in contexts:
        context.close()
