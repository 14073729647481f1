"""Every module with behaviour of its own has a test file in the same place under ``tests/unit``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.source_files import PACKAGE, REPOSITORY, list_functions, list_modules, name_of

MIRRORED = ("domain", "workflows", "aws", "storage")
UNMIRRORED_FOLDERS = {"migrations"}


def list_mirrored_modules() -> list[Path]:
    """Modules that define functions; plain values have nothing to test."""
    return [
        path
        for path in list_modules(*MIRRORED)
        if path.name != "__init__.py" and not UNMIRRORED_FOLDERS & set(path.parts) and any(list_functions(path))
    ]


@pytest.mark.parametrize("path", list_mirrored_modules(), ids=name_of)
def test_a_module_has_its_unit_tests(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    expected = REPOSITORY / "tests" / "unit" / relative.with_name(f"test_{relative.name}")
    assert expected.is_file(), f"{name_of(expected)} is missing"
    assert any(function.name.startswith("test_") for function in list_functions(expected))
