"""Every page of the console with its tabs: judged by axe (WCAG 2.1 AA), each of its texts whole and in words.

In the light and the dark, at the widths of a desktop, a tablet and a phone. The pages are those of the console's table.
"""

from __future__ import annotations

import pytest

from tests.browser.console_pages import ADDRESSES, Shown, list_addresses, list_paths
from tests.browser.console_stage import ConsolePerson
from tests.browser.page_tour import HEIGHT, WIDE, examine, find_codes, measure_texts

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("every page"), pytest.mark.timeout(600)]

SPOILED = """() => {
  const add = (html) => document.querySelector("#content").insertAdjacentHTML("beforeend", html);
  add("<div class='spoiled' id='cut'>A text that is cut off at the side</div>");
  add("<div class='spoiled' id='titled' title='whole'>A text that is cut off but has a title</div>");
  add("<div class='spoiled' id='scrolled'>A text that is scrolled into sight</div>");
  add("<div class='spoiled' id='spilled'>A text that is wider than its box</div>");
  add("<div class='spoiled' id='broken'>present</div>");
  add("<div class='spoiled' id='sunk'>Low</div>");
  add("<div class='spoiled' id='beyond'>A text beyond the window</div>");
  add("<input class='spoiled' placeholder='A long placeholder'>");
  add("<div id='sideways'></div>");
  const rules = new CSSStyleSheet();
  rules.replaceSync(`
    .spoiled { inline-size: 40px; white-space: nowrap; }
    #cut, #titled { overflow: hidden; }
    #scrolled { overflow: auto; }
    #broken { white-space: normal; overflow-wrap: anywhere; }
    #sunk { overflow: hidden; block-size: 20px; line-height: 60px; }
    #beyond { position: fixed; inset-inline-start: 100vw; inline-size: auto; }
    #sideways { position: absolute; inset: 0 auto auto 0; inline-size: 200vw; block-size: 2px; }
  `);
  document.adoptedStyleSheets.push(rules);
}"""


@pytest.mark.parametrize("path", list_paths())
def test_a_page_is_accessible_and_its_texts_are_whole(entered: tuple[ConsolePerson, Shown], path: str) -> None:
    person, shown = entered
    assert examine(person, path, shown) == []


def test_each_row_of_addresses_is_of_a_page() -> None:
    assert ADDRESSES.keys() - set(list_paths()) == set()


def test_a_page_that_needs_an_id_is_not_forgotten(entered: tuple[ConsolePerson, Shown]) -> None:
    with pytest.raises(AssertionError, match="needs a row"):
        list_addresses("/new/:new_id", entered[1])


def test_words_of_programs_are_found_but_not_in_code(entered: tuple[ConsolePerson, Shown]) -> None:
    person, _ = entered
    person.open("/settings?tab=windows")
    person.sees("Read again after")
    person.page.evaluate(
        """() => document.querySelector("#content").insertAdjacentHTML("beforeend",
          "<p>By prowler@3e000faa:x</p><p>Set history.stale_after.</p><p>Needs accounts:audit.</p>" +
          "<p>Look on the page Accounts.</p><code>windows:approve</code>")"""
    )
    assert find_codes(person.page) == [
        "By prowler@3e000faa:x",
        "Set history.stale_after.",
        "Needs accounts:audit.",
        "Look on the page Accounts.",
    ]


def test_texts_that_are_not_whole_are_found(entered: tuple[ConsolePerson, Shown]) -> None:
    person, _ = entered
    person.page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    person.open("/settings?tab=windows")
    person.sees("Read again after")
    person.page.evaluate(SPOILED)
    found = {(what, text) for what, text, _ in measure_texts(person.page)}
    assert found == {
        ("cut off at the side", "A text that is cut off at the side"),
        ("wider than its box", "A text that is wider than its box"),
        ("broken in the middle", "present"),
        ("cut off above or below", "Low"),
        ("beyond the window", "A text beyond the window"),
        ("a placeholder that is cut off", "A long placeholder"),
        ("a page that scrolls sideways", "/settings"),
    }
