"""Tests that a run may leave out are those of unchanged files, and no others."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.architecture.source_files import REPOSITORY
from tests.inputs import FILES, hash_inputs, list_unchanged

MARK = re.compile(r"pytest\.mark\.inputs\(\"([\w -]+)\"\)")


def find_marked() -> dict[str, set[str]]:
    """The modules that name each group."""
    marked: dict[str, set[str]] = {}
    for path in (REPOSITORY / "tests").rglob("test_*.py"):
        for group in MARK.findall(path.read_text()):
            marked.setdefault(group, set()).add(path.relative_to(REPOSITORY).as_posix())
    return marked


def test_each_group_has_tests_and_each_tests_group_has_files() -> None:
    assert find_marked().keys() == FILES.keys()


@pytest.mark.parametrize("group", FILES)
def test_a_groups_own_tests_are_among_its_files(group: str) -> None:
    """A changed test runs."""
    files = {path.relative_to(REPOSITORY).as_posix() for one in FILES[group] for path in REPOSITORY.glob(one)}
    assert find_marked()[group] <= files


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder with the files of one group."""
    for pattern in FILES["container"]:
        for path in REPOSITORY.glob(pattern):
            target = tmp_path / path.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return tmp_path


def test_a_changed_an_added_and_a_removed_file_change_the_hash(repository: Path) -> None:
    found = [hash_inputs("container", repository)]
    containerfile = repository / "Containerfile"
    containerfile.write_text(containerfile.read_text() + "\n")
    found.append(hash_inputs("container", repository))
    (repository / "tests/container/test_more.py").write_text("")
    found.append(hash_inputs("container", repository))
    (repository / "tests/container/podman.py").unlink()
    found.append(hash_inputs("container", repository))
    assert len(set(found)) == len(found)


def test_a_file_that_is_gone_is_reported(repository: Path) -> None:
    (repository / "Containerfile").unlink()
    with pytest.raises(FileNotFoundError, match=r"Containerfile: correct FILES of tests/inputs\.py"):
        hash_inputs("container", repository)


def test_a_group_is_unchanged_only_with_the_hash_of_its_last_passed_run(tmp_path: Path) -> None:
    tried = tmp_path / "tried.json"
    assert list_unchanged(tried) == set()
    tried.write_text(json.dumps({"container": hash_inputs("container"), "installing": "of other files"}))
    assert list_unchanged(tried) == {"container"}
