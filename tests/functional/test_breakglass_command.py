"""``rootkeeper breakglass`` as a user runs it, in the demo organization."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functional.administration import open_client
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program
from tests.root_person import two_codes
from tests.sandbox_process import SandboxProcess

MANAGEMENT, FAILSAFE, MEMBER = "111122223333", "222233334444", "777788889999"
LATELY = "2026-08-01T00:00:00Z"
AUDIT, CREATE, DELETE, S3, SQS = (
    "IAMAuditRootUserCredentials",
    "IAMCreateRootUserPassword",
    "IAMDeleteRootUserCredentials",
    "S3UnlockBucketPolicy",
    "SQSUnlockQueuePolicy",
)
MANAGEMENT_ROOT = [
    "management_mfa",
    "management_access_keys",
    "management_signing_certificates",
    "management_last_use",
]
DENY_ASSUME_ROOT = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Cap", "Effect": "Deny", "Action": "sts:AssumeRoot", "Resource": "*"}],
}


@dataclass(frozen=True, slots=True)
class Report:
    """What the command wrote as JSON."""

    document: dict[str, Any]

    @property
    def verdicts(self) -> dict[tuple[str, str | None], str]:
        return {(one["check"], one["account_id"]): one["verdict"] for one in self.document["checks"]}

    def evidence(self, name: str, account_id: str | None = None) -> str:
        return next(
            str(one["evidence"])
            for one in self.document["checks"]
            if (one["check"], one["account_id"]) == (name, account_id)
        )

    @property
    def way_in(self) -> str:
        return self.verdicts["way_in", None]

    def tasks(self, account_id: str, kind: str, name: str) -> dict[str, str] | None:
        """What an opener may; ``None`` if it isn't listed."""
        found = (
            one
            for one in self.document["openers"]
            if (one["account_id"], one["kind"], one["name"]) == (account_id, kind, name)
        )
        return next((dict(one["tasks"]) for one in found), None)


def read(program: Program) -> Report:
    run = program.run("breakglass", "-o", "json")
    require_fits(run.json, "breakglass")
    report = Report(run.json)
    is_good = set(report.verdicts.values()) == {"pass"}
    assert run.status == (0 if is_good else 1), run.shown
    return report


def as_principal(program: Program, sandbox: SandboxProcess, principal: str) -> Program:
    return replace(program, environment={**program.environment, **sandbox.environment(principal)})


def record_drill(program: Program, account_id: str = FAILSAFE, days_ago: int = 3) -> None:
    held_at = (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%d")
    words = ("failsafe", "record-drill", account_id, "--by", "Ana", "--at", held_at, "--outcome", "passed", "--yes")
    run = program.run(*words)
    assert run.status == 0, run.shown


@dataclass(frozen=True, slots=True)
class BreakGlassUser:
    """Makes an IAM user with a key and, if asked, MFA and policies."""

    iam: Any
    account_id: str
    name: str = "break-glass"

    def make(self, *statements: dict[str, Any], mfa: bool = True) -> None:
        self.iam.create_user(UserName=self.name)
        self.iam.create_access_key(UserName=self.name)
        for number, statement in enumerate(statements):
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            self.iam.put_user_policy(UserName=self.name, PolicyName=f"policy-{number}", PolicyDocument=document)
        if mfa:
            made = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=self.name)["VirtualMFADevice"]
            first, second = two_codes(made["Base32StringSeed"].decode())
            self.iam.enable_mfa_device(
                UserName=self.name,
                SerialNumber=made["SerialNumber"],
                AuthenticationCode1=first,
                AuthenticationCode2=second,
            )


def user_maker(sandbox: SandboxProcess, principal: str) -> BreakGlassUser:
    found = sandbox.principals()[principal]
    return BreakGlassUser(open_client("iam", sandbox.base_url, found), found.account_id)


