"""Jobs as lists and one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.changes.removal_rules import AccountDeletion, KindOutcome, KindResult
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.jobs import job_record, render_progress, render_remark, show_job, show_jobs
from rootkeeper.cli.terminal import Terminal
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import CredentialKind
from tests.unit.cli.rendering.samples import NOW

JOB = Job(
    job_id="j-0011223344",
    organization_id="o-exampleorgid",
    endpoint="SANDBOX 127.0.0.1:4599",
    kind=JobKind.DELETION,
    state=JobState.INTERRUPTED,
    created_by="ana@host",
    created_at=NOW - timedelta(hours=2),
    updated_at=NOW,
    parameters={"plan_id": "plan-1", "selection": "--ou Prod"},
    progress=JobProgress(12, 5, 1, 2),
    remark="The run was interrupted. 7 left to do.",
    owner="ana (process 7 on host)",
)
RESULT = AccountDeletion(
    AccountId("444455556666"), "Shop", "Root/Prod", (KindResult(CredentialKind.PASSWORD, KindOutcome.DELETED),)
)


def test_progress_is_shown_with_what_was_found() -> None:
    assert render_progress(JOB.progress) == "5 of 12, 1 present, 2 unknown"
    assert render_progress(JobProgress(None, 1200)) == "1,200"


def test_only_what_can_go_on_says_how() -> None:
    assert render_remark(JOB, NOW).endswith("Resume it: rootkeeper jobs resume j-0011223344")
    assert render_remark(replace(JOB, state=JobState.DONE, remark=None), NOW) == ""


def test_what_has_expired_says_how_to_end_it() -> None:
    job = replace(JOB, parameters={"not_after": NOW.isoformat()})
    assert "jobs resume" in render_remark(job, NOW - timedelta(seconds=1))
    assert render_remark(job, NOW).endswith("Its plan has expired. End it: rootkeeper jobs cancel j-0011223344")


def test_a_list_of_jobs_has_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    show_jobs([JOB], OutputFormat.JSON, Terminal({}), NOW)
    document = json.loads(capsys.readouterr().out)
    assert document == {"schema_version": 1, "jobs": [job_record(JOB)]}
    assert document["jobs"][0]["progress"] == {
        "total": 12,
        "done": 5,
        "present": 1,
        "unknown": 2,
        "unread": 0,
        "listed": 0,
    }


def test_a_table_shows_how_far_each_job_is(capsys: pytest.CaptureFixture[str]) -> None:
    show_jobs([JOB], OutputFormat.TABLE, Terminal({}), NOW)
    shown = capsys.readouterr().out
    for said in ("j-0011223344", "deletion", "interrupted", "5 of 12", "2 hours ago", "ana@host"):
        assert said in shown
    show_jobs([], OutputFormat.TABLE, Terminal({}), NOW)
    assert capsys.readouterr().err == "No jobs.\n"


def test_one_job_is_shown_with_its_accounts(capsys: pytest.CaptureFixture[str]) -> None:
    show_job(JOB, [RESULT], OutputFormat.TABLE, Terminal({}), NOW)
    shown = capsys.readouterr().out
    for said in ("SANDBOX 127.0.0.1:4599", "ana (process 7 on host)", "--ou Prod", "plan-1", "444455556666"):
        assert said in shown
    show_job(JOB, [RESULT], OutputFormat.JSON, Terminal({}), NOW)
    document = json.loads(capsys.readouterr().out)
    assert [account["account_id"] for account in document["accounts"]] == ["444455556666"]


def test_a_selection_of_very_many_accounts_is_cut_short_and_made_safe(capsys: pytest.CaptureFixture[str]) -> None:
    job = replace(JOB, parameters={"selection": "444455556666 " * 50 + "\x1b[31m"}, created_by="a\x1b[2Jb")
    show_job(job, [], OutputFormat.TABLE, Terminal({}), NOW)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert max(map(len, shown.splitlines())) < 160
