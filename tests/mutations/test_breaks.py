"""Every promise has a test that fails when the promise is broken: each is broken once, in a copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.mutations.breaks import Break, read_breaks

BREAKS = read_breaks()
pytestmark = [pytest.mark.long, pytest.mark.xdist_group("breaks"), pytest.mark.timeout(900)]

ALL_PASSED, SOME_FAILED = 0, 1
"""Source: pytest's exit statuses. An error at collection is 2, so a break that only hinders the import is noticed."""


@pytest.fixture(scope="module")
def sources(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ``src`` that a test may break."""
    copy = tmp_path_factory.mktemp("sources") / "src"
    shutil.copytree(repository / "src", copy, ignore=shutil.ignore_patterns("__pycache__", "console"))
    return copy


@pytest.fixture
def broken(request: pytest.FixtureRequest, sources: Path) -> Iterator[Break]:
    """The break in place; afterwards the copy is as it was."""
    found: Break = request.param
    path = sources / found.file
    text = path.read_text()
    assert text.count(found.old) == 1, f"{found.file} has {found.old!r} {text.count(found.old)} times"
    path.write_text(text.replace(found.old, found.new))
    yield found
    path.write_text(text)


def run_tests(tests: Sequence[str], sources: Path, repository: Path) -> subprocess.CompletedProcess[str]:
    """Run tests on the sources of a folder."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests],
        cwd=repository,
        env=os.environ | {"PYTHONPATH": str(sources), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tests_pass_while_nothing_is_broken(sources: Path, repository: Path) -> None:
    done = run_tests(sorted({one.test for one in BREAKS}), sources, repository)
    assert done.returncode == ALL_PASSED, done.stdout[-3000:]


@pytest.mark.parametrize("broken", BREAKS, ids=lambda one: one.promise, indirect=True)
def test_a_broken_promise_is_noticed(broken: Break, sources: Path, repository: Path) -> None:
    done = run_tests([broken.test], sources, repository)
    assert done.returncode == SOME_FAILED, f"{broken.what}\n{done.stdout[-3000:]}"
    assert "failed" in done.stdout.splitlines()[-1], done.stdout[-3000:]
