"""The tree of deliberate errors is complete: each has a code of its own and an exit status that style.md knows."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from rootkeeper import errors
from rootkeeper.cli.hints import COMMAND_HINTS
from rootkeeper.errors import RootkeeperError
from tests.architecture.source_files import PACKAGE, list_modules, name_of, parse

EXIT_STATUSES = {1, 2, 3, 4, 70, 130}
CODE = re.compile(r"^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$")


def list_error_classes() -> list[type[RootkeeperError]]:
    return [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, RootkeeperError)]


@pytest.mark.parametrize("error", list_error_classes(), ids=lambda error: error.__name__)
def test_an_error_has_a_code_of_its_own(error: type[RootkeeperError]) -> None:
    assert error.__name__.endswith("Error")
    assert CODE.match(error.code)
    assert "code" in vars(error), f"{error.__name__} inherits its code"


def test_no_two_errors_share_a_code() -> None:
    codes = [error.code for error in list_error_classes()]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("error", list_error_classes(), ids=lambda error: error.__name__)
def test_an_error_ends_a_command_with_a_known_exit_status(error: type[RootkeeperError]) -> None:
    assert error.exit_status in EXIT_STATUSES


@pytest.mark.parametrize("error", list_error_classes(), ids=lambda error: error.__name__)
def test_an_error_says_what_it_means(error: type[RootkeeperError]) -> None:
    assert error.__doc__


def test_deliberate_errors_are_made_in_one_file_only() -> None:
    names = {error.__name__ for error in list_error_classes()}
    elsewhere = [
        f"{name_of(path)}: {node.name}"
        for path in list_modules()
        if path != PACKAGE / "errors.py" and "sandbox" not in path.parts
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef) and {getattr(base, "id", "") for base in node.bases} & names
    ]
    assert elsewhere == []


def test_the_page_of_errors_has_every_error() -> None:
    page = (PACKAGE.parents[1] / "docs" / "reference" / "errors.md").read_text()
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == sorted(error.code for error in list_error_classes()[1:])


@pytest.mark.parametrize("error", list_error_classes()[1:], ids=lambda error: error.__name__)
def test_an_error_says_how_it_is_fixed(error: type[RootkeeperError]) -> None:
    (fix,) = re.findall(r"^Fix: (.+)", inspect.getdoc(error) or "", re.MULTILINE)
    assert fix


OPTION_OR_COMMAND = re.compile(r"(?<![\w-])--[a-z]|\brootkeeper [a-z]")
WORDED_AT_THE_EDGE = {"cli", "remote"}
QUOTED_COMMANDS = {"database/copying.py", "installation.py", "failsafe/runbook.py", "organization/accounts.py"}
"""Modules that quote commands of other programs: the AWS CLI, PostgreSQL's tools and installers of Python packages."""


@cache
def list_hint_calls() -> list[ast.Call]:
    return [
        node
        for path in list_modules()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Hint" and len(node.args) == 2
    ]


def test_every_hint_that_a_command_line_words_is_given_somewhere() -> None:
    given = {str(node.args[1].value) for node in list_hint_calls() if isinstance(node.args[1], ast.Constant)}
    assert sorted(set(COMMAND_HINTS) ^ given) == []


def test_a_wording_names_only_facts_that_every_hint_of_its_code_has() -> None:
    for node in list_hint_calls():
        if isinstance(node.args[1], ast.Constant):
            named = {name for _, name, _, _ in Formatter().parse(COMMAND_HINTS[str(node.args[1].value)]) if name}
            assert named <= {keyword.arg for keyword in node.keywords}, node.args[1].value


def test_only_the_command_line_speaks_of_its_options_and_commands() -> None:
    offenders = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.relative_to(PACKAGE).parts[0] not in WORDED_AT_THE_EDGE
        and str(path.relative_to(PACKAGE)) not in QUOTED_COMMANDS
        for line, text in list_texts(path)
        if OPTION_OR_COMMAND.search(text)
    ]
    assert offenders == []


def list_texts(path: Path) -> list[tuple[int, str]]:
    """Texts of a module that aren't docstrings."""
    tree = parse(path)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
