"""In which format a report is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.cli.commands.report import choose_format
from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.errors import InputError
from rootkeeper.reports.formats import get_format


def choose(wanted: str | None, output: OutputFormat | None, out: str | None) -> str:
    asked = None if wanted is None else get_format(wanted)
    return choose_format(asked, output, None if out is None else Path(out)).name


@pytest.mark.parametrize(
    ("wanted", "output", "out", "chosen"),
    [
        (None, None, None, "markdown"),
        (None, None, "evidence.html", "html"),
        (None, None, "evidence.findings.csv", "findings-csv"),
        (None, None, "EVIDENCE.MD", "markdown"),
        ("csv", None, "evidence.html", "csv"),
        (None, OutputFormat.JSON, "evidence.txt", "json"),
        ("json", OutputFormat.JSON, None, "json"),
    ],
)
def test_the_format_is_the_one_asked_for_or_what_the_name_says(
    wanted: str | None, output: OutputFormat | None, out: str | None, chosen: str
) -> None:
    assert choose(wanted, output, out) == chosen


@pytest.mark.parametrize(
    ("wanted", "output", "out"),
    [
        (None, None, "evidence.txt"),
        (None, None, "evidence"),
        (None, OutputFormat.TREE, None),
        ("html", OutputFormat.JSON, None),
    ],
)
def test_a_format_that_isnt_clear_is_an_error_that_says_how_to_ask(
    wanted: str | None, output: OutputFormat | None, out: str | None
) -> None:
    with pytest.raises(InputError) as refusal:
        choose(wanted, output, out)
    assert "--format" in (render_hint(refusal.value.hint) or "")
