"""The sandbox is a program of its own: it imports the standard library and its own short list of dependencies."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

from tests.architecture.source_files import REPOSITORY

SOURCE = REPOSITORY / "src" / "rootkeeper_sandbox"
BY_NAME = frozenset({"httptools", "uvloop"})
"""uvicorn imports these itself, because ``server.py`` names the implementations that need them."""


def read_project() -> tuple[list[str], list[str]]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    installed = [*project["project"]["dependencies"], *extras["fast"], *extras["server"]]
    return project["dependency-groups"]["sandbox"], installed


def find_imported_packages() -> Iterator[str]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} has a relative import"
                yield (node.module or "").partition(".")[0]


def test_the_sandbox_imports_nothing_beyond_its_own_dependencies() -> None:
    allowed = {requirement.partition(">")[0].lower() for requirement in read_project()[0]}
    foreign = set(find_imported_packages()) - sys.stdlib_module_names - {"rootkeeper_sandbox"}
    distributions = packages_distributions()
    imported = {distributions[package][0].lower() for package in foreign}
    assert imported == allowed - BY_NAME


def test_the_extra_of_a_server_has_all_that_the_sandbox_needs() -> None:
    needed, installed = read_project()
    assert set(needed) <= set(installed)
