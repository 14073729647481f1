"""Bad input gets one clear sentence, a hint and the right exit status, never a traceback, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rootkeeper.changes.removal_rules import ALL_KINDS
from rootkeeper.deletion.records import render_plan
from rootkeeper.deletion.rules import DeletionPlan
from tests.functional.administration import Administration
from tests.functional.running import Program, Run
from tests.sandbox_process import SandboxProcess

NOWHERE = "http://127.0.0.1:9"
SUSPENDED = "676789890101"
MANAGEMENT = "111122223333"
FAILSAFE = "222233334444"
MEMBER = "888899990000"


@dataclass(frozen=True, slots=True)
class Case:
    """One wrong command line."""

    name: str
    arguments: tuple[str, ...]
    status: int
    says: str
    """A part of what the error says."""
    environment: dict[str, str | None] = field(default_factory=dict)


def recover(*rest: str, account: str = MEMBER) -> tuple[str, ...]:
    return ("recover", account, "--yes", *rest)


CASES = (
    # The command line itself.
    Case("unknown command", ("wipe",), 2, "wipe"),
    Case("misspelt command", ("audot",), 2, "audit"),
    Case("unknown option", ("audit", "--fast"), 2, "--fast"),
    Case("output that isn't one", ("audit", "-o", "xml"), 2, "xml"),
    Case("output that the command hasn't", ("delete", "--all", "--yes", "-o", "tree"), 2, "tree"),
    Case("fail-on that isn't one", ("audit", "--fail-on", "everything"), 2, "everything"),
    Case("fail-on that contradicts itself", ("audit", "--fail-on", "none,present"), 2, "none,present"),
    # Selections.
    Case("no selection for delete", ("delete", "--yes"), 2, "No account is selected"),
    Case("no selection for plan", ("plan", "--out", "plan.json"), 2, "No account is selected"),
    Case("account id too short", ("delete", "1234", "--yes"), 2, "1234"),
    Case("account outside the organization", ("delete", "210987654321", "--yes"), 2, "210987654321"),
    Case("account name that no account has", ("delete", "Unknown", "--yes"), 2, "Unknown"),
    Case("unknown OU by id", ("audit", "--ou", "ou-demo-00000000"), 2, "ou-demo-00000000"),
    Case("unknown OU by path", ("delete", "--ou", "Workloads/Nope", "--yes"), 2, "Workloads/Nope"),
    Case("tag without a value", ("audit", "--tag", "team"), 2, "team"),
    Case("status that isn't one", ("audit", "--status", "green"), 2, "green"),
    Case("account state that isn't one", ("audit", "--account-state", "GONE"), 2, "GONE"),
    Case("file of accounts that isn't there", ("audit", "--from-file", "/nowhere/accounts.txt"), 2, "accounts.txt"),
    Case("file of accounts that is empty", ("audit", "--from-file", "/dev/null"), 2, "/dev/null"),
    Case("selection that matches nothing", ("audit", "--tag", "team=unknown"), 2, "matches no account"),
    # Accounts that may not be touched.
    Case("management account", ("delete", MANAGEMENT, "--yes"), 2, "management account"),
    Case("account that isn't ACTIVE", ("delete", SUSPENDED, "--yes"), 2, "SUSPENDED"),
    Case("failsafe", ("delete", FAILSAFE, "--yes"), 2, "failsafe"),
    Case("recovery of the management account", recover("--reason", "x", account=MANAGEMENT), 2, MANAGEMENT),
    Case("recovery of an account that isn't ACTIVE", recover("--reason", "x", account=SUSPENDED), 2, "SUSPENDED"),
    # Deletions.
    Case("kind that isn't one", ("delete", "--all", "--only", "keys", "--yes"), 2, "keys"),
    Case("allowed use without a reason", ("delete", "--all", "--allow-recently-used", MEMBER, "--yes"), 2, "reason"),
    Case("no one to say yes", ("delete", "--all"), 2, "Nothing was done"),
    # Durations and dates.
    Case("window of no time", recover("--reason", "x", "--for", "0s"), 2, "0s"),
    Case("window of 30 days", recover("--reason", "x", "--for", "30d"), 2, "30d"),
    Case("window of an unknown length", recover("--reason", "x", "--for", "soon"), 2, "soon"),
    Case("recovery without a reason", recover(), 2, "--reason"),
    Case("recovery with an empty reason", recover("--reason", " "), 2, "reason"),
    Case(
        "exception that ended in the past",
        ("exceptions", "add", MEMBER, "--owner", "Ana", "--reason", "x", "--until", "2020-01-01", "--yes"),
        2,
        "2020",
    ),
    Case(
        "exception until no date",
        ("exceptions", "add", MEMBER, "--owner", "Ana", "--reason", "x", "--until", "later", "--yes"),
        2,
        "later",
    ),
    Case("exception that isn't there", ("exceptions", "remove", MEMBER, "--yes"), 2, MEMBER),
    Case("plan that is valid for no time", ("plan", "--all", "--out", "p.json", "--valid-for", "0s"), 2, "0s"),
    Case("plan in a folder that isn't there", ("plan", "--all", "--out", "/nowhere/p.json"), 2, "/nowhere/p.json"),
    Case("plan that isn't there", ("apply", "/nowhere/plan.json", "--yes"), 2, "/nowhere/plan.json"),
    Case("job that isn't there", ("jobs", "show", "j-0000000000"), 2, "j-0000000000"),
    Case("job to resume that isn't there", ("jobs", "resume", "j-0000000000"), 2, "j-0000000000"),
    Case("job to cancel that isn't there", ("jobs", "cancel", "j-0000000000"), 2, "j-0000000000"),
    Case("window that isn't there", ("windows", "show", "w-0000000000"), 2, "w-0000000000"),
    Case("window to close that isn't there", ("windows", "close", "w-0000000000", "--yes"), 2, "w-0000000000"),
    # Credentials, Regions, endpoints.
    Case("no credentials", ("status",), 3, "credentials", {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}),
    Case("unknown credentials", ("audit",), 3, "", {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}),
    Case("wrong secret", ("audit",), 3, "", {"AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}),
    Case("profile that isn't there", ("audit", "--profile", "unknown"), 2, "unknown"),
    Case("Region that isn't one", ("audit", "--region", "us-nowhere-1"), 2, "us-nowhere-1"),
    Case("global Region", ("audit", "--region", "aws-global"), 2, "aws-global"),
    Case("endpoint that doesn't answer", ("audit",), 3, "127.0.0.1:9", {"AWS_ENDPOINT_URL": NOWHERE}),
    Case("endpoint that isn't an address", ("audit",), 2, "nonsense", {"AWS_ENDPOINT_URL": "nonsense"}),
    # Settings and database.
    Case("settings file that isn't there", ("--config", "/nowhere/s.toml", "status"), 2, "/nowhere/s.toml"),
    Case("setting that isn't one", ("status",), 2, "ROOTKEEPER_SPEED", {"ROOTKEEPER_SPEED": "9"}),
    Case("setting out of range", ("audit",), 2, "range", {"ROOTKEEPER_AWS_CONCURRENCY": "0"}),
    Case("more threads than can be", ("audit",), 2, "range", {"ROOTKEEPER_AWS_CONCURRENCY": "100000"}),
    Case("share of nothing", ("audit", "--api-share", "0"), 2, "--api-share"),
    Case("share above all", ("audit", "--api-share", "101"), 2, "--api-share"),
    Case("share that isn't a number", ("audit",), 2, "ROOTKEEPER_AWS_API_SHARE", {"ROOTKEEPER_AWS_API_SHARE": "most"}),
    Case("share out of range", ("audit",), 2, "range", {"ROOTKEEPER_AWS_API_SHARE": "0"}),
    Case("database of another kind", ("audit",), 2, "database", {"ROOTKEEPER_DATABASE_URL": "mysql://h/d"}),
    Case(
        "database in a place that can't be",
        ("audit",),
        3,
        "/proc/rootkeeper.db",
        {"ROOTKEEPER_DATABASE_URL": "sqlite:////proc/rootkeeper.db"},
    ),
    Case("entry number that isn't one", ("ledger", "list", "--since", "-1"), 2, "--since"),
    Case("port that is none", ("demo", "--check", "--sandbox-port", "99999"), 2, "--sandbox-port"),
)


def ensure_refused(run: Run, status: int, says: str) -> None:
    errors = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    hints = [line for line in run.stderr.splitlines() if line.startswith("hint: ")]
    assert run.status == status, run.shown
    assert run.stdout == "", run.shown
    assert len(errors) == 1, run.shown
    assert len(hints) == 1, run.shown
    assert says in f"{errors[0]} {hints[0]}", run.shown
    assert "Traceback" not in run.stderr


@pytest.fixture(scope="module")
def sandbox(running_sandbox: SandboxProcess) -> SandboxProcess:
    """Root access management is set up once: nothing in this file may change anything."""
    Administration(running_sandbox).set_up()
    return running_sandbox


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_reported_in_a_sentence_and_changes_nothing(
    program: Program, sandbox: SandboxProcess, case: Case, tmp_path: Path
) -> None:
    truth, before = sandbox.organization(), sandbox.last_request()
    run = program.run(*case.arguments, **case.environment)
    ensure_refused(run, case.status, case.says)
    assert sandbox.organization() == truth
    assert sandbox.operations(before, mutating=True) == []
    assert not (tmp_path / "state").exists()


def make_plan(*, age: timedelta = timedelta(), organization_id: str = "o-exampleorgid") -> DeletionPlan:
    created = datetime.now(UTC) - age
    return DeletionPlan(
        plan_id="plan-0123456789abcdef",
        organization_id=organization_id,
        endpoint="",
        created_by="ana@example",
        caller_arn="arn:aws:iam::111122223333:user/ana",
        created_at=created,
        not_before=created,
        not_after=created + timedelta(hours=24),
        selection="--all",
        only=ALL_KINDS,
        included_failsafes=frozenset(),
        accounts=(),
    )


def expired(endpoint: str) -> str:
    return _render(make_plan(age=timedelta(days=2)), endpoint)


def without_end(endpoint: str) -> str:
    return _render(replace(make_plan(), not_after=datetime(2099, 1, 1, tzinfo=UTC)), endpoint)


def foreign(endpoint: str) -> str:
    return _render(make_plan(organization_id="o-anotherorgid"), endpoint)


def of_another_endpoint(_: str) -> str:
    return _render(make_plan(), "AWS")


def altered(endpoint: str) -> str:
    content = json.loads(_render(make_plan(), endpoint))
    return json.dumps(content | {"selection": "111122223333"})


def unreadable(_: str) -> str:
    return '{"schema_version": 1, '


def _render(plan: DeletionPlan, endpoint: str) -> str:
    return render_plan(replace(plan, endpoint=endpoint))


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (expired, "expired"),
        (without_end, "longer than 7d"),
        (foreign, "o-anotherorgid"),
        (of_another_endpoint, "AWS"),
        (altered, "was edited: its hash"),
        (unreadable, "isn't a plan"),
    ],
)
def test_a_plan_that_does_not_hold_is_refused_before_any_change(
    program: Program, sandbox: SandboxProcess, tmp_path: Path, write: Callable[[str], str], says: str
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(write(sandbox.endpoint_label))
    truth, before = sandbox.organization(), sandbox.last_request()
    ensure_refused(program.run("apply", plan, "--yes"), 2, says)
    assert sandbox.organization() == truth
    assert sandbox.operations(before, mutating=True) == []


def test_credentials_that_have_expired_are_reported_with_the_way_out(program: Program, sandbox: SandboxProcess) -> None:
    sandbox.faults(
        service="sts",
        operation="GetCallerIdentity",
        error={
            "code": "ExpiredToken",
            "status": 403,
            "message": "The security token included in the request is expired",
        },
    )
    try:
        run = program.run("audit", "-o", "json")
    finally:
        sandbox.clear_faults()
    ensure_refused(run, 3, "expired")


def test_a_ledger_that_does_not_exist_is_no_intact_one(program: Program) -> None:
    ensure_refused(program.run("ledger", "verify"), 3, "no database")
