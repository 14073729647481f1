"""What an installation lacks, and the command that adds it where and how it was installed."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from rootkeeper import installation
from rootkeeper.installation import EXTRAS, describe_installing, is_installed
from tests.unit.database.samples import REPOSITORY

FROM_INDEX = None
FROM_CLONE = json.dumps({"url": "file:///opt/my%20clone", "dir_info": {}})
FROM_REPOSITORY = json.dumps({"url": "https://example.com/rootkeeper.git", "vcs_info": {"vcs": "git"}})


class Distribution:
    """What is recorded of where it was installed from."""

    def __init__(self, record: str | None) -> None:
        self._record = record

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return self._record


def install(
    monkeypatch: pytest.MonkeyPatch, prefix: str, record: str | None, extras: Mapping[str, tuple[str, ...]]
) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "executable", "/opt/a b/python")
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Distribution(record))
    monkeypatch.setattr(installation, "EXTRAS", extras)


NONE_YET = {"server": ("no_such_module",), "postgresql": ("no_such_module",)}
WITH_POSTGRESQL = {"server": ("no_such_module",), "postgresql": ("json",)}


@pytest.mark.parametrize(
    ("prefix", "record", "extras", "command"),
    [
        ("/opt/pipx/venvs/rootkeeper", FROM_INDEX, NONE_YET, "pipx install --force 'rootkeeper[server]'"),
        ("/opt/pipx/venvs/rootkeeper", FROM_CLONE, NONE_YET, "pipx install --force '/opt/my clone[server]'"),
        ("/opt/pipx/venvs/rootkeeper", FROM_REPOSITORY, NONE_YET, "pipx install --force 'rootkeeper[server]'"),
        ("/o/pipx/venvs/r", FROM_INDEX, WITH_POSTGRESQL, "pipx install --force 'rootkeeper[postgresql,server]'"),
        ("/opt/uv/tools/rootkeeper", FROM_INDEX, NONE_YET, "uv tool install --force 'rootkeeper[server]'"),
        ("/opt/rootkeeper", FROM_INDEX, WITH_POSTGRESQL, "'/opt/a b/python' -m pip install 'rootkeeper[server]'"),
    ],
)
def test_an_extra_is_added_as_rootkeeper_was_installed(
    prefix: str,
    record: str | None,
    extras: Mapping[str, tuple[str, ...]],
    command: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, prefix, record, extras)
    assert describe_installing("server") == command


def test_a_program_that_isnt_installed_as_a_package_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert installation.find_source() == "rootkeeper"


def test_an_extra_is_there_only_with_all_its_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "EXTRAS", {"whole": ("json", "csv"), "half": ("json", "no_such_module")})
    assert is_installed("whole")
    assert not is_installed("half")


def test_the_extras_are_those_of_the_package_and_show_by_what_they_add() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert set(EXTRAS) == set(extras)
    base = {name_of(requirement) for requirement in project["dependencies"]}
    for extra, modules in EXTRAS.items():
        added = {name_of(requirement) for requirement in extras[extra]}
        for module in modules:
            if module == "awscrt":
                assert extras[extra] == ["botocore[crt]>=1.43"]
            else:
                assert {module, f"{module}-cffi"} & (added - base), module


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~; \[]", requirement, maxsplit=1)[0]


def test_the_command_line_imports_what_is_in_extras_only_within_functions() -> None:
    """Of all modules that a command without the extra ``server`` can reach."""
    banned = re.compile(
        r"^(?:import|from) (?:aiohttp|apprise|argon2|authlib|cronsim|cryptography|dbos|fastapi|httptools|joserfc"
        r"|multidict|prometheus_client|psycopg|pyotp|requests|segno|starlette|typst|tzdata|uvicorn|uvloop|webauthn|yarl)\b",
        re.MULTILINE,
    )
    source = REPOSITORY / "src/rootkeeper"
    found = {
        str(path.relative_to(source)) for path in sorted(source.rglob("*.py")) if banned.search(path.read_text("utf-8"))
    }
    assert {path for path in found if not path.startswith("server/")} == {
        "access/factor_store.py",
        "access/provider.py",
        "access/store.py",
        "aws/transport.py",
        "cli/server_process.py",
    }


def test_paths_with_spaces_stay_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "/opt/pipx/venvs/rootkeeper", FROM_CLONE, NONE_YET)
    assert Path(installation.find_source()) == Path("/opt/my clone")
