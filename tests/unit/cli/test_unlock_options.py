from __future__ import annotations

from pathlib import Path

import pytest

from rootkeeper.cli.commands.unlock import UnlockOptions
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import ChangeKind

FILE = Path("policy.json")


@pytest.mark.parametrize(
    ("options", "change"),
    [
        (UnlockOptions(), None),
        (UnlockOptions(show=True), None),
        (UnlockOptions(remove=True), ChangeKind.REMOVE),
        (UnlockOptions(corrected=True), ChangeKind.CORRECTED),
        (UnlockOptions(replace=FILE), ChangeKind.REPLACE),
        (UnlockOptions(restore=FILE), ChangeKind.RESTORE),
    ],
)
def test_each_option_is_one_change(options: UnlockOptions, change: ChangeKind | None) -> None:
    assert options.choose_change("bucket") is change


@pytest.mark.parametrize(
    "options",
    [
        UnlockOptions(show=True, remove=True),
        UnlockOptions(remove=True, corrected=True),
        UnlockOptions(replace=FILE, restore=FILE),
    ],
)
def test_two_at_once_are_refused(options: UnlockOptions) -> None:
    with pytest.raises(InputError, match="exclude each other"):
        options.choose_change("bucket")


@pytest.mark.parametrize("options", [UnlockOptions(show=True), UnlockOptions(remove=True), UnlockOptions(replace=FILE)])
def test_what_is_meant_must_be_named(options: UnlockOptions) -> None:
    with pytest.raises(InputError, match="No bucket or queue is named"):
        options.choose_change(None)


def test_the_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_bytes(b'{"a":\r\n"\xc3\xa9"}')
    assert UnlockOptions(replace=path).read_file() == '{"a":\r\n"é"}'
    assert UnlockOptions(remove=True).read_file() is None


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "policy.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"policy\.json can't be read"):
        UnlockOptions(restore=path).read_file()


def test_failsafes_are_given_by_their_ids() -> None:
    assert UnlockOptions(include_failsafe=["222233334444"]).included_failsafes == {AccountId("222233334444")}
    with pytest.raises(InputError):
        _ = UnlockOptions(include_failsafe=["security"]).included_failsafes
