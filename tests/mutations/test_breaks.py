"""Every promise has a test that fails when the promise is broken: each is broken, in a copy of the sources."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutations.breaks import Break, read_breaks
from tests.mutations.running import run_tests

BREAKS = read_breaks()
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def sources(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of ``src`` that a test may break, with its compiled files: most are as they were."""
    copy = tmp_path_factory.mktemp("sources") / "src"
    shutil.copytree(repository / "src", copy, ignore=shutil.ignore_patterns("console"))
    return copy


@pytest.fixture
def broken(request: pytest.FixtureRequest, repository: Path, sources: Path) -> Iterator[Break]:
    """The break in place; afterwards the copy is as it was."""
    found: Break = request.param
    path = sources / found.file
    path.write_text(found.apply(path.read_text()))
    yield found
    shutil.copy2(repository / "src" / found.file, path)


def test_the_tests_pass_while_nothing_is_broken(sources: Path, tmp_path: Path) -> None:
    done = run_tests(sorted({one.test for one in BREAKS}), sources, tmp_path / "output")
    assert done.status == pytest.ExitCode.OK, done.output[-3000:]


@pytest.mark.parametrize("broken", BREAKS, ids=lambda one: f"{one.promise} {one.what}", indirect=True)
def test_a_broken_promise_is_noticed(broken: Break, sources: Path, tmp_path: Path) -> None:
    """An error at the collection isn't enough: the test itself must have failed."""
    done = run_tests([broken.test], sources, tmp_path / "output")
    assert done.status == pytest.ExitCode.TESTS_FAILED, f"{broken.what}\n{done.output[-3000:]}"
    assert re.search(r"^\d+ failed", done.output, re.MULTILINE), done.output[-3000:]
