"""The tree of deliberate errors is complete: each has a code of its own and an exit status that style.md knows."""

from __future__ import annotations

import ast
import re

import pytest

from rootkeeper import errors
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


def test_the_exit_statuses_page_lists_every_error() -> None:
    page = (PACKAGE.parents[1] / "docs" / "reference" / "exit-statuses.md").read_text()
    missing = [error.code for error in list_error_classes()[1:] if f"`{error.code}`" not in page]
    assert missing == []
