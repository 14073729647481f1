"""The documents are in step with the program."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from docs.reference.command_pages import SANDBOX, list_command_paths, load_command
from docs.reference.make_man_page import PAGE, render_page
from docs.reference.make_reference import WRITTEN_BY, render_pages
from docs.reference.make_schemas import render_schemas
from docs.site.links import drop_badges
from rootkeeper_sandbox.services.registry import SERVICES
from tests.architecture.source_files import REPOSITORY, list_committed_files, name_of

pytestmark = pytest.mark.xdist_group("documentation")

LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
PROSE_AFTER_THE_NAME: set[str] = set()
"""Words that may follow the program's name in a sentence."""

NAMED_COMMAND = re.compile(r"(?<!--namespace )(?<!--username )rootkeeper ([a-z]+)\b(?!\.\w)")
"""The word after the program's name, unless the name is an argument of another program: before a host, or a value."""

LONGEST_README_LINES = 90
"""A screen and a half of 60 lines."""

CODE_PATH = re.compile(r"`((?:src|tests|docs|bench|scripts)/[\w./-]+)`")


def list_markdown_files() -> list[Path]:
    return [path for path in list_committed_files() if path.suffix == ".md"]


def test_every_reference_page_says_what_the_program_says() -> None:
    pages = {path.name: path.read_text() for path in (REPOSITORY / "docs" / "reference").glob("*.md")}
    committed = {name: text for name, text in pages.items() if WRITTEN_BY in text}
    assert committed == render_pages(), "Run `make docs`."


def test_options_of_every_command_are_written_once_and_each_command_refers_to_them() -> None:
    head, *sections = re.split(r"^## (?=rootkeeper [a-z])", read_commands(), flags=re.MULTILINE)
    shared = re.findall(
        r"^\| .+ \|$", head.partition("### For every command\n")[2].partition("\n### ")[0], re.MULTILINE
    )
    assert sum("--profile NAME" in row or "--server URL" in row for row in shared) == 2
    rows = re.findall(r"^\| `-.+ \|$", "".join(sections), re.MULTILINE)
    assert [row for row in rows if row in shared] == []
    assert len(sections) == len(list_command_paths()) - 1
    without = [
        section.splitlines()[0] for section in sections if "[For every command](#for-every-command)" not in section
    ]
    assert without == ["rootkeeper sandbox"]


def test_the_page_of_commands_has_every_option_and_argument_that_the_help_shows() -> None:
    sections = dict(re.findall(r"^## (rootkeeper .+?)\n(.+?)(?=^## |\Z)", read_commands(), re.MULTILINE | re.DOTALL))
    shared = read_commands().partition("## Options of several commands\n")[2].partition("\n## ")[0]
    for path in list_command_paths():
        if path in ((), SANDBOX):
            continue
        shown = {
            name
            for one in load_command(path).params
            if one.help and not getattr(one, "hidden", False)
            for name in one.opts
        }
        section = sections[" ".join(["rootkeeper", *path])]
        missing = {name for name in shown if name.startswith("-") and not re.search(rf"`{name}[ `]", section + shared)}
        assert missing == set(), path


def read_commands() -> str:
    return (REPOSITORY / "docs/reference/commands.md").read_text(encoding="utf-8")


def test_the_table_of_performance_has_the_numbers_that_the_benchmarks_wrote() -> None:
    table = (REPOSITORY / "docs/reference/performance.md").read_text(encoding="utf-8")
    measured = (REPOSITORY / "docs/dev/performance.md").read_text(encoding="utf-8")
    audits = re.findall(
        r"^\| (?:First|The next) audit of (?:the same )?([\d,]+) .*\| ([\d.]+) s \| (\d+) MB \|$", table, re.MULTILINE
    )
    assert len(audits) == 6
    for (accounts, seconds, megabytes), kind in zip(audits, ("cold", "warm") * 3, strict=True):
        (row,) = re.findall(rf"^\| {accounts} {kind} .+\|$", measured, re.MULTILINE)
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert (cells[1], cells[-1]) == (seconds, megabytes), accounts
    (deletion,) = re.findall(r"^\| Deletion .+\| ([\d.]+) s \| (\d+) MB \|$", table, re.MULTILINE)
    assert re.search(rf"^\| deleting  .+\| +{re.escape(deletion[0])} s ", measured, re.MULTILINE)
    assert re.search(rf"^\| peak memory .+\| +{deletion[1]} MB \|$", measured, re.MULTILINE)


def test_every_published_schema_follows_from_its_record() -> None:
    reference = REPOSITORY / "docs" / "reference"
    committed = {path.name: path.read_text() for path in reference.glob("*.schema.json")}
    assert committed == render_schemas(), "Run `make docs`."


def test_the_manual_page_says_what_the_program_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(), "Run `make docs`."


def test_what_shows_manual_pages_has_nothing_to_say_against_it() -> None:
    if shutil.which("man") is None or shutil.which("groff") is None:
        pytest.skip("man and groff aren't installed: the manual page can't be shown")
    environment = os.environ | {"LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
    shown = subprocess.run(
        ["man", "--warnings", "--local-file", PAGE], env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stderr == ""
    assert "rootkeeper doctor [options]" in shown.stdout


def test_the_readme_fits_on_a_screen_and_a_half() -> None:
    lines = (REPOSITORY / "README.md").read_text().splitlines()
    assert len(lines) <= LONGEST_README_LINES


def test_the_readme_names_no_command_that_isnt_there() -> None:
    known = {path[0] for path in list_command_paths() if path}
    pages = [path for path in list_markdown_files() if "docs/dev" not in name_of(path)]
    named = {word for page in pages for word in NAMED_COMMAND.findall(page.read_text())}
    assert named - known - PROSE_AFTER_THE_NAME == set()


@pytest.mark.parametrize("page", list_markdown_files(), ids=name_of)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    broken = [link for link in LINK.findall(drop_badges(page.read_text())) if not (page.parent / link).exists()]
    assert broken == []


@pytest.mark.parametrize("page", list_markdown_files(), ids=name_of)
def test_files_that_a_document_names_exist(page: Path) -> None:
    missing = [path for path in CODE_PATH.findall(page.read_text()) if not (REPOSITORY / path.rstrip(".")).exists()]
    assert missing == []


def test_every_dependency_is_explained() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    extras = [one for extra in project["project"]["optional-dependencies"].values() for one in extra]
    tools = [
        one
        for name in ("dev", "docs", "installer", "node", "release", "smoke")
        for one in groups[name]
        if isinstance(one, str)
    ]
    wanted = project["project"]["dependencies"] + extras + tools
    names = {re.split(r"[<>=!~; \[]", requirement, maxsplit=1)[0] for requirement in wanted} - {"rootkeeper"}
    console = json.loads((REPOSITORY / "console" / "package.json").read_text())
    names |= {*console["dependencies"], *console["devDependencies"]}
    page = (REPOSITORY / "docs" / "dev" / "dependencies.md").read_text()
    explained = set(re.findall(r"^\| `([\w.@/-]+)`", page, re.MULTILINE))
    assert names == explained


def test_the_sandbox_documents_every_operation_that_it_serves() -> None:
    page = (REPOSITORY / "src/rootkeeper_sandbox/BEHAVIOUR.md").read_text()
    served = [(service, operation) for service, operations in SERVICES.items() for operation in operations]
    assert [f"{service}:{operation}" for service, operation in served if f"`{operation}`" not in page] == []
