"""Each promise of the first release has tests that bear its number."""

from __future__ import annotations

import re

from tests.architecture.source_files import REPOSITORY

PROMISES = ["01", "02", "03", "04", "05", "06", "07", "08", "12", "13", "14", "15", "16", "18", "20", "25", "27", "28"]


def test_a_promise_has_a_named_test() -> None:
    text = "\n".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    named = set(re.findall(r"^ *def test_p(\d\d)_", text, re.MULTILINE))
    assert [f"test_p{number}_…" for number in PROMISES if number not in named] == []
