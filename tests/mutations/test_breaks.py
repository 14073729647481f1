"""Every promise has a test that fails when the promise is broken: each is broken, in a copy of the sources."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutations.breaks import Break, read_breaks
from tests.mutations.running import BreakableSources

BREAKS = read_breaks()
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def sources(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BreakableSources]:
    """A copy of ``src`` that a test may break, with its compiled files: most are as they were."""
    copy = tmp_path_factory.mktemp("sources") / "src"
    shutil.copytree(repository / "src", copy, ignore=shutil.ignore_patterns("console", "help"))
    with BreakableSources.start(copy) as started:
        yield started


@pytest.fixture
def broken(request: pytest.FixtureRequest, repository: Path, sources: BreakableSources) -> Iterator[Break]:
    """The break in place; afterwards the copy is as it was."""
    found: Break = request.param
    path = sources.folder / found.file
    path.write_text(found.apply(path.read_text()))
    yield found
    shutil.copy2(repository / "src" / found.file, path)


def test_the_tests_pass_while_nothing_is_broken(sources: BreakableSources, tmp_path: Path) -> None:
    """Half of the modules are imported again, so that no break is noticed for the mixture of old and new ones alone.

    Every fifth test is enough for that: the run that this one is part of runs them all on the sources themselves.
    """
    tests = sorted({found.test for found in BREAKS})[::5]
    done = sources.run_tests(tests, tmp_path / "output", changed="rootkeeper/organization/statuses.py")
    assert done.status == pytest.ExitCode.OK, done.output[-3000:]


@pytest.mark.parametrize("broken", BREAKS, ids=lambda one: f"{one.promise} {one.what}", indirect=True)
def test_a_broken_promise_is_noticed(broken: Break, sources: BreakableSources, tmp_path: Path) -> None:
    """An error at the collection isn't enough: the test itself must have failed."""
    done = sources.run_tests([broken.test], tmp_path / "output", changed=broken.file)
    assert done.status == pytest.ExitCode.TESTS_FAILED, f"{broken.what}\n{done.output[-3000:]}"
    assert re.search(r"^\d+ failed", done.output, re.MULTILINE), done.output[-3000:]
