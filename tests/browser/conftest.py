"""A real Chromium, that reaches this machine only, and a sandbox for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.console_build import ensure_console
from tests.browser.console_pages import Shown
from tests.browser.console_stage import WAIT_MILLISECONDS, ConsolePerson, ConsoleStage, open_console_stage
from tests.browser.page_tour import enter_prepared
from tests.e2e.stage import Stage
from tests.sandbox_process import SandboxProcess

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)
"""The last flag blocks all name lookups, including those of the browser itself."""


def find_chromium(playwright: Playwright) -> str:
    """Find the machine's Chromium or Playwright's own; without one, skip loudly."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    own = playwright.chromium.executable_path
    if not Path(own).exists():
        pytest.skip("no Chromium on this machine: scripts/ensure-chromium installs one")
    return own


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a module: while it runs, no other event loop can run in this thread."""
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(playwright), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def console_files() -> None:
    """The console, built."""
    ensure_console()


@pytest.fixture(scope="module")
def entered(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ConsolePerson, Shown]]:
    """An administrator, and what the pages show: one browser for all pages of a module."""
    folder = tmp_path_factory.mktemp("prepared")
    with open_console_stage(chromium, folder, "--scenario", "demo", "--features", "all") as stage:
        person, shown = enter_prepared(stage)
        yield person, shown
        person.leave()


@pytest.fixture(scope="module")
def console(console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleStage]:
    """Sandbox, server and console of the demo, with nothing turned on yet."""
    with open_console_stage(chromium, tmp_path_factory.mktemp("demo")) as stage:
        yield stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A sandbox of the demo organization, with both features on."""
    with SandboxProcess.start("--features", "all") as process:
        yield Stage(process, tmp_path_factory.mktemp("home"))
