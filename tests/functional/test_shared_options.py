"""--profile, --region, --config and -o work before and after a command's name, and in between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.functional.running import Program


@pytest.mark.parametrize(
    "arguments",
    [
        ("-o", "json", "exceptions", "list"),
        ("--output", "json", "exceptions", "list"),
        ("exceptions", "-o", "json", "list"),
        ("exceptions", "list", "-o", "json"),
        ("exceptions", "list", "--output=json"),
        ("-o", "table", "exceptions", "-o", "csv", "list", "-o", "json"),
    ],
)
def test_the_output_may_be_named_anywhere_and_the_innermost_wins(program: Program, arguments: tuple[str, ...]) -> None:
    run = program.run(*arguments)
    assert run.status == 0, run.shown
    assert json.loads(run.stdout) == {"schema_version": 1, "exceptions": []}


@pytest.mark.parametrize(
    "arguments",
    [("--profile", "missing", "status"), ("status", "--profile", "missing"), ("status", "--profile=missing")],
)
def test_the_profile_may_be_named_anywhere(program: Program, arguments: tuple[str, ...]) -> None:
    run = program.run(*arguments)
    assert run.status == 2
    assert "missing" in run.stderr


@pytest.mark.parametrize("arguments", [("--region", "us-nowhere-1", "status"), ("status", "--region", "us-nowhere-1")])
def test_the_region_may_be_named_anywhere(program: Program, arguments: tuple[str, ...]) -> None:
    run = program.run(*arguments)
    assert run.status == 2
    assert "us-nowhere-1" in run.stderr


@pytest.mark.parametrize("is_before", [True, False])
def test_the_settings_file_may_be_named_anywhere(program: Program, tmp_path: Path, is_before: bool) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("[aws]\nspeed = 9\n")
    option = ("--config", config)
    run = program.run(*option, "status") if is_before else program.run("status", *option)
    assert run.status == 2
    assert "aws.speed" in run.stderr
