"""What a command shows through a server is what it shows straight on the database."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.functional.published_schemas import require_fits
from tests.functional.running import Run
from tests.functional.through_server.stage import ServedStage

SECURITY, NETWORK = "222233334444", "555566667777"
ORDERS, BUCKET = "888899990000", "amzn-s3-demo-orders-invoices"
MANAGEMENT = "111122223333"
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( UTC|Z)?")

SELECTING = (
    ("audit", "--refresh", "--details", SECURITY, "Network", "-o", "json"),
    ("audit", "--refresh", "--status", "present", "--all", "-o", "json"),
    ("audit", "--refresh", "--ou", "Root/Workloads", "--fail-on", "unknown", "-o", "json"),
    ("preflight", SECURITY, "-o", "json"),
    ("emails", "list", "--ou", "Root/Workloads", "--status", "present", "-o", "json"),
)


def without_times(document: Any) -> Any:
    """What may differ between two readings of the same: times, and the names of jobs."""
    if isinstance(document, dict):
        return {
            name: without_times(value)
            for name, value in document.items()
            if not (name.endswith("_at") or name in {"job_id", "plan_id", "detail"})
        }
    return [without_times(value) for value in document] if isinstance(document, list) else document


def run_both(stage: ServedStage, *arguments: str, name: str = "root-keeper") -> tuple[Run, Run]:
    """Straight on the database and through the server."""
    return stage.local.run(*arguments), stage.person(name).run(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "--refresh", "-o", "json"),
        ("preflight", "-o", "json"),
        ("failsafe", "check", "-o", "json"),
        ("emails", "list", "-o", "json"),
        *(pytest.param(arguments, marks=pytest.mark.long) for arguments in SELECTING),
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_a_reading_has_the_same_json_and_exit_status(stage: ServedStage, arguments: tuple[str, ...]) -> None:
    ours, theirs = run_both(stage, *arguments, name="aldo")
    assert ours.status == theirs.status, theirs.shown
    assert without_times(theirs.json) == without_times(ours.json)
    assert list(theirs.json) == list(ours.json)
    require_fits(theirs.json, arguments[0])


@pytest.mark.parametrize("output", ["table", "tree", "csv", "jsonl"])
def test_an_audit_looks_the_same_in_every_output(stage: ServedStage, output: str) -> None:
    ours, theirs = run_both(stage, "audit", "--ou", "Root/Security", "-o", output)
    assert sorted(theirs.stdout.splitlines()) == sorted(ours.stdout.splitlines())


@pytest.mark.parametrize("output", ["table", "csv", "sarif"])
@pytest.mark.parametrize("command", ["failsafe check", "emails list"])
def test_checks_and_addresses_look_the_same_as_table_and_findings(
    stage: ServedStage, command: str, output: str
) -> None:
    ours, theirs = run_both(stage, *command.split(), "-o", output)
    assert ours.status == theirs.status == 1, theirs.shown
    assert MOMENT.sub("", theirs.stdout) == MOMENT.sub("", ours.stdout)


def test_a_preflight_looks_the_same_as_matrix_and_tree(stage: ServedStage) -> None:
    for output in ("table", "tree"):
        ours, theirs = run_both(stage, "preflight", "--ou", "Root/Regulated", "-o", output)
        assert ours.status == theirs.status == 1, theirs.shown
        assert theirs.stdout == ours.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobs", "list", "-o", "json"),
        ("windows", "list", "-o", "json"),
        ("windows", "list", "--unfinished", "-o", "csv"),
        ("ledger", "list", "--limit", "5", "-o", "jsonl"),
        ("ledger", "list", "--since", "2", "--account", SECURITY, "-o", "json"),
        ("diff", "--list", "-o", "json"),
        ("history", SECURITY, "-o", "json"),
    ],
    ids=lambda arguments: " ".join(arguments),
)
def test_what_is_kept_is_shown_the_same(stage: ServedStage, arguments: tuple[str, ...]) -> None:
    assert stage.person("aldo").run("audit", SECURITY).status == 1
    ours, theirs = run_both(stage, *arguments, name="vera")
    assert ours.status == theirs.status == 0, theirs.shown
    assert theirs.stdout == ours.stdout


def test_two_audits_are_compared_the_same(stage: ServedStage) -> None:
    stage.person("aldo").run("audit")
    stage.sandbox.put_root_user("666677778888", {"access_keys": [{"access_key_id": "AKIAIOSFODNN7EXAMPLE"}]})
    stage.person("aldo").run("audit")
    ours, theirs = run_both(stage, "diff", "-o", "json", name="vera")
    assert ours.status == theirs.status == 1, theirs.shown
    assert theirs.json == ours.json
    assert [one["account_id"] for one in theirs.json["accounts"]] == ["666677778888"]
    assert stage.person("vera").run("diff", "--fail-on", "unknown").status == 0


def test_findings_of_an_audit_and_a_preflight_are_the_same(stage: ServedStage) -> None:
    for command in ("audit", "preflight"):
        ours, theirs = run_both(stage, command, "--ou", "Root/Security", "-o", "findings-jsonl", name="aldo")
        assert ours.status == theirs.status, theirs.shown
        found, same = ([json.loads(line) for line in run.stdout.splitlines()] for run in (ours, theirs))
        assert without_times(same) == without_times(found) != []
        require_fits(same[0], "finding")


def test_a_report_has_the_same_bytes_and_exit_status(stage: ServedStage) -> None:
    stage.person("aldo").run("audit")
    for name in ("html", "findings-csv"):
        period = ("--from", "1d", "--to", "2100-01-01", "--stale-after", "3650d")
        ours, theirs = run_both(stage, "report", *period, "--format", name, name="aldo")
        assert ours.status == theirs.status == 1, theirs.shown
        assert theirs.stdout == ours.stdout


def test_what_may_not_be_touched_is_refused_alike(stage: ServedStage, tmp_path: Path) -> None:
    for arguments in (
        ("plan", MANAGEMENT, "--out", str(tmp_path / "plan.json")),
        ("plan", "--ou", "Nowhere", "--out", "p"),
    ):
        ours, theirs = run_both(stage, *arguments)
        assert ours.status == theirs.status == 2, theirs.shown
        assert theirs.stderr.splitlines()[-2:] == ours.stderr.splitlines()[-2:]


def test_a_plan_of_the_server_is_a_plan(stage: ServedStage, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    run = stage.person("olga").run("plan", SECURITY, "--out", path, "-o", "json")
    assert run.status == 0, run.shown
    plan = json.loads(path.read_text())
    require_fits(plan, "plan-file")
    assert plan["created_by"] == "olga"
    assert [account["account_id"] for account in run.json["accounts"]] == [SECURITY]


def test_a_locked_bucket_is_shown_the_same(stage: ServedStage) -> None:
    for arguments in (("unlock", "s3", ORDERS), ("unlock", "s3", ORDERS, BUCKET)):
        for output in ("json", "table"):
            ours, theirs = run_both(stage, *arguments, "-o", output, name="olga")
            assert ours.status == theirs.status == 0, theirs.shown
            assert theirs.stdout == ours.stdout
