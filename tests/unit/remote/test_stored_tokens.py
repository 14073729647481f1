"""Kept tokens: one for each server, and for their owner's eyes only."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rootkeeper.errors import InputError
from rootkeeper.remote.connections import StoredToken, StoredTokens

HERE = StoredToken("http://127.0.0.1:8700", "anna", "rk_one", datetime(2026, 1, 15, 21, tzinfo=UTC))
THERE = StoredToken("https://rootkeeper.example.com", "anna", "rk_two")


@pytest.fixture
def tokens(tmp_path: Path) -> StoredTokens:
    return StoredTokens(tmp_path / "config" / "servers")


def test_each_server_has_its_own_token(tokens: StoredTokens) -> None:
    for stored in (HERE, THERE):
        tokens.keep(stored)
    assert [tokens.find(stored.url) for stored in (HERE, THERE)] == [HERE, THERE]


def test_a_server_that_no_one_signed_in_to_has_none(tokens: StoredTokens) -> None:
    tokens.keep(HERE)
    assert tokens.find("http://127.0.0.1:8701") is None


def test_no_one_else_can_read_file_or_folder(tokens: StoredTokens) -> None:
    path = tokens.keep(HERE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_token_that_others_could_read_is_not_used(tokens: StoredTokens) -> None:
    path = tokens.keep(HERE)
    path.chmod(0o644)
    with pytest.raises(InputError, match="other users can read it") as caught:
        tokens.find(HERE.url)
    assert f"chmod 600 {path}" in (caught.value.hint or "")


def test_signing_in_again_replaces_it_and_leaves_nothing_beside(tokens: StoredTokens) -> None:
    tokens.keep(HERE)
    again = StoredToken(HERE.url, "boris", "rk_three")
    path = tokens.keep(again)
    assert tokens.find(HERE.url) == again
    assert list(path.parent.iterdir()) == [path]


def test_forgetting_removes_it_and_returns_whether_there_was_one(tokens: StoredTokens) -> None:
    path = tokens.keep(HERE)
    assert tokens.forget(HERE.url)
    assert not path.exists()
    assert not tokens.forget(HERE.url)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"url": 1, "name": 2, "token": 3}'])
def test_a_file_that_is_no_token_is_named(tokens: StoredTokens, content: bytes) -> None:
    path = tokens.keep(HERE)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"isn't a stored token") as caught:
        tokens.find(HERE.url)
    assert str(path) in caught.value.message


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "servers").write_text("a file")
    with pytest.raises(InputError, match="can't be stored"):
        StoredTokens(tmp_path / "servers").keep(HERE)


def test_a_token_is_not_shown_by_accident() -> None:
    assert "rk_one" not in repr(HERE)
