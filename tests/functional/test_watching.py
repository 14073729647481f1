"""An open window is watched: what a recovery needs is expected, and everything else is reported."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.functional.administration import Administration
from tests.functional.running import LONG_LEASE, Program, Runner
from tests.functional.watched_recovery import QUEUE, Watched
from tests.sandbox_process import SandboxProcess

AUDIT = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"


@pytest.fixture
def delegate(sandbox: SandboxProcess, tmp_path: Path, runner: Runner) -> Program:
    """The program as the delegated administrator runs it, in whose account the queue is."""
    Administration(sandbox).set_up()
    return Program(
        sandbox.environment("delegated-admin")
        | {
            "ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'rootkeeper.db'}",
            "ROOTKEEPER_AWS_VERIFY_SECONDS": "1",
            "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
            "XDG_STATE_HOME": str(tmp_path / "state"),
        },
        runner,
    )


def find_clean(sandbox: SandboxProcess) -> str:
    account_id = next(one["account_id"] for one in sandbox.accounts().values() if one["name"] == "Shop Test")
    sandbox.put_root_user(account_id, {})
    return str(account_id)


@pytest.fixture(params=["queue", "file"])
def watched(
    request: pytest.FixtureRequest, sandbox: SandboxProcess, delegate: Program, tmp_path: Path
) -> Iterator[Watched]:
    with Watched.begin(sandbox, delegate, find_clean(sandbox), request.param, tmp_path) as begun:
        yield begun


@pytest.fixture
def queued(sandbox: SandboxProcess, delegate: Program, tmp_path: Path) -> Iterator[Watched]:
    with Watched.begin(sandbox, delegate, find_clean(sandbox), "queue", tmp_path) as begun:
        yield begun


def test_a_recovery_is_lived_through_and_what_doesnt_belong_to_it_is_reported(watched: Watched) -> None:
    watched.open_window()
    person = watched.person
    person.reset_password()
    person.sign_in()
    person.register_mfa()
    assert watched.look() == [
        ("ConsoleLogin", "expected"),
        ("EnableMFADevice", "expected"),
        ("PasswordRecoveryCompleted", "expected"),
        ("PasswordRecoveryRequested", "expected"),
    ]
    watched.sandbox.clock(advance=60)
    with_mfa = watched.person
    with_mfa.sign_in()
    with_mfa.open("/console")
    with_mfa.fill("/console/password", current=person.password, password="Another-Pass-2!", repeated="Another-Pass-2!")
    assert watched.look() == [("ConsoleLogin", "expected"), ("PasswordUpdated", "expected")]
    assert watched.reported() == []
    shell = with_mfa.open_cloud_shell()
    root = watched.use_root_keys(shell)
    root.create_access_key()
    assert watched.look() == [("CreateAccessKey", "suspicious")]
    assert watched.reported() == ["CreateAccessKey"]
    watched.close_window()
    assert watched.look() == []
    watched.sandbox.clock(advance=2)
    stranger = watched.person
    stranger.open("/signin/forgot-password")
    stranger.fill("/signin/forgot-password", email=stranger.email)
    assert watched.look() == [("PasswordRecoveryRequested", "suspicious")]
    assert watched.reported() == ["CreateAccessKey", "PasswordRecoveryRequested"]
    assert "after the end of recovery window" in watched.list_events()[-1].explanation
    windows = {event.window_id for event in watched.list_events()}
    assert len(windows) == 1
    facts = watched.program.run("ledger", "list", "--account", watched.account_id, "-o", "json").json["entries"]
    assert len([entry for entry in facts if entry["action"] == "window:event"]) == 8
    history = watched.program.run("history", watched.account_id, "-o", "json").json["entries"]
    assert [entry["what"] for entry in history if entry["kind"] == "event" and entry["alarming"]] == [
        "CreateAccessKey",
        "PasswordRecoveryRequested",
    ]


def test_a_second_sign_in_without_mfa_is_reported(queued: Watched) -> None:
    queued.open_window()
    first = queued.person
    first.reset_password()
    first.sign_in()
    queued.person.sign_in()
    verdicts = [verdict for name, verdict in queued.look() if name == "ConsoleLogin"]
    assert sorted(verdicts) == ["expected", "suspicious"]
    assert queued.reported() == ["ConsoleLogin"]


def test_a_user_who_comes_before_the_opening_is_reported(queued: Watched) -> None:
    person = queued.person
    person.open("/signin/forgot-password")
    person.fill("/signin/forgot-password", email=person.email)
    queued.sandbox.put_root_user(queued.account_id, {"password": True})
    queued.person.sign_in()
    found = queued.look()
    assert ("ConsoleLogin", "suspicious") in found
    assert {verdict for _, verdict in found} == {"suspicious"}


def test_our_own_root_sessions_are_no_event_and_a_strangers_are_reported(queued: Watched) -> None:
    audit = queued.program.run("audit", queued.account_id, "--fail-on", "none")
    assert audit.status == 0, audit.shown
    assert queued.look() == []
    stranger = queued.sandbox.principals()["delegated-admin"]
    credentials = (
        boto3.Session(stranger.access_key_id, stranger.secret_access_key, region_name="us-east-1")
        .client("sts", endpoint_url=queued.sandbox.base_url)
        .assume_root(TargetPrincipal=queued.account_id, TaskPolicyArn={"arn": AUDIT})["Credentials"]
    )
    keys = {
        "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
        "AWS_SESSION_TOKEN": credentials["SessionToken"],
    }
    queued.use_root_keys(keys).get_account_summary()
    assert ("GetAccountSummary", "suspicious") in queued.look()
    assert credentials["AccessKeyId"] in queued.list_events()[-1].explanation


def test_a_message_that_cant_be_understood_is_kept_aside_and_holds_nothing_up(queued: Watched, tmp_path: Path) -> None:
    administrator = queued.sandbox.principals()["delegated-admin"]
    sqs = boto3.Session(administrator.access_key_id, administrator.secret_access_key, region_name="us-east-1").client(
        "sqs", endpoint_url=queued.sandbox.base_url
    )
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{broken")
    queued.open_window()
    queued.person.reset_password()
    assert [name for name, _ in queued.look()] == ["PasswordRecoveryCompleted", "PasswordRecoveryRequested"]
    (kept,) = tmp_path.glob("rootkeeper-unreadable-events.jsonl")
    assert json.loads(kept.read_text())["text"] == "{broken"
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == attributes["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_log_files_of_a_trails_bucket_are_read_by_their_notifications(queued: Watched) -> None:
    """As an organization trail has it: the events are in an object, and S3 notifies the queue of it."""
    queued.open_window()
    queued.person.reset_password()
    events = queued.sandbox.events(queued.account_id)
    administrator = queued.sandbox.principals()["delegated-admin"]
    session = boto3.Session(administrator.access_key_id, administrator.secret_access_key, region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=queued.sandbox.base_url)
    sqs = session.client("sqs", endpoint_url=queued.sandbox.base_url)
    s3.create_bucket(Bucket="amzn-s3-demo-trail")
    key = f"AWSLogs/{queued.account_id}/CloudTrail/us-east-1/2026/11/01/log+1.json.gz"
    late = [{**event, "eventID": f"late-{number}"} for number, event in enumerate(events)]
    s3.put_object(Bucket="amzn-s3-demo-trail", Key=key, Body=gzip.compress(json.dumps({"Records": late}).encode()))
    where = {"bucket": {"name": "amzn-s3-demo-trail"}, "object": {"key": key.replace("+", "%2B")}}
    record = {"eventSource": "aws:s3", "awsRegion": "us-east-1", "eventName": "ObjectCreated:Put", "s3": where}
    body = {"Type": "Notification", "Message": json.dumps({"Records": [record]})}
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"], MessageBody=json.dumps(body))
    queued.look()
    assert sorted(event.event_id for event in queued.list_events() if event.event_id.startswith("late-")) == [
        f"late-{number}"
        for number, event in enumerate(events)
        if event["eventName"] in ("PasswordRecoveryRequested", "PasswordRecoveryCompleted")
    ]
