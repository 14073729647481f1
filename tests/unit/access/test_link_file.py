"""The file with the first administrator's link."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rootkeeper.access.links import LinkFile
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import SettingsError


def test_only_its_user_can_read_it_and_a_new_link_replaces_the_old_one(tmp_path: Path) -> None:
    kept = LinkFile(tmp_path / "link")
    kept.write("http://localhost/first-administrator#one")
    kept.path.chmod(0o666)
    kept.write("http://localhost/first-administrator#two")
    assert kept.path.read_text() == "http://localhost/first-administrator#two\n"
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    kept.remove()
    kept.remove()
    assert not kept.path.exists()


def test_a_symbolic_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    kept = LinkFile(tmp_path / "link")
    kept.path.symlink_to(victim)
    kept.write("http://localhost/first-administrator#one")
    assert victim.read_text() == "kept"
    assert not kept.path.is_symlink()


def test_what_cannot_be_written_says_what_to_do_instead(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        LinkFile(tmp_path / "missing" / "link").write("http://localhost/first-administrator#secret")
    assert "users add" in str(render_hint(caught.value.hint))
    assert "secret" not in f"{caught.value.message}{caught.value.hint}"
