"""``sandbox init``: an example to start from, that then starts; and the options that choose what is served."""

from __future__ import annotations

import subprocess
from contextlib import chdir
from pathlib import Path

import pytest

from rootkeeper_sandbox.scenarios.build import EXAMPLES, find_example
from tests.sandbox.command import run_command
from tests.sandbox_process import SandboxProcess


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    with chdir(folder):
        return run_command(*arguments)


def test_it_writes_an_example_and_says_how_to_start_it(tmp_path: Path) -> None:
    ended = run("init", folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "rootkeeper sandbox --scenario sandbox.yaml" in ended.stdout
    assert (tmp_path / "sandbox.yaml").read_text() == find_example("small-start").read_text()
    with SandboxProcess.start("--scenario", str(tmp_path / "sandbox.yaml")) as sandbox:
        assert len(sandbox.accounts()) == 8


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_it_writes_any_example_anywhere(tmp_path: Path, name: str) -> None:
    ended = run("init", "my own.yaml", "--example", name, folder=tmp_path)
    assert ended.returncode == 0
    assert "--scenario 'my own.yaml'" in ended.stdout
    assert (tmp_path / "my own.yaml").read_text() == find_example(name).read_text()


def test_it_overwrites_nothing_unasked(tmp_path: Path) -> None:
    (tmp_path / "sandbox.yaml").write_text("mine")
    ended = run("init", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "sandbox.yaml exists already (--force overwrites it)." in ended.stderr
    assert (tmp_path / "sandbox.yaml").read_text() == "mine"
    assert run("init", "--force", folder=tmp_path).returncode == 0
    assert (tmp_path / "sandbox.yaml").read_text() != "mine"


def test_it_says_where_it_cannot_write(tmp_path: Path) -> None:
    ended = run("init", "missing/sandbox.yaml", folder=tmp_path)
    assert ended.returncode == 2
    assert "can't write missing/sandbox.yaml: No such file or directory." in ended.stderr


def test_a_scenario_file_that_is_not_in_order_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("scenario: 1\naccounts:\n  - id: 1\n    management: true\n")
    ended = run("--port", "0", "--scenario", "bad.yaml", folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "bad.yaml:3: accounts[0].id: must be 12 digits, not '1'." in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [("--throttle", "some"), ("--consistency", "some"), ("init", "--example", "some")]
)
def test_words_that_mean_nothing_are_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = run(*arguments, folder=tmp_path)
    assert ended.returncode == 2
    assert "invalid choice: 'some'" in ended.stderr


def test_the_options_reach_the_sandbox() -> None:
    with SandboxProcess.start("--scenario", "small-start", "--consistency", "aws", "--throttle", "aws") as sandbox:
        assert sandbox.organization()["organization_id"] == "o-examplesmall"