def allow(*tasks: str, **more: Any) -> dict[str, Any]:
    arns = [f"arn:aws:iam::aws:policy/root-task/{task}" for task in tasks]
    condition = {"Condition": {"ArnEquals": {"sts:TaskPolicyArn": arns}}} if tasks else {}
    return {"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "*"} | condition | more


@pytest.fixture
def without_failsafe_login(enabled: Program, sandbox: SandboxProcess) -> Program:
    """The failsafe's root user has nothing: an IAM user must be the way in."""
    sandbox.put_root_user(FAILSAFE, {})
    return enabled


# Who could open root today.


def test_everyone_who_may_open_root_sessions_is_listed_by_task_with_who_comes_by_it(enabled: Program) -> None:
    report = read(enabled)
    everything = dict.fromkeys((AUDIT, CREATE, DELETE, S3, SQS), "allowed")
    assert report.tasks(MANAGEMENT, "user", "management-admin") == everything
    assert report.tasks(MANAGEMENT, "user", "observer") is None
    assert report.tasks(FAILSAFE, "permission_set", "RootAccessTasks") == everything
    assert report.tasks(FAILSAFE, "permission_set", "RootAccessAudit") == dict.fromkeys(everything, "blocked") | {
        AUDIT: "allowed"
    }
    assert report.tasks(FAILSAFE, "permission_set", "ReadOnlyAccess") is None
    people = {(one["account_id"], one["name"]): one["people"] for one in report.document["openers"]}
    assert people[FAILSAFE, "RootAccessTasks"] == ["Security (mary.major, paulo.santos)"]
    assert people[MANAGEMENT, "RootAccessTasks"] == ["shirley.rodriguez"]
    assert report.verdicts["iam_identities", MANAGEMENT] == "pass"
    assert report.verdicts["permission_sets", FAILSAFE] == "pass"
    assert report.verdicts["approvers", None] == "unknown"
    assert report.verdicts["root_mailboxes", None] == "unknown"


def test_a_permission_with_a_condition_depends_on_it_and_notaction_counts(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    maker = user_maker(sandbox, "management-admin")
    office = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    replace(maker, name="office").make(allow(**office), mfa=False)
    gateway_pool = {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}
    replace(maker, name="power").make(gateway_pool, mfa=False)
    replace(maker, name="denied").make(gateway_pool, allow() | {"Effect": "Deny"}, mfa=False)
    report = read(enabled)
    assert set((report.tasks(MANAGEMENT, "user", "office") or {}).values()) == {"depends"}
    assert set((report.tasks(MANAGEMENT, "user", "power") or {}).values()) == {"allowed"}
    assert report.tasks(MANAGEMENT, "user", "denied") is None
    (office_opener,) = [one for one in report.document["openers"] if one["name"] == "office"]
    assert office_opener["conditions"] == ["aws:SourceIp"]


# The management account's root.


def test_the_management_accounts_root_is_held_to_mfa_and_no_key_and_its_last_use_is_reported(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    found = read(enabled)
    assert [found.verdicts[name, MANAGEMENT] for name in MANAGEMENT_ROOT] == ["pass", "fail", "pass", "pass"]
    assert "Last used" in found.evidence("management_last_use", MANAGEMENT)
    sandbox.put_root_user(MANAGEMENT, {"password": True, "password_last_used_at": LATELY})
    found = read(enabled)
    assert [found.verdicts[name, MANAGEMENT] for name in MANAGEMENT_ROOT] == ["fail", "pass", "pass", "pass"]


# The way in.


def test_a_failsafe_in_order_is_a_way_in_once_a_drill_of_it_is_recorded(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    report = read(enabled)
    assert report.way_in == "fail"
    assert f"No drill of {FAILSAFE} is recorded" in report.evidence("way_in")
    record_drill(enabled, days_ago=91)
    assert read(enabled).way_in == "fail"
    record_drill(enabled)
    report = read(enabled)
    assert report.way_in == "pass"
    assert f"root user in {FAILSAFE} can sign in with MFA" in report.evidence("way_in")

    sandbox.control("POST", "identity-center", {"status": "down"})
    down = read(enabled)
    assert down.way_in == "pass"
    assert down.verdicts["permission_sets", FAILSAFE] == "unknown"
    assert "IAM Identity Center is down" in down.evidence("permission_sets", FAILSAFE)


@pytest.mark.parametrize(
    ("statements", "mfa", "verdict"),
    [
        ([allow(AUDIT, CREATE, DELETE)], True, "pass"),
        ([allow()], False, "unknown"),
        ([allow(AUDIT, CREATE)], True, "unknown"),
        pytest.param([allow(), allow(DELETE) | {"Effect": "Deny"}], True, "unknown", marks=pytest.mark.long),
        pytest.param(
            [allow(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})], True, "unknown", marks=pytest.mark.long
        ),
    ],
    ids=["in order", "no MFA", "may not delete", "denied to delete", "by a condition"],
)
def test_an_iam_user_of_the_management_account_is_a_way_in_only_with_mfa_and_all_three_tasks(
    without_failsafe_login: Program,
    sandbox: SandboxProcess,
    statements: list[dict[str, Any]],
    mfa: bool,
    verdict: str,
) -> None:
    """Without one it stays unknown: the failsafe's IAM users can't be read from here."""
    record_drill(without_failsafe_login, MANAGEMENT)
    user_maker(sandbox, "management-admin").make(*statements, mfa=mfa)
    assert read(without_failsafe_login).way_in == verdict


def test_an_iam_user_of_the_failsafe_is_a_way_in_unless_an_scp_blocks_it(
    without_failsafe_login: Program, sandbox: SandboxProcess
) -> None:
    delegate = as_principal(without_failsafe_login, sandbox, "delegated-admin")
    record_drill(delegate)
    user_maker(sandbox, "delegated-admin").make(allow(AUDIT, CREATE, DELETE))
    assert read(delegate).way_in == "pass"
    policy = {"name": "cap", "type": "SERVICE_CONTROL_POLICY", "content": DENY_ASSUME_ROOT, "targets": [FAILSAFE]}
    sandbox.create_policy(policy)
    report = read(delegate)
    assert report.way_in != "pass"
    assert report.tasks(FAILSAFE, "user", "break-glass") is None


def test_where_all_was_read_and_there_is_no_way_it_fails(program: Program) -> None:
    report = read(program)
    assert report.way_in == "fail"
    assert "No access path: " in report.evidence("way_in")
    assert "rootkeeper failsafe set-up ID" in next(
        one["hint"] for one in report.document["checks"] if one["check"] == "way_in"
    )


# Who may ask.


@pytest.mark.parametrize(
    ("service", "reads_permission_sets"), [("account.amazonaws.com", False), ("sso.amazonaws.com", True)]
)
def test_a_delegate_for_something_else_is_shown_who_could_read_the_rest(
    enabled: Program, sandbox: SandboxProcess, service: str, reads_permission_sets: bool
) -> None:
    client = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
    client.enable_aws_service_access(ServicePrincipal=service)
    client.register_delegated_administrator(AccountId=MEMBER, ServicePrincipal=service)
    report = read(as_principal(enabled, sandbox, "member-admin"))
    for account_id in (MANAGEMENT, FAILSAFE):
        assert report.verdicts["iam_identities", account_id] == "unknown"
        assert report.evidence("iam_identities", account_id).startswith(f"needs an identity of account {account_id}")
        expected = "pass" if reads_permission_sets else "unknown"
        assert report.verdicts["permission_sets", account_id] == expected
    for name in MANAGEMENT_ROOT:
        assert report.verdicts[name, MANAGEMENT] == "unknown"
        assert report.evidence(name, MANAGEMENT) == f"needs an identity of account {MANAGEMENT}"
    assert report.way_in == "unknown"


def test_the_delegated_administrator_for_iam_reads_its_own_account_and_is_shown_the_rest(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    report = read(as_principal(enabled, sandbox, "delegated-admin"))
    assert report.verdicts["iam_identities", FAILSAFE] == "pass"
    assert report.verdicts["iam_identities", MANAGEMENT] == "unknown"
    assert report.evidence("permission_sets", FAILSAFE).startswith("needs an identity of the management account")
    assert {report.verdicts[name, MANAGEMENT] for name in MANAGEMENT_ROOT} == {"unknown"}


@pytest.mark.parametrize(
    ("operation", "names"),
    [
        ("GetAccountSummary", MANAGEMENT_ROOT[:3]),
        ("GetCredentialReport", MANAGEMENT_ROOT[3:]),
        ("GetAccountAuthorizationDetails", ["iam_identities"]),
    ],
)
def test_what_the_caller_lacks_a_permission_for_is_unknown_and_names_it(
    enabled: Program, sandbox: SandboxProcess, operation: str, names: list[str]
) -> None:
    error = {"code": "AccessDenied", "status": 403, "message": "not authorized to perform it"}
    sandbox.faults(service="iam", operation=operation, account_id=MANAGEMENT, error=error)
    report = read(enabled)
    sandbox.clear_faults()
    for name in names:
        assert report.verdicts[name, MANAGEMENT] == "unknown"
        assert f"needs an identity of account {MANAGEMENT} with iam:" in report.evidence(name, MANAGEMENT)
        assert operation in report.evidence(name, MANAGEMENT)


# What it does, and how it shows.


def test_it_changes_nothing_and_opens_one_audit_session_in_each_failsafe(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    before = sandbox.last_request()
    read(enabled)
    assert sandbox.operations(before, mutating=True) == []
    opened = [request for request in sandbox.requests(before) if request["operation"] == "AssumeRoot"]
    assert [(one["account_id"], one["task_policy"].rpartition("/")[2]) for one in opened] == [(FAILSAFE, AUDIT)]


def test_a_credential_report_is_made_only_where_there_is_none(enabled: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.last_request()
    report = read(enabled)
    assert "Last used" in report.evidence("management_last_use", MANAGEMENT)
    assert [name for name, _ in sandbox.operations(before)].count("GenerateCredentialReport") == 1
    before = sandbox.last_request()
    read(enabled)
    assert "GenerateCredentialReport" not in {name for name, _ in sandbox.operations(before)}


def test_the_table_names_everyone_and_lines_and_csv_hold_the_checks(enabled: Program) -> None:
    table = enabled.run("breakglass").stdout
    assert "Principals that can open root sessions" in table
    assert "RootAccessTasks" in table
    assert "shirley.rodriguez" in table
    lines = [json.loads(line)["check"] for line in enabled.run("breakglass", "-o", "jsonl").stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(enabled.run("breakglass", "-o", "csv").stdout)))
    assert lines == [row["check"] for row in rows]
    assert lines[:6] == ["way_in", "drill", *MANAGEMENT_ROOT]
