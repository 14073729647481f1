"""Each table of every page fits a laptop, a tablet and a phone: nothing scrolls sideways, is cut off or covered."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.console_pages import Shown, list_paths
from tests.browser.console_stage import ConsolePerson, open_console_stage
from tests.browser.page_tour import HEIGHT, enter_prepared
from tests.browser.table_tour import WIDTHS, list_table_faults, measure_tables

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("every table"), pytest.mark.timeout(600)]

SPOILED = """() => document.querySelector("#content").insertAdjacentHTML("beforeend", `
  <div id="spoiled"><table aria-label="Wide"><tbody><tr><td>First</td><td><button>Last</button></td></tr></tbody></table></div>
  <table id="cut" aria-label="Cut"><tbody><tr><td><div>A long name that is cut off</div></td><td>Short</td></tr></tbody></table>
  <table id="broken" aria-label="Broken"><tbody><tr><td><time>1 Dec 07:56</time></td></tr></tbody></table>`)"""
SPOILED_RULES = """
#spoiled { overflow: auto; }
#spoiled table { inline-size: 300vw; }
#spoiled td:last-child { inline-size: 10px; }
#cut { inline-size: 380px; table-layout: fixed; }
#cut td { inline-size: 50%; }
#cut div { inline-size: 60px; overflow: hidden; white-space: nowrap; }
#broken td { inline-size: 20px; max-inline-size: 20px; }
"""


@pytest.fixture(scope="module")
def entered(
    console_files: None, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ConsolePerson, Shown]]:
    """One browser for all widths."""
    folder = tmp_path_factory.mktemp("tables")
    with open_console_stage(chromium, folder, "--scenario", "demo", "--features", "all") as stage:
        person, shown = enter_prepared(stage)
        yield person, shown
        person.leave()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_tables_of_every_page_fit(entered: tuple[ConsolePerson, Shown], width: int) -> None:
    person, shown = entered
    assert list(list_table_faults(person, shown, width, list_paths())) == []
