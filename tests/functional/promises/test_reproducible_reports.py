"""P22: a report is deterministic, and its JSON fits its schema."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.functional.running import Program

PERIOD = ("--from", "2026-01-01", "--to", "2100-01-01", "--stale-after", "3650d", "--fail-on", "none")
ELSEWHERE: dict[str, str | None] = {
    "AWS_ENDPOINT_URL": None,
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
    "TZ": "Asia/Kathmandu",
    "LC_ALL": "C",
    "COLUMNS": "40",
    "PYTHONHASHSEED": "4711",
}
"""Another machine: no AWS, another time zone, another terminal, another order of sets."""


@pytest.fixture
def storied(enabled: Program) -> Program:
    """With something to show in every section."""
    for arguments in (
        ("status", "--accept", "--yes"),
        ("audit", "--details", "--fail-on", "none"),
        ("delete", "Orders Prod", "--yes"),
        ("exceptions", "add", "Search Prod", "--owner", "Ana", "--reason", "Needed", "--until", "30d", "--yes"),
        ("recover", "Shop Test", "--reason", "drill", "--leave-open", "--yes"),
    ):
        run = enabled.run(*arguments)
        assert run.status == 0, run.shown
    return enabled


def find_problems(document: Any, repository: Path) -> list[str]:
    schema = json.loads((repository / "docs" / "reference" / "report.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("formats", [["html", "json"], pytest.param(["csv", "markdown"], marks=pytest.mark.long)])
def test_p22_the_same_database_period_and_organization_give_the_same_bytes_anywhere(
    storied: Program, tmp_path: Path, formats: list[str]
) -> None:
    copied = tmp_path / "elsewhere" / "copy.db"
    copied.parent.mkdir()
    database = Path(storied.environment["ROOTKEEPER_DATABASE_URL"].removeprefix("sqlite:///"))
    shutil.copy(database, copied)
    for name in formats:
        first, second = tmp_path / f"first.{name}", tmp_path / f"second.{name}"
        run = storied.run("report", *PERIOD, "--format", name, "--out", first)
        assert run.status == 0, run.shown
        again = storied.run_alone(
            "report",
            *PERIOD,
            "--format",
            name,
            "--out",
            second,
            ROOTKEEPER_DATABASE_URL=f"sqlite:///{copied}",
            **ELSEWHERE,
        )
        assert again.status == 0, again.shown
        assert first.read_bytes() == second.read_bytes(), name


def test_p22_what_is_read_later_changes_no_report_on_a_past_period(storied: Program, repository: Path) -> None:
    past = ("report", "--from", "2020-01-01", "--to", "2020-12-31", "-o", "json", "--fail-on", "none")
    before = storied.run(*past).json
    assert storied.run("status", "--fail-on", "none").status == 0
    after = storied.run(*past).json
    assert find_problems(before, repository) == []
    assert find_problems(storied.run("report", *PERIOD, "-o", "json").json, repository) == []
    assert before == after
