"""Whole jobs on one account: how they begin, which command does them, and how it is seen that they are done."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.functional.administration import Administration
from tests.functional.promises.locked_resources import (
    LOCKED_BUCKET,
    LOCKED_BUCKET_ARN,
    LOCKED_QUEUE,
    describe_policy,
    find_policy,
)
from tests.functional.promises.stage import CLEAN, EVERYTHING, FAILSAFE, Stage
from tests.functional.running import Run

NEW_ADDRESS = "aws+renamed@example.com"


@dataclass(frozen=True, slots=True)
class Job:
    """A command line that changes something."""

    name: str
    arguments: tuple[str, ...]
    """``{folder}`` is filled in."""
    mutating: tuple[str, ...]
    """The changing operations that it sends, in order."""
    is_done: Callable[[Stage], bool]
    """By the sandbox's truth."""
    is_enabled_before: bool = True
    prepare: Callable[[Stage], None] = lambda _: None
    good: int = 0
    """Its exit status when it is done."""

    def run(self, stage: Stage, **options: Any) -> Run:
        return stage.run(*(word.format(folder=stage.folder) for word in self.arguments), **options)


def _open_window(stage: Stage) -> None:
    opened = stage.run("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown


def _trust_account_management(stage: Stage) -> None:
    Administration(stage.sandbox).trust_account_management()


def _start_email_change(stage: Stage) -> None:
    _trust_account_management(stage)
    started = START_EMAIL_CHANGE.run(stage)
    assert started.status == START_EMAIL_CHANGE.good, started.shown
    save_one_time_password(stage)


def save_one_time_password(stage: Stage) -> None:
    """Out of the one mail that was sent, for the job that accepts the change."""
    (mail,) = stage.sandbox.mailbox(NEW_ADDRESS)
    found = re.search(r"Verification code: (\w+)", str(mail["body"]))
    assert found, mail
    (stage.folder / "otp").write_text(found[1])


DELETE = Job(
    "delete",
    ("delete", EVERYTHING, "--yes", "-o", "json"),
    (
        "DeleteAccessKey",
        "DeleteAccessKey",
        "DeleteSigningCertificate",
        "DeleteLoginProfile",
        "DeactivateMFADevice",
    ),
    lambda stage: stage.is_bare(EVERYTHING),
)
RECOVER = Job(
    "recover",
    ("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes", "-o", "json"),
    ("CreateLoginProfile",),
    lambda stage: stage.sandbox.root_user(CLEAN)["recovery_allowed"] and stage.windows(CLEAN) == ["OPEN"],
)
CLOSE = Job(
    "close",
    ("windows", "close", CLEAN, "--yes", "-o", "json"),
    ("DeleteLoginProfile",),
    lambda stage: stage.is_bare(CLEAN) and stage.windows(CLEAN) == ["CLOSED_VERIFIED"],
    prepare=_open_window,
)
ENABLE = Job(
    "enable",
    ("enable", "--delegated-administrator", FAILSAFE, "--yes", "-o", "json"),
    (
        "EnableAWSServiceAccess",
        "EnableOrganizationsRootCredentialsManagement",
        "EnableOrganizationsRootSessions",
        "RegisterDelegatedAdministrator",
    ),
    lambda stage: _describe_setup(stage) == (2, ["iam.amazonaws.com"], [FAILSAFE]),
    is_enabled_before=False,
)
DISABLE = Job(
    "disable",
    ("disable", "--trusted-access", "--yes", "-o", "json"),
    (
        "DisableOrganizationsRootCredentialsManagement",
        "DisableOrganizationsRootSessions",
        "DeregisterDelegatedAdministrator",
        "DisableAWSServiceAccess",
    ),
    lambda stage: _describe_setup(stage) == (0, [], []),
)
OPEN_BUCKET = Job(
    "open bucket",
    ("unlock", "s3", *LOCKED_BUCKET, "--remove", "--yes", "-o", "json"),
    ("DeleteBucketPolicy",),
    lambda stage: find_policy(stage, "s3") is None,
)
CORRECT_BUCKET = Job(
    "correct bucket",
    ("unlock", "s3", *LOCKED_BUCKET, "--corrected", "--yes", "-o", "json"),
    ("PutBucketPolicy",),
    lambda stage: find_policy(stage, "s3") == describe_policy([LOCKED_BUCKET_ARN, f"{LOCKED_BUCKET_ARN}/*"]),
)
OPEN_QUEUE = Job(
    "open queue",
    ("unlock", "sqs", *LOCKED_QUEUE, "--regions", "us-east-1", "--corrected", "--yes", "-o", "json"),
    ("SetQueueAttributes",),
    lambda stage: find_policy(stage, "sqs") is None,
)
START_EMAIL_CHANGE = Job(
    "start an e-mail change",
    ("emails", "change", CLEAN, NEW_ADDRESS, "--reason", "drill", "--override", "--yes", "-o", "json"),
    ("StartPrimaryEmailUpdate",),
    lambda stage: len(stage.sandbox.mailbox(NEW_ADDRESS)) == 1,
    prepare=_trust_account_management,
    good=4,
)
"""No one is there to type the one-time password in, so that it is awaited in the end."""
ACCEPT_EMAIL_CHANGE = Job(
    "accept an e-mail change",
    (*START_EMAIL_CHANGE.arguments, "--otp-from", "{folder}/otp"),
    ("AcceptPrimaryEmailUpdate",),
    lambda stage: stage.sandbox.accounts()[CLEAN]["email"] == NEW_ADDRESS,
    prepare=_start_email_change,
)
REPORTS_BUCKET = "amzn-s3-demo-reports"
REPORT_KEY = re.compile(r"^evidence/.+\.csv$")


def _have_places_for_reports(stage: Stage) -> None:
    Administration(stage.sandbox).make_places_for_reports(REPORTS_BUCKET)
    audited = stage.run("audit", "--fail-on", "none")
    assert audited.status == 0, audited.shown


SEND_FINDINGS = Job(
    "send findings",
    ("report", "send", "--to", "securityhub", "--yes", "-o", "json"),
    ("BatchImportFindings",),
    lambda stage: Administration(stage.sandbox).count_findings() > 0,
    prepare=_have_places_for_reports,
)
SEND_REPORT = Job(
    "send a report",
    ("report", "send", "--to", f"s3://{REPORTS_BUCKET}/evidence", "--format", "csv", "--yes", "-o", "json"),
    ("PutObject",),
    lambda stage: any(map(REPORT_KEY.match, Administration(stage.sandbox).list_reports(REPORTS_BUCKET))),
    prepare=_have_places_for_reports,
)
UNLOCKING_JOBS = (OPEN_BUCKET, CORRECT_BUCKET, OPEN_QUEUE)
JOBS = (
    *(DELETE, RECOVER, CLOSE, ENABLE, DISABLE, *UNLOCKING_JOBS, START_EMAIL_CHANGE, ACCEPT_EMAIL_CHANGE),
    *(SEND_FINDINGS, SEND_REPORT),
)
EACH_MUTATING_OPERATION = [(job, operation) for job in JOBS for operation in dict.fromkeys(job.mutating)]


def _describe_setup(stage: Stage) -> tuple[int, list[str], list[str]]:
    truth = stage.sandbox.organization()
    delegates = [one["account_id"] if isinstance(one, dict) else one for one in truth["delegated_administrators"]]
    return len(truth["features"]), truth["trusted_services"], delegates
