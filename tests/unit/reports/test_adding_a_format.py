"""A format is one renderer and one row: nothing else lists formats."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rootkeeper.reports.formats import FINDING_FORMATS
from tests.architecture.source_files import REPOSITORY

PROGRAM = """
import sys, types
from dataclasses import replace
from rootkeeper.reports import formats
module = types.ModuleType("another_format")
module.render = lambda report: iter([b"rendered"])
sys.modules["another_format"] = module
row = replace(formats.get_format("findings-csv"), name="another", suffix=".other", renderer="another_format:render")
formats.FORMATS += (row,)
formats.FINDING_FORMATS += (row,)

from console.scripts.write_openapi import render
from docs.reference.make_reference import render_formats
from rootkeeper.cli.commands.report import choose_format
from rootkeeper.cli.main import main
from tests.fakes.evidence import make_report
import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

def read_help(command):
    page = StringIO()
    with redirect_stdout(page):
        assert main([*command.split(), "--help"]) == 0, command
    return page.getvalue()

choices = [
    parameter["schema"]["enum"]
    for path, operations in json.loads(render())["paths"].items()
    for parameter in operations.get("get", {}).get("parameters", ())
    if parameter["name"] == "format"
]
assert len(choices) == 2 and all("another" in one for one in choices), choices
for command in ("audit", "preflight", "failsafe check", "emails list", "report write"):
    assert "another" in read_help(command), command
assert "`*.other`" in render_formats()
assert b"".join(choose_format(None, None, Path("x.other")).render(make_report())) == b"rendered"
"""


@pytest.mark.long
def test_one_row_reaches_command_line_api_and_docs() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", [one.name for one in FINDING_FORMATS])
def test_no_other_source_lists_the_format(name: str) -> None:
    """But a default: a choice must start with something."""
    own = next(one.renderer for one in FINDING_FORMATS if one.name == name).partition(":")[0].replace(".", "/") + ".py"
    folders = (REPOSITORY / "src/rootkeeper", REPOSITORY / "console/src")
    named = [
        str(path.relative_to(REPOSITORY))
        for folder in folders
        for path in folder.rglob("*.[pt]*")
        if path.suffix in (".py", ".ts", ".tsx") and f'"{name}"' in path.read_text(encoding="utf-8")
    ]
    defaults = {"console/src/history/AuditFindings.tsx"} if name == FINDING_FORMATS[0].name else set()
    generated = "console/src/api/generated.ts"
    assert set(named) - {f"src/{own}", generated} == {"src/rootkeeper/reports/formats.py"} | defaults
