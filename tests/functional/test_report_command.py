"""``rootkeeper report`` as an auditor runs it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.functional.administration import Administration
from tests.functional.conversation import converse
from tests.functional.running import Program, Runner, open_program
from tests.sandbox_process import SandboxProcess

FAILSAFE, SHOP_TEST = "222233334444", "Shop Test"
NO_AWS = {"AWS_ENDPOINT_URL": None, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
FORMATS = ("html", "csv", "json", "markdown")


@pytest.fixture(scope="module")
def audit(running_sandbox: SandboxProcess, runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that an accepted set-up and one audit leave; not to be changed."""
    folder = tmp_path_factory.mktemp("audit")
    running_sandbox.reset()
    Administration(running_sandbox).set_up()
    program = open_program(running_sandbox, folder, runner)
    assert program.run("status", "--accept", "--yes").status == 0
    assert program.run("audit", "--fail-on", "none").status == 0
    return folder


@pytest.fixture
def audited(audit: Path, enabled: Program, tmp_path: Path) -> Program:
    """With one audit in its database."""
    shutil.copytree(audit, tmp_path, dirs_exist_ok=True)
    return enabled


def test_a_report_needs_no_aws_and_names_its_findings_by_the_exit_status(audited: Program) -> None:
    run = audited.run("report", "--from", "1d", "-o", "json", **NO_AWS)
    assert run.status == 1, run.shown
    assert run.json["verdicts"]["centralized"]["verdict"] == "manual"
    assert run.json["verdicts"]["no_root_credentials"]["verdict"] == "fail"
    assert run.json["drift"]["differences"] == []
    assert run.json["period"]["stale_after"] == "30d"
    own = {**NO_AWS, "ROOTKEEPER_HISTORY_STALE_AFTER": "7d"}
    again = audited.run("report", "--from", "1d", "-o", "json", "--fail-on", "none", **own)
    assert (again.status, again.json["period"]["stale_after"]) == (0, "7d")


def test_every_format_comes_to_stdout_and_into_a_file(audited: Program, tmp_path: Path) -> None:
    for name in FORMATS:
        arguments = ("report", "--from", "1d", "--to", "2100-01-01", "--stale-after", "3650d", "--format", name)
        shown = audited.run(*arguments, "--fail-on", "none")
        assert shown.status == 0, shown.shown
        assert "SANDBOX 127.0.0.1" in shown.stdout
        out = tmp_path / f"evidence.{name}"
        assert audited.run(*arguments, "--out", out, "--fail-on", "none").status == 0
        assert out.read_text() == shown.stdout


def test_a_package_of_a_real_database_is_verified_by_a_bare_python(audited: Program, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    run = audited.run("report", "--from", "1d", "--out", out, "--fail-on", "none", **NO_AWS)
    assert run.status == 0, run.shown
    with ZipFile(out) as archive:
        archive.extract("verify.py", tmp_path)
        report = json.loads(archive.read("report.json"))
        entries = archive.read("ledger.jsonl").splitlines()
    script = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(out)]
    verified = subprocess.run(script, env={}, capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
    assert report["ledger"]["head_hash"] in verified.stdout
    assert len(entries) == report["ledger"]["entries"] > 0


def test_no_zip_is_written_to_a_terminal(program: Program) -> None:
    with converse(program, "report", "--from", "1d", "--format", "package") as conversation:
        assert conversation.end() == 2
        assert "A terminal can't show Evidence package." in conversation.text
        assert "--out FILE.zip" in conversation.text


def test_a_file_is_replaced_at_once_and_nothing_is_left_beside_it(audited: Program, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    out = folder / "evidence.html"
    out.write_text("the last quarter's")
    run = audited.run("report", "--from", "1d", "--out", out, "--fail-on", "none")
    assert run.status == 0, run.shown
    assert str(out) in run.stderr
    assert run.stdout == ""
    assert list(folder.iterdir()) == [out]
    assert out.read_text().startswith("<!doctype html>")
    assert stat.S_IMODE(out.stat().st_mode) & 0o600 == 0o600


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "yesterday"), "--from"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "which isn't after its start"),
        (("--from", "1d", "--out", "evidence.txt"), "--format"),
        (("--from", "1d", "--organization", "o-otherorgid00"), "o-exampleorgid"),
        (("--from", "1d", "--stale-after", "soon"), "--stale-after"),
        (("--from", "1d", "--out", "/proc/nothing/evidence.html"), "can't be written"),
        ((), "--from"),
    ],
)
def test_wrong_usage_is_reported_with_what_to_do(audited: Program, arguments: tuple[str, ...], said: str) -> None:
    run = audited.run("report", *arguments)
    assert run.status == 2, run.shown
    assert said in run.stderr
    assert "Traceback" not in run.stderr


def test_without_a_database_there_is_no_evidence(program: Program) -> None:
    run = program.run("report", "--from", "1d", **NO_AWS)
    assert run.status == 3, run.shown
    assert "no database" in run.stderr


def test_a_past_period_shows_nothing_that_was_read_today(audited: Program) -> None:
    run = audited.run("report", "--from", "2020-01-01", "--to", "2020-12-31", "-o", "json")
    assert run.status == 1, run.shown
    verdicts = {name: assessment["verdict"] for name, assessment in run.json["verdicts"].items()}
    assert set(verdicts) == {"centralized", "no_root_credentials", "no_root_credentials_in_period"}
    assert set(verdicts.values()) == {"unknown"}
    assert {account["no_root_credentials"] for account in run.json["accounts"]} <= {"unknown", "not_applicable"}


