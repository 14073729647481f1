from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import PolicyNotSavedError
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import hash_policy
from rootkeeper.unlock.store import SavedPolicyFiles
from tests.fakes.clock import START

BUCKET = Resource(ResourceKind.BUCKET, AccountId("111122223333"), "amzn-s3-demo-bucket", "eu-west-1", "aws")
POLICY = '{"Version": "2012-10-17",\r\n "Sid": "é"}'


@pytest.fixture
def files(tmp_path: Path) -> SavedPolicyFiles:
    return SavedPolicyFiles(tmp_path / "new" / "policies")


def test_the_file_holds_the_policy_as_it_was_and_nothing_else(files: SavedPolicyFiles) -> None:
    path = files.save(BUCKET, POLICY, START)
    assert path.parent == files.folder
    assert path.read_bytes() == POLICY.encode()


def test_the_name_shows_whose_policy_it_is_and_its_hash(files: SavedPolicyFiles) -> None:
    name = files.save(BUCKET, POLICY, START).name
    assert name.startswith("111122223333-s3-eu-west-1-amzn-s3-demo-bucket-20260115T090000.000000Z-")
    assert name.endswith(f"{hash_policy(POLICY)[:12]}.json")


def test_no_one_else_can_read_it(files: SavedPolicyFiles) -> None:
    before = os.umask(0)
    try:
        path = files.save(BUCKET, POLICY, START)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_is_never_written_over(files: SavedPolicyFiles) -> None:
    path = files.save(BUCKET, POLICY, START)
    path.write_text("kept")
    with pytest.raises(PolicyNotSavedError, match="Nothing was changed"):
        files.save(BUCKET, POLICY, START)
    assert path.read_text() == "kept"


def test_a_folder_that_cannot_be_made_is_reported_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PolicyNotSavedError) as raised:
        SavedPolicyFiles(tmp_path / "file" / "policies").save(BUCKET, POLICY, START)
    assert raised.value.exit_status == 3
    assert "unlock.saved_policies" in (render_hint(raised.value.hint) or "")


def test_old_names_of_buckets_do_not_make_the_file_name_too_long(files: SavedPolicyFiles) -> None:
    path = files.save(replace(BUCKET, name="a" * 255), POLICY, START)
    assert len(path.name) < 200
