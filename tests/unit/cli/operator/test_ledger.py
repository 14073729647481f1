"""The ledger through a server: its verdict is shown as one's own, and nothing else is taken for a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.errors import DatabaseError
from rootkeeper.jobs.rules import JobKind, JobState, problem_to_record
from rootkeeper.ledger.rules import LedgerVerification, verification_to_record
from tests.fakes.remote_desk import JOB, NOW, RemoteDesk, job_record, pressing_ctrl_c
from tests.fakes.rootkeeper_server import problem
from tests.functional.published_schemas import require_fits

VERIFYING = replace(JOB, kind=JobKind.LEDGER_VERIFICATION)
HASH = "ab" * 32
INTACT = LedgerVerification(1234, 1234, HASH, None, None, 1200)
EDITED = LedgerVerification(1234, 1234, HASH, 7, "Entry 7 was edited: its hash doesn't fit.", None)
FORGETFUL = replace(INTACT, missing_memory="The memory of the last heads is missing.")
UNPLACED = replace(EDITED, first_bad_sequence=None, problem="The mirror is another ledger's.")
CONTRADICTED = replace(UNPLACED, problem="Window w-1 contradicts it.", further_problems=("Window w-2 contradicts it.",))


def come_to(desk: RemoteDesk, state: JobState, outcome: Any = None, remark: str | None = None) -> None:
    """Let the server take a verification in, and end it so."""
    ended = replace(VERIFYING, state=state, ended_at=NOW, remark=remark)
    desk.server.answer("POST ledger/verifications", job_record(VERIFYING))
    desk.server.answer("GET jobs/job-1", job_record(ended))
    nothing = problem(404, "input.not_found", "There is no outcome.")
    desk.server.answer("GET jobs/job-1/outcome", nothing if outcome is None else outcome)


@pytest.mark.parametrize(
    ("found", "state", "status"),
    [
        (INTACT, JobState.DONE, 0),
        (replace(INTACT, anchored_sequence=None), JobState.DONE, 0),
        (FORGETFUL, JobState.DONE, 0),
        (EDITED, JobState.FAILED, 1),
        (UNPLACED, JobState.FAILED, 1),
        (CONTRADICTED, JobState.FAILED, 1),
    ],
)
def test_a_verdict_is_shown_whole(desk: RemoteDesk, found: LedgerVerification, state: JobState, status: int) -> None:
    come_to(desk, state, verification_to_record(found))
    run = desk.run("ledger", "verify", "-o", "json")
    assert run.status == status, run.shown
    require_fits(run.json, "ledger-verification")
    assert run.json == {
        "schema_version": 1,
        "intact": status == 0,
        "entry_count": found.entries,
        "head_sequence": found.head_sequence,
        "head_hash": found.head_hash,
        "first_bad_sequence": found.first_bad_sequence,
        "problem": found.problem,
        "anchored_sequence": found.anchored_sequence,
        "missing_memory": found.missing_memory,
        "further_problems": list(found.further_problems),
    }
    assert [path for path, _ in desk.posted] == ["ledger/verifications"]


def test_a_verdict_is_said_in_words(desk: RemoteDesk) -> None:
    come_to(desk, JobState.DONE, verification_to_record(INTACT))
    assert f"The ledger is intact: 1,234 entries, head {HASH}." in desk.run("ledger", "verify").stdout
    come_to(desk, JobState.DONE, verification_to_record(FORGETFUL))
    run = desk.run("ledger", "verify")
    assert "The ledger is intact" in run.stdout
    assert "The memory of the last heads is missing." in run.stderr
    come_to(desk, JobState.FAILED, verification_to_record(EDITED))
    assert "NOT intact, entry 7: Entry 7 was edited" in desk.run("ledger", "verify").stdout
    come_to(desk, JobState.FAILED, verification_to_record(CONTRADICTED))
    run = desk.run("ledger", "verify")
    assert [line for line in run.stdout.splitlines() if line.startswith("✗")] == [
        "✗ The ledger is NOT intact: Window w-1 contradicts it.",
        "✗ Window w-2 contradicts it.",
    ]
    assert "adopt" not in run.stderr, "the loss of a copy isn't the problem"


def test_what_a_server_answers_steers_no_terminal(desk: RemoteDesk) -> None:
    come_to(desk, JobState.FAILED, verification_to_record(replace(EDITED, problem="Edited.\x1b[2K\r✓ Intact.")))
    run = desk.run("ledger", "verify")
    assert run.status == 1, run.shown
    assert "\x1b" not in run.stdout
    assert "NOT intact, entry 7: Edited." in run.stdout


def test_a_role_that_does_not_verify_is_refused(desk: RemoteDesk) -> None:
    desk.server.answer("POST ledger/verifications", problem(403, "access.denied", "vera may not.", "Ask an auditor."))
    run = desk.run("ledger", "verify")
    assert run.status == 3, run.shown
    assert "error: vera may not." in run.stderr
    assert run.stdout == ""


def test_what_keeps_a_server_from_its_ledger_is_no_verdict(desk: RemoteDesk) -> None:
    come_to(desk, JobState.FAILED, problem_to_record(DatabaseError("The mirror can't be read.")))
    run = desk.run("ledger", "verify")
    assert run.status == 3, run.shown
    assert "error: The mirror can't be read." in run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize("left", [None, verification_to_record(INTACT)], ids=["nothing", "a good verdict before"])
def test_a_job_that_failed_says_nothing_good(desk: RemoteDesk, left: Any) -> None:
    come_to(desk, JobState.FAILED, left, remark="An error in the program ended the job.")
    run = desk.run("ledger", "verify")
    assert run.status == 3, run.shown
    assert "Job job-1 failed: An error in the program ended the job." in run.stderr
    assert run.stdout == ""


@pytest.mark.parametrize(
    "outcome",
    [
        verification_to_record(INTACT) | {"is_intact": False},
        verification_to_record(EDITED) | {"is_intact": True},
        {"schema_version": 1},
        verification_to_record(INTACT) | {"entries": "many"},
        problem_to_record(DatabaseError("No.")),
    ],
    ids=["bad without a finding", "good with a finding", "empty", "no number", "problem"],
)
def test_a_verdict_that_contradicts_itself_is_not_taken_for_one(desk: RemoteDesk, outcome: Any) -> None:
    come_to(desk, JobState.DONE, outcome)
    run = desk.run("ledger", "verify", "-o", "json")
    assert run.status == 3, run.shown
    assert "can't be understood" in run.stderr
    assert run.stdout == ""


def test_a_verification_that_was_cancelled_has_no_verdict(desk: RemoteDesk) -> None:
    come_to(desk, JobState.CANCELLED, verification_to_record(INTACT))
    run = desk.run("ledger", "verify")
    assert run.status == 130, run.shown
    assert "Job job-1 was cancelled." in run.stderr
    assert run.stdout == ""


def test_ctrl_c_leaves_a_verification_to_the_server(desk: RemoteDesk) -> None:
    come_to(desk, JobState.DONE, verification_to_record(INTACT))
    desk.server.answer("GET jobs/job-1", job_record(replace(VERIFYING, state=JobState.RUNNING)))
    with pressing_ctrl_c(lambda: "GET jobs/job-1" in desk.server.lines):
        run = desk.run("ledger", "verify")
    assert run.status == 130, run.shown
    assert "Job job-1 continues on the server. See it: rootkeeper jobs show job-1" in run.stderr
    assert run.stdout == ""
    assert [path for path, _ in desk.posted] == ["ledger/verifications"]


def test_a_verification_that_was_interrupted_is_asked_for_again_because_nothing_resumes_it(
    desk: RemoteDesk,
) -> None:
    come_to(desk, JobState.INTERRUPTED, remark="The mirror can't be read.")
    with pressing_ctrl_c(lambda: "GET jobs/job-1" in desk.server.lines):
        run = desk.run("ledger", "verify")
    assert run.status == 130, run.shown
    assert "Job job-1 is interrupted: The mirror can't be read." in run.stderr
    assert "Run the command again." in run.stderr
    assert "jobs resume" not in run.stderr
    assert run.stdout == ""


def test_there_is_no_csv_of_a_verdict_and_nothing_is_asked_for(desk: RemoteDesk) -> None:
    assert desk.run("ledger", "verify", "-o", "csv").status == 2
    assert desk.server.asked == []
