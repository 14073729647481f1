"""P07: what only looks changes nothing: zero mutating calls, and no root session but audit ones."""

from __future__ import annotations

import pytest

from tests.functional.promises.command_lines import TRIED_ELSEWHERE, list_commands
from tests.functional.promises.locked_resources import LOCKED_BUCKET, LOCKED_QUEUE
from tests.functional.promises.stage import CLEAN, EVERYTHING, FAILSAFE, UNIT, Stage, assert_clean_ending, read_rows
from tests.functional.promises.unfinished_runs import interrupt_deletion

AUDIT_POLICY = "IAMAuditRootUserCredentials"

EMAIL_CHANGE = (EVERYTHING, "aws+new@example.com", "--reason", "drill", "--override")
DRY_RUNS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("apply",): ("apply", "{folder}/plan.json"),
    ("controls", "attest"): (
        *("controls", "attest", "cis-7.0/5.3", "--owner", "Ana", "--reason", "drill", "--until", "30d"),
    ),
    ("delete",): ("delete", "--all"),
    ("disable",): ("disable", "--trusted-access"),
    ("emails", "attest"): ("emails", "attest", "aws@example.com", "--by", "Ana", "--until", "30d"),
    ("emails", "change"): ("emails", "change", *EMAIL_CHANGE),
    ("enable",): ("enable", "--delegated-administrator", FAILSAFE),
    ("exceptions", "add"): ("exceptions", "add", CLEAN, "--owner", "Ana", "--reason", "drill", "--until", "30d"),
    ("exceptions", "remove"): ("exceptions", "remove", UNIT[0]),
    ("failsafe", "attest"): (
        *("failsafe", "attest", FAILSAFE, "--claim", "kept", "--owner", "Ana", "--reason", "drill", "--until", "30d"),
    ),
    ("failsafe", "record-drill"): (
        *("failsafe", "record-drill", FAILSAFE),
        *("--by", "Ana", "--at", "2026-01-01", "--outcome", "passed"),
    ),
    ("failsafe", "set-up"): ("failsafe", "set-up", FAILSAFE),
    ("jobs", "resume"): ("jobs", "resume", "{job}"),
    ("ledger", "adopt"): ("ledger", "adopt"),
    ("recover",): ("recover", "Shop Prod", "--reason", "drill"),
    ("report", "send"): ("report", "send", "--to", "file:{folder}/evidence.json"),
    ("status",): ("status", "--accept"),
    ("unlock", "s3"): ("unlock", "s3", *LOCKED_BUCKET, "--remove"),
    ("unlock", "sqs"): ("unlock", "sqs", *LOCKED_QUEUE, "--corrected"),
    ("windows", "close"): ("windows", "close", CLEAN),
}
READING: dict[tuple[str, ...], tuple[str, ...]] = {
    ("audit",): ("audit", "--details"),
    ("breakglass",): ("breakglass",),
    ("controls", "frameworks"): ("controls", "frameworks"),
    ("controls", "list"): ("controls", "list", "--framework", "cis-7.0"),
    ("controls", "show"): ("controls", "show", "cis-7.0/2.4"),
    ("database", "backup"): ("database", "backup", "--to", "{folder}/backups"),
    ("database", "check"): ("database", "check"),
    ("diff",): ("diff", "--list"),
    ("doctor",): ("doctor",),
    ("emails", "list"): ("emails", "list"),
    ("exceptions", "list"): ("exceptions", "list"),
    ("failsafe", "check"): ("failsafe", "check"),
    ("failsafe", "runbook"): ("failsafe", "runbook"),
    ("history",): ("history", CLEAN),
    ("jobs", "list"): ("jobs", "list"),
    ("jobs", "show"): ("jobs", "show", "{job}"),
    ("ledger", "export"): ("ledger", "export"),
    ("ledger", "list"): ("ledger", "list"),
    ("ledger", "verify"): ("ledger", "verify"),
    ("notifications", "list"): ("notifications", "list"),
    ("plan",): ("plan", "--all", "--out", "{folder}/second.json"),
    ("policies", "alarms"): ("policies", "alarms"),
    ("policies", "cloudformation"): ("policies", "cloudformation"),
    ("policies", "roles"): ("policies", "roles"),
    ("policies", "scp"): ("policies", "scp"),
    ("policies", "terraform"): ("policies", "terraform"),
    ("preflight",): ("preflight",),
    ("report", "write"): ("report", "--from", "30d"),
    ("status",): ("status",),
    ("token", "list"): ("token", "list"),
    ("users", "list"): ("users", "list"),
    ("windows", "list"): ("windows", "list"),
    ("windows", "report"): ("windows", "report", CLEAN),
    ("windows", "show"): ("windows", "show", CLEAN),
}
ENDING_JOBS: dict[tuple[str, ...], tuple[str, ...]] = {("jobs", "cancel"): ("jobs", "cancel", "{job}")}
"""Changes a job of our own and nothing else."""
ON_SANDBOXES_OF_THEIR_OWN = {("demo",), ("sandbox",)}
QUICK = {("audit",), ("plan",), ("preflight",), ("delete",), ("enable",), ("recover",), ("unlock", "s3")}
"""Of the commands that only look, those that the quick suite tries too."""


