"""The package's own source, parsed once for every test of its architecture."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = REPOSITORY / "src"
PACKAGE = SOURCES / "rootkeeper"


def list_modules() -> list[Path]:
    """Every module of the product and of the sandbox, in order."""
    found = sorted(SOURCES.rglob("*.py"))
    assert found, f"no module in {SOURCES}"
    return found


def list_rules() -> list[Path]:
    """The modules that decide and do nothing else."""
    found = [path for path in list_modules() if path.name == "rules.py"]
    assert found, "no module is named rules.py"
    return found


def find_module(name: str) -> Path:
    """The file of a module of our own."""
    path = SOURCES.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def list_tests(path: Path) -> frozenset[str]:
    """The names of the tests in a file."""
    return frozenset(re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE))


def name_of(path: Path) -> str:
    """A path as a person reads it: relative to the repository."""
    return str(path.relative_to(REPOSITORY))


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


@cache
def list_imports(path: Path) -> tuple[str, ...]:
    """The full name of every module that a file imports."""
    found: list[str] = []
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return tuple(found)


def list_committed_files() -> list[Path]:
    """Every file that is committed or would be: tracked, or untracked and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [REPOSITORY / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file()]
