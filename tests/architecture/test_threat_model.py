"""The threat model names tests that exist, and says for each threat what remains."""

from __future__ import annotations

import re

from tests.architecture.source_files import REPOSITORY, list_tests

TITLES = "| Asset | Attacker | What stops them | Tests | What remains |"


def list_rows() -> list[list[str]]:
    page = (REPOSITORY / "docs/explanation/threat-model.md").read_text()
    tables = page.split(TITLES)[1:]
    return [row.strip("| ").split(" | ") for table in tables for row in re.findall(r"^\| .+ \|$", table, re.MULTILINE)]


def test_each_threat_has_everything() -> None:
    rows = list_rows()
    assert len(rows) >= 20
    assert [row for row in rows if len(row) != 5 or not all(row)] == []


def test_each_test_of_the_threat_model_exists() -> None:
    for asset, attacker, _, tests, _ in list_rows():
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
        assert named, f"{asset}, {attacker}: no test"
        assert [f"{path}::{name}" for path, name in named if name not in list_tests(REPOSITORY / path)] == []
