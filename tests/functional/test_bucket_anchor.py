"""P20: the anchor in an S3 bucket with Object Lock, against the sandbox."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from rootkeeper.aws.bucket_anchor import S3Anchor
from rootkeeper.aws.clients import GatewayOptions
from rootkeeper.aws.gateway import open_gateway
from rootkeeper.clock import SystemClock
from rootkeeper.ledger.anchor import AnchoredHead, CopyMissingError
from rootkeeper.ledger.writer import Head
from tests.functional.running import Program
from tests.ledger_tampering import lift_guards
from tests.sandbox_process import SandboxProcess

BUCKET = "amzn-s3-demo-bucket-anchor"
PREFIX = "rootkeeper/"
RETENTION = timedelta(days=30)
ACCOUNT = "111122223333"


@pytest.fixture
def s3(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the management account, whose bucket it is; the bucket has Object Lock."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    client: Any = botocore.session.Session().create_client("s3")
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    return client


def open_anchor(bucket: str = BUCKET, prefix: str = PREFIX) -> S3Anchor:
    clock = SystemClock()
    gateway = open_gateway(GatewayOptions(), clock)
    return S3Anchor(gateway.open_bucket_calls, bucket, prefix, RETENTION, clock)


def anchored(sequence: int, agreed_sequence: int | None = None) -> AnchoredHead:
    return AnchoredHead("2026-01-15T09:00:00.000000Z", Head(sequence, f"{sequence:064x}", "o-example"), agreed_sequence)


def list_sequences(anchor: S3Anchor) -> list[int]:
    return [one.head.sequence for one in anchor.read_heads()]


def test_p20_heads_are_locked_objects_that_no_one_can_delete(s3: Any) -> None:
    anchor = open_anchor()
    assert anchor.is_missing()
    assert anchor.find_last() is None
    for sequence in (3, 40, 7, 500):
        anchor.append(anchored(sequence))
    last = anchor.find_last()
    assert last is not None
    assert (last.head.sequence, last.head.entry_hash) == (500, f"{500:064x}")
    assert list_sequences(anchor) == [3, 40, 500], "7 isn't after the last one"
    versions = s3.list_object_versions(Bucket=BUCKET, Prefix=PREFIX)["Versions"]
    assert len(versions) == 3
    for version in versions:
        found = {"Bucket": BUCKET, "Key": version["Key"], "VersionId": version["VersionId"]}
        head = s3.head_object(**found)
        assert head["ObjectLockMode"] == "COMPLIANCE"
        assert head["ObjectLockRetainUntilDate"] > datetime.now(UTC) + RETENTION - timedelta(hours=1)
        with pytest.raises(ClientError, match="protected by object lock"):
            s3.delete_object(**found, BypassGovernanceRetention=True)
    body = json.loads(s3.get_object(Bucket=BUCKET, Key=versions[0]["Key"])["Body"].read())
    assert body["sequence"] == 500


def test_p20_delete_markers_overwriting_and_other_objects_hide_no_head(s3: Any) -> None:
    anchor = open_anchor()
    for sequence in (3, 40):
        anchor.append(anchored(sequence))
    keys = [version["Key"] for version in s3.list_object_versions(Bucket=BUCKET)["Versions"]]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"rubbish")
        s3.delete_object(Bucket=BUCKET, Key=key)
    for number in range(15):
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}0000-{number}", Body=b"")
        s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}0001-{number}")
    s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}0000-{5:012d}-9-{'f' * 64}.json", Body=b"")
    assert set(list_sequences(anchor)) == {3, 40}
    last = anchor.find_last()
    assert last is not None
    assert last.head.sequence == 40


def test_p20_a_head_that_claims_an_adoption_hides_no_later_head(s3: Any) -> None:
    """A person who cuts the ledger and may write to the bucket would put an old head before the newest one."""
    anchor = open_anchor()
    for sequence in (3, 40):
        anchor.append(anchored(sequence))
    for adoptions in (1, 9999):
        key = f"{9999 - adoptions:04d}-{10**12 - 1 - 3:012d}-3-{3:064x}.json"
        s3.put_object(Bucket=BUCKET, Key=PREFIX + key, Body=b"")
    last = anchor.find_last()
    assert last is not None
    assert last.head.sequence == 40
    anchor.append(anchored(41))
    assert list_sequences(anchor) == [3, 40, 41]


def test_an_adoption_overrules_the_heads_beyond_what_is_agreed(s3: Any) -> None:
    anchor = open_anchor()
    for sequence in (3, 7, 12):
        anchor.append(anchored(sequence))
    for head in (anchored(6, agreed_sequence=3), anchored(8)):
        anchor.append(head)
        last = anchor.find_last()
        assert last is not None
        assert (last.head.sequence, last.is_adoption) == (head.head.sequence, head.is_adoption)
    assert list_sequences(anchor) == [3, 6, 8]
    assert [one.is_adoption for one in anchor.read_heads()] == [False, True, False]
    assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 5


def test_p20_a_bucket_that_lacks_what_was_anchored_gets_no_further_head(s3: Any) -> None:
    anchor = open_anchor()
    with pytest.raises(CopyMissingError, match="empty"):
        anchor.append(anchored(9), holds=5)
    anchor.append(anchored(4))
    with pytest.raises(CopyMissingError, match="ends at entry 4"):
        anchor.append(anchored(9), holds=5)
    assert list_sequences(anchor) == [4]


def test_a_bucket_without_object_lock_or_no_bucket_is_refused(s3: Any) -> None:
    s3.create_bucket(Bucket=f"{BUCKET}-plain")
    with pytest.raises(OSError, match="Object Lock"):
        open_anchor(f"{BUCKET}-plain").append(anchored(4))
    with pytest.raises(OSError, match="s3://amzn-s3-demo-bucket-nowhere"):
        open_anchor("amzn-s3-demo-bucket-nowhere").find_last()


@contextmanager
def tampering(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        lift_guards(connection)
        yield connection


@pytest.mark.usefixtures("s3")
def test_p20_a_cut_ledger_without_its_files_is_found_by_the_bucket(enabled: Program, tmp_path: Path) -> None:
    bucket = {"ROOTKEEPER_LEDGER_ANCHOR_BUCKET": f"s3://{BUCKET}/rootkeeper"}
    for _ in range(2):
        assert "Reading accounts" in enabled.run("audit", **bucket).stderr
    verified = enabled.run("ledger", "verify", "-o", "json", **bucket)
    assert verified.status == 0, verified.shown
    assert verified.json["anchored_sequence"] == verified.json["entry_count"] > 2
    assert not list(tmp_path.glob("*.anchor.jsonl"))
    with tampering(tmp_path / "rootkeeper.db") as connection:
        connection.execute("DELETE FROM ledger_entries WHERE sequence > 2")
        connection.execute(
            "UPDATE ledger_head SET sequence = 2, entry_hash ="
            " (SELECT entry_hash FROM ledger_entries WHERE sequence = 2)"
        )
        connection.execute("DELETE FROM ledger_copies")
    for path in (tmp_path / "rootkeeper.db.mirror.jsonl", *(tmp_path / "state").rglob("ledger-*.json")):
        path.unlink()
    found = enabled.run("ledger", "verify", **bucket)
    assert found.status == 1
    assert "NOT intact, entry 3" in found.stdout
    refused = enabled.run("delete", ACCOUNT, "--yes", **bucket)
    assert refused.status == 3
    assert "ledger adopt" in refused.stderr


def test_p20_a_bucket_that_cant_be_read_fails_the_verification(enabled: Program, s3: Any) -> None:
    bucket = {"ROOTKEEPER_LEDGER_ANCHOR_BUCKET": f"s3://{BUCKET}/rootkeeper"}
    assert "Reading accounts" in enabled.run("audit", **bucket).stderr
    denied = {"Action": "s3:ListBucketVersions", "Resource": f"arn:aws:s3:::{BUCKET}"}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", **denied}]}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    found = enabled.run("ledger", "verify", **bucket)
    assert found.status == 1, found.shown
    assert "anchor of the ledger can't be read" in found.stdout
    assert "Correct its permissions" in found.stdout


@pytest.mark.parametrize("address", ["bucket", "s3://", "s3://B", "https://s3.amazonaws.com/b", "s3://a-bucket?x"])
def test_what_is_no_address_of_a_bucket_is_refused(program: Program, address: str) -> None:
    run = program.run("ledger", "verify", ROOTKEEPER_LEDGER_ANCHOR_BUCKET=address)
    assert run.status == 2
    assert "ledger.anchor_bucket" in run.stderr
