"""Each table of every page fits a laptop, a tablet and a phone: nothing scrolls sideways, is cut off or covered."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.console_pages import Shown, list_paths
from tests.browser.console_stage import ConsolePerson
from tests.browser.page_tour import HEIGHT
from tests.browser.table_tour import WIDTHS, list_table_faults, measure_tables

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("every table"), pytest.mark.timeout(600)]

SPOILED = """() => document.querySelector("#content").insertAdjacentHTML("beforeend", `
  <div id="spoiled"><table aria-label="Wide"><tbody>
    <tr><td>First</td><td><button>Last</button></td></tr></tbody></table></div>`)"""
SPOILED_RULES = """
#spoiled { overflow: auto; }
#spoiled table { inline-size: 300vw; }
#spoiled td:last-child { inline-size: 10px; }
"""


def test_tables_that_do_not_fit_are_found(entered: tuple[ConsolePerson, Shown]) -> None:
    person, _ = entered
    person.page.set_viewport_size({"width": 390, "height": HEIGHT})
    person.open("/settings?tab=windows")
    person.sees("Read again after")
    person.page.evaluate(SPOILED)
    person.page.add_style_tag(content=SPOILED_RULES)
    found = [(re.sub(r"\d+ px", "N px", what), table) for what, table in measure_tables(person.page)]
    assert found == [
        ("scrolls sideways by N px", "Wide"),
        ('hides "Last"', "Wide"),
    ]


def test_a_window_shows_its_deadline_and_its_actions_at_each_width(entered: tuple[ConsolePerson, Shown]) -> None:
    person, _ = entered
    for width in WIDTHS:
        person.page.set_viewport_size({"width": width, "height": HEIGHT})
        person.open("/windows")
        row = person.page.get_by_role("row").filter(has_text="Waiting for approval")
        for text in ("Shop Test", "Waiting for approval", "lapses", "Register as a seller", "olga", "Approve request"):
            row.get_by_text(text).first.scroll_into_view_if_needed()
            expect(row.get_by_text(text).first).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_tables_of_every_page_fit(entered: tuple[ConsolePerson, Shown], width: int) -> None:
    person, shown = entered
    assert list(list_table_faults(person, shown, width, list_paths())) == []
