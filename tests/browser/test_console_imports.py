"""The console's modules import downwards only: from pages to subjects to shared pieces, and without a cycle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

SOURCE = Path(__file__).parents[2] / "console" / "src"
FOLDERS = (
    "layout",
    "organizations",
    "notifications",
    "settings",
    "evidence",
    "controls",
    "overview",
    "accounts",
    "unlock",
    "emails",
    "failsafe",
    "guardrails",
    "windows",
    "ledger",
    "policies",
    "jobs",
    "deletion",
    "exceptions",
    "history",
    "audit",
    "setup",
    "access",
    "organization",
    "tables",
    "components",
    "times",
    "api",
)
"""From top to bottom. A folder imports only folders below it."""
IMPORT = re.compile(r'(?:from |import |import\()"(\.[^"]+)"')


def find_imports(module: Path) -> set[Path]:
    """The modules that a module imports, by their paths without suffix."""
    return {(module.parent / target).resolve() for target in IMPORT.findall(module.read_text())}


def list_modules() -> list[Path]:
    return [path for path in SOURCE.rglob("*.ts*") if path.parent != SOURCE]


def test_a_folder_imports_only_folders_below_it() -> None:
    assert {path.parent.name for path in list_modules()} == set(FOLDERS)
    upwards = [
        f"{module.relative_to(SOURCE)} imports {target.relative_to(SOURCE)}"
        for module in list_modules()
        for target in find_imports(module)
        if FOLDERS.index(target.parent.name) < FOLDERS.index(module.parent.name)
    ]
    assert upwards == []


def test_no_module_imports_itself_through_others() -> None:
    remaining = {module.with_suffix(""): find_imports(module) for module in list_modules()}
    while free := [name for name, targets in remaining.items() if not targets & remaining.keys()]:
        for name in free:
            del remaining[name]
    assert sorted(str(name.relative_to(SOURCE)) for name in remaining) == []
