"""The workflows and the action, read by linters of others: what GitHub would refuse, and what would be unsafe."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.architecture.source_files import REPOSITORY
from tests.e2e.tool_environments import find_programs
from tests.functional.pipelines.runners import OWN_ACTION
from tests.go_programs import SECONDS, build_program

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("linters"),
    pytest.mark.timeout(SECONDS),
    pytest.mark.inputs("workflows"),
]

ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
WORKFLOWS = [*sorted((REPOSITORY / ".github/workflows").glob("*.yml")), REPOSITORY / "packaging/pipelines/github.yml"]


def lint(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=SECONDS, check=False)


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_program(ACTIONLINT, tmp_path_factory.mktemp("actionlint"))


def test_actionlint_finds_nothing(actionlint: Path) -> None:
    done = lint(actionlint, "-no-color", *WORKFLOWS)
    assert (done.returncode, done.stdout) == (0, "")


def test_actionlint_finds_what_isnt_there(actionlint: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS[0].read_text().replace("needs.publish-image.outputs", "needs.nothing.outputs"))
    assert lint(actionlint, broken).returncode == 1


def test_zizmor_finds_nothing(tmp_path: Path) -> None:
    zizmor = find_programs("workflows") / "zizmor"
    example = tmp_path / ".github/workflows/example.yml"
    example.parent.mkdir(parents=True)
    example.write_text(WORKFLOWS[-1].read_text().replace(OWN_ACTION, f"example/rootkeeper@{'0' * 40}"))
    for paths in ((".github", "action.yml"), (example,)):
        done = lint(zizmor, "--offline", "--no-progress", "--strict-collection", "--color=never", *paths)
        assert done.returncode == 0, done.stdout + done.stderr