def test_p07_every_command_is_either_reading_or_has_a_dry_run() -> None:
    assert list_commands("--dry-run") - TRIED_ELSEWHERE == set(DRY_RUNS)
    assert list_commands() - ON_SANDBOXES_OF_THEIR_OWN - TRIED_ELSEWHERE == {*DRY_RUNS, *READING, *ENDING_JOBS}


def fill_in(stage: Stage, arguments: tuple[str, ...], job_id: str) -> list[str]:
    return [word.format(folder=stage.folder, job=job_id) for word in arguments]


def assert_changes_nothing(stage: Stage, *arguments: str) -> None:
    """Neither in AWS nor in what the product decides by."""
    tables = ("recovery_windows", "deletion_exceptions", "email_attestations", "accepted_setups")
    statements = [f"SELECT * FROM {table}" for table in tables]  # noqa: S608 - names of our own
    statements.append(
        "SELECT * FROM ledger_entries WHERE action IN ('control:attest', 'failsafe:attest', 'failsafe:drill')"
    )
    statements.append("SELECT * FROM failsafe_confirmations WHERE basis = 'attestation'")
    kept = [read_rows(stage.database, statement) for statement in statements]
    truth, since = stage.sandbox.organization(), stage.sandbox.last_request()
    run = stage.run(*arguments)
    assert_clean_ending(run, 0, 1)
    requests = stage.sandbox.requests(since)
    assert [request for request in requests if request["mutating"]] == [], run.shown
    assert {request["task_policy"] for request in requests} <= {None, AUDIT_POLICY}, run.shown
    assert stage.sandbox.organization() == truth
    assert [read_rows(stage.database, statement) for statement in statements] == kept


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "commands",
    [
        pytest.param(QUICK, id="of each kind"),
        pytest.param({*DRY_RUNS, *READING, *ENDING_JOBS}, id="all", marks=pytest.mark.long),
    ],
)
def test_p07_dry_runs_and_reading_commands_make_no_changing_call_and_open_audit_sessions_only(
    stage: Stage, commands: set[tuple[str, ...]]
) -> None:
    excepted = stage.run("exceptions", "add", UNIT[0], "--owner", "Ana", "--reason", "drill", "--until", "30d", "--yes")
    assert excepted.status == 0, excepted.shown
    planned = stage.run("plan", EVERYTHING, "--out", stage.folder / "plan.json", "--fail-on", "none")
    assert planned.status == 0, planned.shown
    job_id = interrupt_deletion(stage)
    stage.sandbox.put_root_user(FAILSAFE, {})  # else there is nothing to set up
    assert_changes_nothing(stage, *DRY_RUNS["disable",], "--dry-run")  # refused while a window is open
    opened = stage.run("recover", CLEAN, "--reason", "drill", "--for", "10s", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown
    for command in sorted(commands & DRY_RUNS.keys() - {("disable",)}):
        assert_changes_nothing(stage, *fill_in(stage, DRY_RUNS[command], job_id), "--dry-run")
    for command, arguments in (READING | ENDING_JOBS).items():
        if command in commands:
            assert_changes_nothing(stage, *fill_in(stage, arguments, job_id))


def test_p07_nothing_is_switched_on_by_looking(bare_stage: Stage) -> None:
    truth, since = bare_stage.sandbox.organization(), bare_stage.sandbox.last_request()
    plan = ("plan", "--all", "--out", str(bare_stage.folder / "plan.json"))
    for arguments, status in ((("status",), 1), (("audit",), 3), (plan, 3)):
        assert_clean_ending(bare_stage.run(*arguments), status)
    assert_clean_ending(bare_stage.run("enable", "--dry-run"), 0)
    assert bare_stage.sandbox.operations(since, mutating=True) == []
    assert bare_stage.sandbox.organization() == truth


def test_p07_without_a_person_or_a_yes_nothing_is_done(stage: Stage) -> None:
    job_id = interrupt_deletion(stage)
    truth = stage.sandbox.organization()
    assert stage.run("plan", EVERYTHING, "--out", stage.folder / "plan.json", "--fail-on", "none").status == 0
    since = stage.sandbox.last_request()
    for arguments in DRY_RUNS.values():
        run = stage.run(*fill_in(stage, arguments, job_id))
        assert_clean_ending(run, 2)
        assert "--yes" in run.stderr, run.shown
    assert stage.privileged(since) == []
    assert stage.sandbox.organization() == truth
