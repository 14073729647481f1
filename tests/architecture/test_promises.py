"""Each promise has tests that bear its number, and breaks that a test notices."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.architecture.source_files import REPOSITORY, list_tests
from tests.mutations.breaks import Break, parse_breaks, read_breaks

PAGE = REPOSITORY / "docs" / "dev" / "promises.md"
PROMISES = [f"P{number:02}" for number in range(1, 33)]
BREAKS = read_breaks()
FEWEST_BREAKS = 60


@cache
def list_named() -> frozenset[str]:
    """The promises that the name of a test contains, such as ``test_p02_p11_…``."""
    names = {name for path in (REPOSITORY / "tests").rglob("test_*.py") for name in list_tests(path)}
    return frozenset(f"P{number}" for name in names for number in re.findall(r"(?<=_p)\d\d(?=_)", name))


def test_the_page_lists_every_promise_once() -> None:
    assert re.findall(r"^\| (P\d\d) \| .+ \|$", PAGE.read_text(), re.MULTILINE) == PROMISES


def test_every_promise_has_a_named_test() -> None:
    assert [f"test_{promise.lower()}_…" for promise in PROMISES if promise not in list_named()] == []


def test_every_promise_is_broken_to_see_whether_a_test_notices() -> None:
    assert [promise for promise in PROMISES if promise not in {one.promise for one in BREAKS}] == []
    assert len(BREAKS) >= FEWEST_BREAKS


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: f"{one.promise} {one.what}")
def test_a_break_has_its_place_and_its_test(one: Break) -> None:
    assert one.apply((REPOSITORY / "src" / one.file).read_text()) != ""
    path, _, name = one.test.partition("::")
    assert path.endswith(".py"), f"Name a test or a file, not all of {path}."
    assert not name or re.sub(r"\[.*", "", name) in list_tests(REPOSITORY / path)


def test_a_break_with_a_key_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="line 1 has a key twice: promise, what, what"):
        parse_breaks("- promise: P01\n  what: One place.\n  what: Another place.\n")
