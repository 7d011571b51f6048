"""The course session in JupyterLab, in a real browser.

`HELICONEMAGIC_PICTURE=docs/jupyterlab.png pytest -m browser` makes the README's picture anew.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsers import ARGUMENTS, CHROMIUM, LabPage, LabServer
from environs import ROOT
from fake_helicone import FakeHelicone
from fixtures_kernel import KEYS
from kernels import REPLY, WIDGET_VIEW

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator

pytestmark = pytest.mark.browser

PICTURE = os.environ.get("HELICONEMAGIC_PICTURE")
BROKEN = ("Error displaying widget", "model not found", "Error creating widget")
BEGIN = '%load_ext heliconemagic\n%helicone_session "Course Creation" --gateway demo'
COURSE = [
    BEGIN,
    'topic = "the night sky"',
    "%%llm /abstract\nGenerate an abstract for a course on {{ topic }}.",
    "%%llm /outline\nNow create a detailed outline based on that abstract.",
    "%%llm /outline/lesson-1\nWrite the first lesson.",
    "%helicone_session show",
]
SLOW = [
    BEGIN,
    "%%llm /long -m demo-slow -o max_tokens 60\nGenerate an abstract for a course.",
    "print('following')",
    "",
]
ATTACK = """Hello <img src=x onerror="window.hacked=1;alert(1)"> and <script>window.hacked=2</script>

<svg onload="window.hacked=3"><iframe srcdoc="<script>parent.hacked=4</script>"></iframe>

[click me](javascript:window.hacked=5) [or me](data:text/html,<script>opener.hacked=6</script>)

