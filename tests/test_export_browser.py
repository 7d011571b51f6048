"""An exported page in a real browser: search, folding and links work from a disk, and nothing else runs or loads."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsers import ARGUMENTS, CHROMIUM
from export_samples import build_steps, export, user
from render_samples import ATTACKS

from heliconemagic.export.page import build_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a page."""
    if not CHROMIUM.exists() or importlib.util.find_spec("playwright") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no playwright or no {CHROMIUM} here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page_path(tmp_path: Path) -> Path:
    """The small session's page, with every attack in one of its answers."""
    steps = build_steps()
    attacked = replace(steps[-1], messages=(user("\n\n".join(ATTACKS)),), text="\n\n".join(ATTACKS))
    path = tmp_path / "course.html"
    path.write_text(build_page(export([*steps[:-1], attacked])), encoding="utf-8", errors="replace")
    return path


def test_search_folds_and_nothing_else_runs(browser: Browser, page_path: Path) -> None:
    """Words narrow the list, buttons open it, a link opens the step it names; no attack asked for anything."""
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.goto(page_path.as_uri())
    page.fill("#hx-search", "outline FAILED")
    assert page.inner_text("#hx-count") == "1 of 11 steps"
    page.fill("#hx-search", "")
    page.click("#hx-open")
    assert page.locator(".hx-step[open]").count() == 11
    page.click("#hx-close")
    page.evaluate("location.hash = '#step-3'")
    page.wait_for_selector("#step-3[open]")
    assert page.locator(".hx-step[open]").count() == 1
    assert asked == [page_path.as_uri()]
    page.close()


def test_folding_works_where_no_script_may_run(browser: Browser, page_path: Path) -> None:
    """Then there is no search box."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_path.as_uri())
    page.click("#step-2 > summary")
    assert page.locator("#step-2 .hm-body").is_visible() and not page.locator("#hx-tools").is_visible()
    context.close()
