"""Each promise of the first release has tests that bear its number."""

from __future__ import annotations

import pytest

from tests.architecture.source_files import list_test_names

PROMISES = ["01", "02", "03", "04", "05", "06", "07", "08", "12", "13", "14", "15", "16", "18", "20", "25", "27", "28"]


@pytest.mark.parametrize("number", PROMISES)
def test_a_promise_has_a_named_test(number: str) -> None:
    named = [name for name, _ in list_test_names() if name.startswith(f"test_p{number}_")]
    assert named, f"No test is named test_p{number}_…"