![pixel](http://attacker.invalid/pixel.png) <link rel=stylesheet href=http://attacker.invalid/a.css>

<style>@import url(http://attacker.invalid/b.css); body { display: none }</style>

| a | b |
|---|---|
| <b onmouseover="window.hacked=7">x</b> | </td></table></script><script>window.hacked=8</script> |

```html
</pre><script>window.hacked=9</script>
```

$\\href{javascript:window.hacked=10}{x}$ and the end.
"""

PANEL = [
    BEGIN,
    "%%llm /abstract -o max_tokens 9\nGenerate an abstract for a course.",
    "%%llm /outline -o max_tokens 9\nNow an outline.",
    "%helicone_session show --interactive",
    "print('following')",
]

OpenNotebook = Callable[[str, list[str]], LabPage]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A running JupyterLab."""
    missing = [name for name in ("playwright", "jupyterlab") if importlib.util.find_spec(name) is None]
    if not CHROMIUM.exists():
        missing.append(str(CHROMIUM))
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {' and no '.join(missing)} here")
    with LabServer(tmp_path_factory.mktemp("lab"), **KEYS) as server:
        yield server


@pytest.fixture(scope="module")
def context(lab: LabServer) -> Iterator[BrowserContext]:
    """A browser with nothing in it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser.new_context(viewport={"width": 1100, "height": 1000})
        browser.close()


@pytest.fixture
def open_notebook(lab: LabServer, context: BrowserContext) -> Iterator[OpenNotebook]:
    """Opens new notebooks; whatever a test did, its pages asked nobody off the machine and ran nobody's script."""
    pages: list[LabPage] = []

    def open_new(name: str, sources: list[str]) -> LabPage:
        pages.append(lab.open(context, lab.write_notebook(name, sources)))
        return pages[-1]

    yield open_new
    for page in pages:
        page.page.close()
        assert page.hosts <= {"127.0.0.1", "data", "blob"}
        assert page.dialogs == []


def find_broken(page: LabPage) -> list[str]:
    """The complaints that stand on the page."""
    text = page.page.locator("body").inner_text()
    return [complaint for complaint in BROKEN if complaint in text]


def test_course_session(lab: LabServer, context: BrowserContext, open_notebook: OpenNotebook, tmp_path: Path) -> None:
    """Cells stream, end as static cards, and are there again after a restart and in another theme."""
    page = open_notebook("course.ipynb", COURSE)
    page.run(0, 1)
    page.start(2)
    lengths: list[int] = []
    page.wait(lambda: lengths.append(len(page.read(2))) or page.has_ended(2), "the cell did not end")
    assert len(set(lengths)) > 5, "the text did not grow"
    page.run(3, 4, 5)
    assert "lesson-1" in page.read(5)
    page.picture(tmp_path / "light.png")
    if PICTURE:
        page.picture_of_the_end(ROOT / PICTURE)
    saved = page.save()
    outputs = [output.get("data", {}) for cell in saved["cells"] for output in cell.get("outputs", ())]
    assert sum(REPLY in data for data in outputs) == 3
    assert not [data for data in outputs if WIDGET_VIEW in data]
    assert "widgets" not in saved["metadata"]

    page.restart_kernel()
    lab.use_setting("apputils-extension/themes", {"theme": "JupyterLab Dark"})
    page.reload()
    page.picture(tmp_path / "dark.png")
    lab.use_setting("apputils-extension/themes", {"theme": "JupyterLab Light"})
    assert "night sky" in page.read(2)
    assert "lesson-1" in page.read(5)
    assert find_broken(page) == []


@pytest.mark.parametrize("before", ["", "%%time\n"], ids=["awaited", "called"])
def test_stop(open_notebook: OpenNotebook, before: str) -> None:
    """Stop in mid-stream keeps and marks the text, fails the cell, and the next one isn't run."""
    page = open_notebook("stop.ipynb", [BEGIN, before + SLOW[1], *SLOW[2:]])
    page.run(0)
    page.start(1, 2)
    page.wait(lambda: "Demo text" in page.read(1), "no text came")
    page.cell(1).get_by_role("button", name="Stop").click()
    page.wait(lambda: "StepInterrupted" in page.read(1), "the cell did not fail")
    assert "Demo text" in page.read(1)
    assert "stopped after" in page.read(1)
    page.wait(lambda: page.read_prompt(2) == "[ ]:", "the next cell is still waiting")
    assert page.read(2) == ""
    assert page.output(1).get_by_role("button", name="Stop").count() == 0


@pytest.mark.parametrize("is_saved", [False, True], ids=["unsaved", "saved"])
def test_reload_in_mid_stream(open_notebook: OpenNotebook, fake: FakeHelicone, is_saved: bool) -> None:
    """A reloaded page shows no broken widget, and the answer, which went on, can be brought back."""
    fake.gateway.text, fake.piece_delay = "And so on. " * 40 + "The end.", 0.05
    page = open_notebook("reload.ipynb", [BEGIN.replace("demo", fake.url), "%%llm /long\nHi", ""])
    page.run(0)
    page.start(1)
    page.wait(lambda: "And so on" in page.read(1), "no text came")
    fake.hold()  # however long the page takes, the answer is under way when it is back
    if is_saved:
        page.save()
    page.reload(while_running=True)
    if is_saved:
        page.wait(lambda: "And so on" in page.read(1), "the card did not come back")
    assert find_broken(page) == []
    fake.release()
    page.wait_until_ready()
    page.type(2, "%helicone_session show /long")
    page.run(2)
    assert "The end." in page.read(2)
    assert "first token" in page.read(2)
    assert find_broken(page) == []


def test_answer_is_attacked(open_notebook: OpenNotebook, fake: FakeHelicone) -> None:
    """Nothing in an answer runs or loads: not while it streams, not at its end, not after reopening."""
    fake.gateway.text, fake.piece_delay = ATTACK, 0.005
    begin = BEGIN.replace("demo", fake.url)
    page = open_notebook("attack.ipynb", [begin, "%%llm /a\nHi", "%%llm /b --live\nHi", "%helicone_session show /a"])
    page.run(0, 1, 2, 3)
    page.save()
    for _ in range(2):
        assert [index for index in (1, 3) if "and the end." not in page.read(index)] == []
        links = page.page.locator(".jp-OutputArea a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        assert [link for link in links if link and not link.startswith(("http:", "https:", "mailto:", "#"))] == []
        page.page.locator(".jp-OutputArea b, .jp-OutputArea td").first.hover()
        assert page.page.evaluate("window.hacked") is None
        page.reload()


def test_panel(open_notebook: OpenNotebook) -> None:
    """Keys walk through it, rate and rerun; the next cell, and a file saved meanwhile, have its static form."""
    page = open_notebook("panel.ipynb", PANEL)
    page.run(0, 1, 2, 3)
    panel = page.page.locator(".hm-panel")
    box, number = panel.locator(".hm-list select"), panel.get_by_role("spinbutton")

    def press(key: str, selected: str, keeps: Locator) -> None:
        page.page.keyboard.press(key)
        page.wait(lambda: panel.locator(".hm-selected .hm-path").inner_text() == selected, f"{key} did nothing")
        assert keeps.evaluate("element => element === document.activeElement")

    number.focus()
    press("ArrowUp", "/abstract", number)
    press("ArrowDown", "/outline", number)
    box.focus()
    press("Control+ArrowUp", "/abstract", box)
    press("PageDown", "/outline", box)
    press("Home", "/abstract", box)
    path = panel.locator(".hm-filters input").first
    path.fill("out")
    press("Enter", "/outline", path)
    assert "1 of 2 steps" in panel.inner_text()
    panel.get_by_role("button", name="Good").focus()
    page.page.keyboard.press("Space")
    page.wait(lambda: "👍" in box.inner_text(), "it was not rated")
    rerun = panel.get_by_role("button", name="Rerun")
    rerun.focus()
    press("Enter", "/outline", rerun)
    page.wait(lambda: "superseded" in box.inner_text(), "it was not asked again")

    page.save()
    page.run(4)
    page.wait(lambda: panel.count() == 0, "the panel is still there")
    assert "👍" in page.read(3) and "/abstract" in page.read(3)
    page.reload()  # what was saved, of a panel that is no more
    broken = page.page.locator(".jp-OutputArea-output.jupyter-widgets", has_text="Error displaying widget")
    broken.wait_for(state="attached")
    assert find_broken(page) == []
    assert "/abstract" in page.read(3)
