"""P23: long-term root, our own root sessions and strangers' differ by the sandbox's own CloudTrail records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from rootkeeper_sandbox.clock import step_of, totp_code
from tests.fakes.alarm_matching import as_event, matches_filter, matches_pattern
from tests.functional.promises.forked_runs import ForkingProgram
from tests.functional.promises.permitted_operator import DELEGATE, TARGET, PermittedOperator
from tests.functional.promises.role_making import SERVER_ARN, Session, assume, make_roles
from tests.sandbox.test_people_processes import Browser

AUDIT = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
MANAGEMENT = "111122223333"

Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def operator(forking: ForkingProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PermittedOperator]:
    with PermittedOperator.hire(forking, tmp_path_factory.mktemp("operator")) as operator:
        operator.keep_database("audited", ["audit", "--fail-on", "none"])
        make_roles(operator, "--server-role-arn", SERVER_ARN)
        yield operator


@pytest.fixture(scope="module")
def records(operator: PermittedOperator) -> Records:
    """What CloudTrail has of each kind of root activity."""
    kept: Records = {}
    audit = assume(operator, "audit", SourceIdentity="ana")
    acts: dict[str, Callable[[], None]] = {
        "ours": lambda: audit_as(operator, audit),
        "past us": lambda: open_past_rootkeeper(operator, audit),
        "a stranger's": lambda: open_as_a_stranger(operator),
        "long-term": lambda: work_as_root(operator),
    }
    for kind, act in acts.items():
        before = list_records(operator)
        act()
        kept[kind] = [record for record in list_records(operator) if record not in before]
    return kept


def list_records(operator: PermittedOperator) -> list[dict[str, Any]]:
    return [record for account in (MANAGEMENT, DELEGATE, TARGET) for record in operator.sandbox.events(account)]


def audit_as(operator: PermittedOperator, session: Session) -> None:
    """As a server would: with the role, in the name of a person."""
    run = operator.run("audit", TARGET, "--fail-on", "unknown", keys=session.keys)
    assert run.status == 0, run.shown


def open_past_rootkeeper(operator: PermittedOperator, session: Session) -> None:
    """The same role, used by a person without Rootkeeper."""
    open_root_session(operator, session.client("sts", operator.sandbox.base_url))


def open_as_a_stranger(operator: PermittedOperator) -> None:
    """A user of the delegated administrator, who may do everything."""
    open_root_session(operator, operator.client("sts", "delegated-admin"))


def open_root_session(operator: PermittedOperator, sts: Any) -> None:
    credentials = sts.assume_root(TargetPrincipal=TARGET, TaskPolicyArn={"arn": AUDIT})["Credentials"]
    root = boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name="us-east-1",
    )
    root.client("iam", endpoint_url=operator.sandbox.base_url).get_account_summary()


def work_as_root(operator: PermittedOperator) -> None:
    """A root access key, and a person who asks for a new root password."""
    operator.client("iam", "management-root").list_users()
    browser = Browser(operator.sandbox.base_url)
    browser.open("/signin/forgot-password")
    browser.fill("/signin/forgot-password", email="management@example.com")


@pytest.fixture(scope="module")
def alarms(operator: PermittedOperator) -> list[dict[str, Any]]:
    run = operator.run("policies", "alarms", "-o", "json", principal="management-admin")
    assert run.status == 0, run.shown
    found: list[dict[str, Any]] = run.json["alarms"]
    return found


def list_fired(alarms: list[dict[str, Any]], records: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """``(event name, alarm)`` for each alarm that a record falls into; by filter and by pattern alike."""
    by_filter = [
        (record["eventName"], alarm["alarm"])
        for record in records
        for alarm in alarms
        if matches_filter(alarm["metric_filter"], record)
    ]
    by_pattern = [
        (record["eventName"], alarm["alarm"])
        for record in records
        for alarm in alarms
        if matches_pattern(alarm["event_pattern"], as_event(record))
    ]
    assert by_filter == by_pattern
    return sorted(by_filter)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ours", [("AssumeRoot", "known-role"), ("GetAccountSummary", "root-session")]),
        ("past us", [("AssumeRoot", "known-role"), ("GetAccountSummary", "root-session")]),
        ("a stranger's", [("AssumeRoot", "strange-caller"), ("GetAccountSummary", "root-session")]),
        ("long-term", [("ListUsers", "long-term-root"), ("PasswordRecoveryRequested", "long-term-root")]),
    ],
)
def test_p23_each_kind_falls_into_its_alarm_and_no_other(
    alarms: list[dict[str, Any]], records: Records, kind: str, expected: list[tuple[str, str]]
) -> None:
    assert list_fired(alarms, records[kind]) == expected


def judge(operator: PermittedOperator, tmp_path: Path, records: list[dict[str, Any]]) -> tuple[int, list[str]]:
    file = tmp_path / "records.json"
    file.write_text(json.dumps({"Records": records}))
    run = operator.run("policies", "alarms", "--judge", str(file), "-o", "json", principal="management-admin")
    coverage, kinds = run.json["coverage"], [event["kind"] for event in run.json["events"]]
    assert (coverage["records"], coverage["judged"], coverage["regions"]) == (len(records), len(kinds), ["us-east-1"])
    return run.status, kinds


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("ours", 0, ["own_root_session"] * 2),
        ("past us", 1, ["strange_root_session"] * 2),
        ("a stranger's", 1, ["strange_root_session"] * 2),
        ("long-term", 1, ["long_term_root"] * 2),
    ],
)
def test_p23_only_a_known_role_with_an_entry_of_the_ledger_is_exempted(
    operator: PermittedOperator, records: Records, tmp_path: Path, kind: str, status: int, expected: list[str]
) -> None:
    assert judge(operator, tmp_path, records[kind]) == (status, expected)


def test_p23_with_another_ledger_nothing_is_exempted(
    operator: PermittedOperator, records: Records, tmp_path: Path
) -> None:
    operator.restore_database("audited")
    assert judge(operator, tmp_path, records["ours"]) == (1, ["strange_root_session"] * 2)


def test_p17_a_server_gets_a_role_only_in_the_name_of_a_person(operator: PermittedOperator) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(operator, "audit")


def test_p17_p31_cloudtrail_names_the_person_behind_the_server(operator: PermittedOperator) -> None:
    session = assume(operator, "audit", SourceIdentity="ana")
    answer = session.client("sts", operator.sandbox.base_url).assume_root(
        TargetPrincipal=TARGET, TaskPolicyArn={"arn": AUDIT}
    )
    assert answer["SourceIdentity"] == "ana"


@pytest.mark.parametrize("task", ["IAMDeleteRootUserCredentials", "IAMCreateRootUserPassword", "S3UnlockBucketPolicy"])
def test_p17_the_auditing_role_opens_no_session_of_another_task(operator: PermittedOperator, task: str) -> None:
    sts = assume(operator, "audit", SourceIdentity="ana").client("sts", operator.sandbox.base_url)
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_root(
            TargetPrincipal=TARGET, TaskPolicyArn={"arn": AUDIT.replace("IAMAuditRootUserCredentials", task)}
        )


def test_p17_the_deleting_role_opens_no_such_session_on_the_failsafe(operator: PermittedOperator) -> None:
    sts = assume(operator, "delete", SourceIdentity="ana").client("sts", operator.sandbox.base_url)
    delete = {"arn": AUDIT.replace("Audit", "Delete")}
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_root(TargetPrincipal=DELEGATE, TaskPolicyArn=delete)
    assert sts.assume_root(TargetPrincipal=TARGET, TaskPolicyArn=delete)["Credentials"]


def test_p17_people_get_a_role_only_with_mfa_and_only_in_their_own_name(operator: PermittedOperator) -> None:
    administrator = operator.client("iam", "delegated-admin")
    administrator.create_user(UserName="ana")
    everything = {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}
    administrator.put_user_policy(
        UserName="ana",
        PolicyName="sts",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [everything]}),
    )
    key = administrator.create_access_key(UserName="ana")["AccessKey"]
    device = administrator.create_virtual_mfa_device(VirtualMFADeviceName="ana")["VirtualMFADevice"]
    seed, serial_number = device["Base32StringSeed"].decode(), device["SerialNumber"]
    codes = MfaCodes(seed)
    administrator.enable_mfa_device(
        UserName="ana",
        SerialNumber=serial_number,
        AuthenticationCode1=codes.take(-1),
        AuthenticationCode2=codes.take(0),
    )
    sts = boto3.Session(
        aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"], region_name="us-east-1"
    ).client("sts", endpoint_url=operator.sandbox.base_url)
    role = {"RoleArn": f"arn:aws:iam::{DELEGATE}:role/rootkeeper-audit", "RoleSessionName": "ana"}
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(**role)
    with_code = {"SerialNumber": serial_number, "TokenCode": codes.take(1)}
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(**role, **with_code, SourceIdentity="another-user")
    operator.sandbox.clock(advance=60)
    assert sts.assume_role(**role, SerialNumber=serial_number, TokenCode=codes.take(3), SourceIdentity="ana")


class MfaCodes:
    """A device's codes around the moment in which it was made."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._step = step_of(datetime.now(UTC))

    def take(self, offset: int) -> str:
        return totp_code(self._seed, self._step + offset)
