"""``rootkeeper ledger`` as a user runs it: on the database alone, without AWS."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rootkeeper.cli.rendering.listings import render_timestamp
from rootkeeper.ledger.rules import compute_entry_hash, parse_entry
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program
from tests.ledger_tampering import lift_guards
from tests.sandbox_process import SandboxProcess

MANAGEMENT = "111122223333"
WITHOUT_AWS: dict[str, str | None] = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": None,
    "AWS_SECRET_ACCESS_KEY": None,
}


@pytest.fixture
def used(enabled: Program) -> Program:
    """A ledger with a deletion in it."""
    run = enabled.run("delete", "AnyCompany Data", "--yes")
    assert run.status == 0, run.shown
    return enabled


def test_every_deletion_is_in_the_ledger_with_its_outcome(used: Program) -> None:
    run = used.run("ledger", "list", "--account", "900010002000", "-o", "json", **WITHOUT_AWS)
    assert run.status == 0, run.shown
    deletions = [entry for entry in run.json["entries"] if entry["action"] == "signing_certificate:delete"]
    assert [entry["phase"] for entry in deletions] == ["intent", "outcome"]
    assert deletions[1]["result"] == "done"
    assert deletions[0]["organization_id"] == "o-exampleorgid"
    assert deletions[0]["endpoint"].startswith("SANDBOX 127.0.0.1:")
    assert deletions[0]["actor"]["kind"] == "self_asserted"
    assert deletions[0]["actor"]["caller_arn"].endswith("user/management-admin")


def test_every_call_in_the_ledger_is_found_in_cloudtrail_by_its_request_id(
    used: Program, sandbox: SandboxProcess
) -> None:
    member = "900010002000"
    entries = used.run("ledger", "list", "-o", "json", **WITHOUT_AWS).json["entries"]
    outcomes = [entry for entry in entries if entry["phase"] == "outcome" and entry["intent_sequence"] is not None]
    events = {one["requestID"]: one["eventName"] for one in (*sandbox.events(member), *sandbox.events(MANAGEMENT))}
    deletions = {"signing_certificate:delete": "DeleteSigningCertificate", "root_session:open": "AssumeRoot"}
    found = [(entry["action"], events.get(entry["parameters"].get("request_id"))) for entry in outcomes]
    assert {pair for pair in found if pair[0] in deletions} == set(deletions.items())
    audits = [entry["parameters"] for entry in outcomes if entry["action"] == "accounts:audit"]
    assert audits
    for audit in audits:
        assert audit["request_ids"].keys() == audit["sessions"].keys()
        assert {events[request_id] for request_id in audit["request_ids"].values()} == {"AssumeRoot"}


def test_a_list_can_begin_and_end_anywhere(used: Program) -> None:
    run = used.run("ledger", "list", "--since", "2", "--limit", "3", "-o", "jsonl", **WITHOUT_AWS)
    assert [json.loads(line)["sequence"] for line in run.stdout.splitlines()] == [3, 4, 5]


def test_a_list_can_be_of_a_period(used: Program) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    everything = used.run("ledger", "list", "-o", "jsonl", **WITHOUT_AWS).stdout
    assert everything
    for period, listed in (
        (("--from", today), everything),
        (("--to", today), everything),
        (("--from", "1d", "--to", today), everything),
        (("--to", "1d"), ""),
        (("--from", "2026-01-01", "--to", "2026-01-31"), ""),
    ):
        assert used.run("ledger", "list", *period, "-o", "jsonl", **WITHOUT_AWS).stdout == listed, period
    refused = used.run("ledger", "list", "--from", "2026-02-01", "--to", "2026-01-31", **WITHOUT_AWS)
    assert refused.status == 2
    assert "ends at 2026-01-31T23:59:59Z, which isn't after its start, 2026-02-01T00:00:00Z" in refused.stderr
    for option, time in (("--from", "0001-01-01T00:00+14:00"), ("--to", "9999-12-31T23:59:59-14:00")):
        refused = used.run("ledger", "list", option, time, **WITHOUT_AWS)
        assert refused.status == 2
        assert f"{option} '{time}' is out of range." in refused.stderr


def test_an_untouched_ledger_is_intact(used: Program) -> None:
    run = used.run("ledger", "verify", **WITHOUT_AWS)
    assert run.status == 0, run.shown
    assert "intact" in run.stdout


def test_an_edited_entry_is_found_and_named(used: Program, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "rootkeeper.db") as database:
        lift_guards(database)
        database.execute("UPDATE ledger_entries SET account_id = '111122223333' WHERE sequence = 4")
    database.close()
    run = used.run("ledger", "verify", "-o", "json", **WITHOUT_AWS)
    assert run.status == 1, run.shown
    assert run.json["intact"] is False
    assert run.json["first_bad_sequence"] == 4


def test_an_export_can_be_checked_by_anyone(used: Program, tmp_path: Path) -> None:
    target = tmp_path / "export.jsonl"
    run = used.run("ledger", "export", "--out", target, **WITHOUT_AWS)
    assert run.status == 0, run.shown
    entries = [parse_entry(line) for line in target.read_text().splitlines()]
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    assert all(compute_entry_hash(entry) == entry.entry_hash for entry in entries)
    assert used.run("ledger", "export", **WITHOUT_AWS).stdout == target.read_text()


def test_an_export_overwrites_nothing(used: Program, tmp_path: Path) -> None:
    target = tmp_path / "export.jsonl"
    target.write_text("evidence")
    run = used.run("ledger", "export", "--out", target, **WITHOUT_AWS)
    assert run.status == 2
    assert target.read_text() == "evidence"


def restore(backup: Path, folder: Path) -> None:
    """Put the copy in the place of the database; mirror and anchor stay."""
    for name in ("rootkeeper.db-wal", "rootkeeper.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(backup, folder / "rootkeeper.db")


def test_a_restored_database_is_refused_until_it_is_adopted(enabled: Program, tmp_path: Path) -> None:
    assert enabled.run("delete", "AnyCompany Data", "--yes").status == 0
    backup = Path(shutil.copy(tmp_path / "rootkeeper.db", tmp_path / "backup.db"))
    assert enabled.run("delete", "AnyCompany Web", "--yes").status == 0
    restore(backup, tmp_path)
    refused = enabled.run("delete", "AnyCompany Billing", "--yes")
    assert refused.status == 3, refused.shown
    assert "ledger adopt" in refused.stderr
    assert enabled.run("ledger", "verify").status == 1
    assert enabled.run("ledger", "adopt", **WITHOUT_AWS).status == 2
    adopted = enabled.run("ledger", "adopt", "--yes", "-o", "json", **WITHOUT_AWS)
    assert adopted.status == 1, adopted.shown
    require_fits(adopted.json, "adoption")
    assert adopted.json["adopted_entry"]
    assert adopted.json["search_failure"]
    assert "weren't looked for" in adopted.stderr
    accepted = enabled.run("delete", "AnyCompany Billing", "--yes")
    assert accepted.status == 0, accepted.shown


def test_p11_a_window_that_a_restore_lost_is_listed_by_awss_state_and_closed(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    lost = "900010002000"
    sandbox.put_root_user(lost, {})
    assert enabled.run("audit", "--fail-on", "none").status == 0
    backup = Path(shutil.copy(tmp_path / "rootkeeper.db", tmp_path / "backup.db"))
    opened = enabled.run("recover", lost, "--reason", "drill", "--for", "1h", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown
    restore(backup, tmp_path)
    assert enabled.run("windows", "list", "-o", "json").json["windows"] == []

    since = sandbox.last_request()
    planned = enabled.run("ledger", "adopt", "--dry-run")
    assert planned.status == 0, planned.shown
    assert "Then look for recovery windows" in planned.stderr
    assert sandbox.operations(since, mutating=True) == []
    adopted = enabled.run("ledger", "adopt", "--yes", "-o", "json")
    require_fits(adopted.json, "adoption")
    # A policy blocks two accounts, so what is open there isn't known.
    assert adopted.status == 1, adopted.shown
    assert [one["reason"] for one in adopted.json["unread_accounts"]] == ["blocked_by_policy"] * 2
    # On a new machine, entries of this search would otherwise pass for the last ones of the backup.
    assert f"rootkeeper ledger adopt --since {adopted.json['since']}" in " ".join(adopted.stderr.split())
    (found,) = adopted.json["lost_windows"]
    assert (found["account_id"], found["closing"], found["obstacle"]) == (lost, "closed", None)
    assert not sandbox.root_user(lost)["recovery_allowed"]
    (window,) = enabled.run("windows", "list", "-o", "json").json["windows"]
    assert (window["window_id"], window["state"]) == (found["window_id"], "CLOSED_VERIFIED")
    assert window["requested_by"] == "unknown"
    begins_at = render_timestamp(datetime.fromisoformat(adopted.json["since"]))
    begins = f"The search begins at {begins_at}, when the last entry before the restore was written."
    assert begins in " ".join(adopted.stderr.split())
    again = enabled.run("ledger", "adopt", "--yes", "-o", "json")
    assert (again.json["adopted_entry"], again.json["lost_windows"]) == (None, [])
    shown = enabled.run("ledger", "adopt", "--yes", "--since", adopted.json["since"], "-o", "json")
    assert shown.json["since"] == adopted.json["since"] == again.json["since"]
    assert "The search begins" not in shown.stderr
    assert enabled.run("ledger", "verify").status == 0


def test_p06_without_an_earlier_entry_the_time_of_the_backup_is_unknown_and_nothing_is_called_closed(
    enabled: Program, tmp_path: Path
) -> None:
    for path in tmp_path.glob("rootkeeper.db*"):
        path.unlink()
    assert enabled.run("windows", "list").status == 0
    adopted = enabled.run("ledger", "adopt", "--yes", "-o", "json")
    assert adopted.status == 1, adopted.shown
    require_fits(adopted.json, "adoption")
    assert adopted.json["since"] is None
    assert "the time of the backup isn't known" in adopted.json["search_failure"]
    assert "rootkeeper ledger adopt --since TIME" in adopted.stderr