def test_a_key_that_appeared_and_was_gone_again_is_in_every_format_and_fails_the_control(
    enabled: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    for account_id in sandbox.accounts():
        sandbox.put_root_user(account_id, {})
    account_id = next(name for name, one in sandbox.accounts().items() if one["name"] == SHOP_TEST)
    for keys in (0, 1, 0):
        sandbox.put_root_user(account_id, {"access_keys": [{}] * keys})
        assert enabled.run("audit", "--fail-on", "none").status == 0
    run = enabled.run(
        "report", "--from", "1d", "--framework", "cis-7.0", "-o", "json", "--fail-on", "present", **NO_AWS
    )
    assert run.status == 1, run.shown
    (change,) = run.json["changes"]
    assert (change["account_id"], change["name"], change["kind"]) == (account_id, SHOP_TEST, "access_keys")
    assert (change["explained"], change["window_id"], change["audits"]) == (False, None, 1)
    assert change["not_before"] <= change["from"] <= change["until"]
    assert run.json["verdicts"]["no_root_credentials"]["verdict"] != "fail"
    assert run.json["verdicts"]["no_root_credentials_in_period"]["verdict"] == "fail"
    key = next(one for one in run.json["controls"] if one["checks"][0]["check"] == "no_root_key")
    assert key["verdict"] == "fail"
    assert (account_id, "no_root_key") in {(one["account_id"], one["check"]) for one in run.json["control_accounts"]}
    assert enabled.run("report", "--from", "1d", "--fail-on", "present", **NO_AWS).status == 1
    for name in ("html", "csv", "markdown", "oscal"):
        text = enabled.run("report", "--from", "1d", "--format", name, "--fail-on", "none", **NO_AWS).stdout
        assert change["audit_ids"][0] in text, name
        assert "unexplained" in text or "No recovery window explains it" in text, name
    for name in ("pdf", "package"):
        out = tmp_path / name
        assert (
            enabled.run("report", "--from", "1d", "--format", name, "--out", str(out), "--fail-on", "none").status == 0
        )
    with ZipFile(tmp_path / "package") as archive:
        assert json.loads(archive.read("report.json"))["changes"] == [change]


def test_the_password_of_a_closed_window_is_explained_by_it(audited: Program) -> None:
    recovered = audited.run("recover", SHOP_TEST, "--reason", "Test", "--for", "10s", "--yes", "-o", "json")
    assert recovered.status == 0, recovered.shown
    report = audited.run("report", "--from", "1d", "-o", "json", "--fail-on", "none").json
    (window,) = report["windows"]
    assert window["state"] == "CLOSED_VERIFIED"
    changes = [one for one in report["changes"] if one["account_id"] == window["account_id"]]
    assert {one["kind"]: one["window_id"] for one in changes}["password"] == window["window_id"]


def test_windows_deletions_and_exceptions_of_the_period_are_in_it(audited: Program, sandbox: SandboxProcess) -> None:
    opened = audited.run("recover", SHOP_TEST, "--reason", "=cmd()", "--ticket", "INC-1", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown
    deleted = audited.run("delete", "Orders Prod", "--yes", "-o", "json")
    assert deleted.status == 0, deleted.shown
    excepted = audited.run(
        "exceptions", "add", "Search Prod", "--owner", "Ana", "--reason", "Needed", "--until", "30d", "--yes"
    )
    assert excepted.status == 0, excepted.shown
    report = audited.run("report", "--from", "1d", "-o", "json").json
    (window,) = report["windows"]
    assert (window["state"], window["approved"], window["ticket"]) == ("OPEN", False, "INC-1")
    assert {deletion["result"] for deletion in report["deletions"]} == {"done"}
    assert [exception["owner"] for exception in report["exceptions"]] == ["Ana"]
    recovering = next(account for account in report["accounts"] if account["name"] == SHOP_TEST)
    assert (recovering["status"], recovering["credentials"]["password"]["present"]) == ("recovery_open", None)
    csv = audited.run("report", "--from", "1d", "-o", "csv", "--fail-on", "none").stdout
    assert "Approved by: unapproved. Reason: =cmd() (INC-1)." in csv
    closed = audited.run("windows", "close", SHOP_TEST, "--yes")
    assert closed.status == 0, closed.shown
    after = audited.run("report", "--from", "1d", "-o", "json").json
    account = next(one for one in after["accounts"] if one["name"] == SHOP_TEST)
    assert account["no_root_credentials"] == "pass"
    assert "recovery window was closed" in account["credentials"]["password"]["method"]


def test_an_altered_ledger_is_named_and_is_a_finding(audited: Program) -> None:
    database = audited.environment["ROOTKEEPER_DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("UPDATE ledger_entries SET actor = 'another person' WHERE sequence = 1")
    run = audited.run("report", "--from", "1d", "-o", "json", "--fail-on", "present")
    assert run.status == 1, run.shown
    assert run.json["ledger"]["intact"] is False
    assert json.dumps(run.json["gaps"]).count("Entry 1 was edited") == 1
