"""In which format a report is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.cli.commands.report import choose_format
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.errors import InputError
from rootkeeper.evidence.rules import ReportFormat


@pytest.mark.parametrize(
    ("wanted", "output", "out", "chosen"),
    [
        (None, None, None, ReportFormat.MARKDOWN),
        (None, None, "evidence.html", ReportFormat.HTML),
        (None, None, "EVIDENCE.MD", ReportFormat.MARKDOWN),
        (ReportFormat.CSV, None, "evidence.html", ReportFormat.CSV),
        (None, OutputFormat.JSON, "evidence.txt", ReportFormat.JSON),
        (ReportFormat.JSON, OutputFormat.JSON, None, ReportFormat.JSON),
    ],
)
def test_the_format_is_the_one_asked_for_or_what_the_name_says(
    wanted: ReportFormat | None, output: OutputFormat | None, out: str | None, chosen: ReportFormat
) -> None:
    assert choose_format(wanted, output, None if out is None else Path(out)) is chosen


@pytest.mark.parametrize(
    ("wanted", "output", "out"),
    [
        (None, None, "evidence.txt"),
        (None, None, "evidence"),
        (None, OutputFormat.TREE, None),
        (ReportFormat.HTML, OutputFormat.JSON, None),
    ],
)
def test_a_format_that_isnt_clear_is_an_error_that_says_how_to_ask(
    wanted: ReportFormat | None, output: OutputFormat | None, out: str | None
) -> None:
    with pytest.raises(InputError) as refusal:
        choose_format(wanted, output, None if out is None else Path(out))
    assert "--format" in (refusal.value.hint or "")
