"""Folders of the product are for its user alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from rootkeeper.database.files import list_wide_folders, make_private_folder


@pytest.fixture(params=[0, 0o022, 0o277])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    mask: int = request.param
    before = os.umask(mask)
    yield mask
    os.umask(before)


@pytest.mark.usefixtures("mask")
def test_p08_each_new_folder_is_private_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "rootkeeper" / "policies"
    for _ in range(2):
        make_private_folder(folder)
        made = (folder, folder.parent, folder.parent.parent)
        assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}


def test_a_folder_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "known").mkdir()
    (tmp_path / "known").chmod(0o755)
    make_private_folder(tmp_path / "known" / "new")
    assert stat.S_IMODE((tmp_path / "known").stat().st_mode) == 0o755
    (tmp_path / "file").touch()
    for wrong in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises((FileExistsError, NotADirectoryError)):
            make_private_folder(wrong)


@pytest.mark.parametrize("mode", [0o701, 0o750, 0o755, 0o777, 0o710])
def test_p08_a_folder_that_others_can_open_is_listed(tmp_path: Path, mode: int) -> None:
    private, wide = tmp_path / "private", tmp_path / "wide"
    for folder in (private, wide):
        make_private_folder(folder)
    wide.chmod(mode)
    assert list_wide_folders((private, wide, tmp_path / "missing", wide)) == (wide,)
