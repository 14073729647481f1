"""``unlock s3`` and ``unlock sqs`` as people and pipelines run them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.functional.administration import Administration
from tests.functional.conversation import converse
from tests.functional.running import Program, Run
from tests.sandbox_process import SandboxProcess

ORDERS, BUCKET, QUEUE = "888899990000", "amzn-s3-demo-orders-invoices", "orders-incoming"
PAYMENTS_EU, BUCKET_EU = "300040005000", "amzn-s3-demo-payments-archive"
SHOP = "777788889999"
DELEGATE, MANAGEMENT = "222233334444", "111122223333"
BLOCKED = "454567678989"
IN_US = ("--regions", "us-east-1")


@pytest.fixture
def unlocking(enabled: Program, sandbox: SandboxProcess) -> Program:
    """Root access management is set up, and Regions of members can be read."""
    Administration(sandbox).trust_account_management()
    return enabled


def unlock_bucket(program: Program, *arguments: str | Path, **changes: str | None) -> Run:
    return program.run("unlock", "s3", ORDERS, BUCKET, *arguments, **changes)


def names_of(run: Run, kind: str) -> list[tuple[str, str, str]]:
    return [(one["name"], one["region"], one["verdict"]) for one in run.json[kind]]


def operations_of(sandbox: SandboxProcess, since: int, service: str) -> set[str]:
    return {request["operation"] for request in sandbox.requests(since) if request["service"] == service}


def list_mutating(sandbox: SandboxProcess, since: int) -> list[str]:
    return [operation for operation, _ in sandbox.operations(since, mutating=True)]


# Looking.


def test_buckets_are_listed_with_their_regions_and_whether_they_are_locked(unlocking: Program) -> None:
    assert names_of(unlocking.run("unlock", "s3", "Orders Prod", "-o", "json"), "buckets") == [
        (BUCKET, "us-east-1", "depends")
    ]
    assert names_of(unlocking.run("unlock", "s3", PAYMENTS_EU, "-o", "json"), "buckets") == [
        (BUCKET_EU, "eu-central-1", "depends")
    ]
    assert names_of(unlocking.run("unlock", "s3", SHOP, "-o", "json"), "buckets") == [
        ("amzn-s3-demo-shop-assets", "us-east-1", "open")
    ]


def test_queues_are_found_in_every_region_that_the_account_has_enabled(
    unlocking: Program, sandbox: SandboxProcess
) -> None:
    since = sandbox.last_request()
    run = unlocking.run("unlock", "sqs", ORDERS, "-o", "json")
    assert names_of(run, "queues") == [(QUEUE, "us-east-1", "depends")]
    assert run.json["unread_regions"] == []
    asked = {request["region"] for request in sandbox.requests(since) if request["operation"] == "ListQueues"}
    assert len(asked) == 17


def test_without_account_management_all_known_regions_are_asked_and_that_is_said(enabled: Program) -> None:
    run = enabled.run("unlock", "sqs", ORDERS, "-o", "json")
    assert names_of(run, "queues") == [(QUEUE, "us-east-1", "depends")]
    assert "Regions that Rootkeeper knows are read instead" in run.stderr


def test_the_statement_that_locks_out_is_shown_with_a_policy_without_it(unlocking: Program) -> None:
    shown = unlock_bucket(unlocking).stdout
    assert "Statement OnlyTheDeployment denies everyone in the account except" in shown
    assert '"Sid": "OnlyTheDeployment"' in shown
    document = unlock_bucket(unlocking, "--show", "-o", "json").json
    assert [one["sid"] for one in document["locking_statements"]] == ["OnlyTheDeployment"]
    assert [one["Sid"] for one in document["policy"]["Statement"]] == ["OnlyTheDeployment", "TlsOnly"]
    assert document["corrected_policy"] == document["policy"] | {"Statement": document["policy"]["Statement"][1:]}
    assert len(document["sha256"]) == 64


def test_p07_looking_makes_no_changing_call_and_a_dry_run_opens_no_session(
    unlocking: Program, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    replacement = tmp_path / "new.json"
    allowing = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    replacement.write_text(json.dumps({"Version": "2012-10-17", "Statement": allowing}))
    since = sandbox.last_request()
    assert unlocking.run("unlock", "s3", ORDERS).status == 0
    assert unlock_bucket(unlocking).status == 0
    assert list_mutating(sandbox, since) == []
    since = sandbox.last_request()
    for change in ((), ("--remove",), ("--corrected",), ("--replace", replacement)):
        run = unlock_bucket(unlocking, *change, "--dry-run")
        assert run.status == 0, run.shown
        assert "S3UnlockBucketPolicy" in run.stderr
    run = unlocking.run("unlock", "sqs", ORDERS, QUEUE, "--remove", "--dry-run")
    assert (run.status, "SQSUnlockQueuePolicy" in run.stderr) == (0, True)
    assert list_mutating(sandbox, since) == []
    assert "AssumeRoot" not in {request["operation"] for request in sandbox.requests(since)}


# Changing.


def test_a_locked_bucket_is_opened_and_locked_again_from_its_copy(unlocking: Program, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    removed = unlock_bucket(unlocking, "--remove", "--yes", "-o", "json")
    assert removed.status == 0, removed.shown
    assert (removed.json["result"], removed.json["verdict_after"]) == ("done", "no_policy")
    assert list_mutating(sandbox, since) == ["DeleteBucketPolicy"]
    again = unlock_bucket(unlocking, "--remove", "--yes", "-o", "json")
    assert (again.status, again.json["result"]) == (0, "unchanged")
    assert "There is no policy" in again.json["explanation"]
    restored = unlock_bucket(unlocking, "--restore", removed.json["saved"]["path"], "--yes")
    assert restored.status == 0, restored.shown
    assert list_mutating(sandbox, since) == ["DeleteBucketPolicy", "PutBucketPolicy"]
    assert unlock_bucket(unlocking, "-o", "json").json["verdict"] == "depends"


def test_a_bucket_in_another_region_is_changed_there(unlocking: Program, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    run = unlocking.run("unlock", "s3", PAYMENTS_EU, BUCKET_EU, "--corrected", "--yes", "-o", "json")
    assert (run.status, run.json["region"]) == (0, "eu-central-1")
    calls = {request["operation"]: request for request in sandbox.requests(since) if request["service"] == "s3"}
    assert set(calls) == {"ListBuckets", "GetBucketPolicy", "DeleteBucketPolicy"}
    assert calls["DeleteBucketPolicy"]["region"] == "eu-central-1"
    assert {request["status"] for request in calls.values()} <= {200, 204, 404}


def test_a_bucket_in_another_region_is_found_by_the_redirect_where_buckets_cannot_be_listed(
    unlocking: Program, sandbox: SandboxProcess
) -> None:
    statement = {"Effect": "Deny", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    content = {"Version": "2012-10-17", "Statement": [statement]}
    sandbox.create_policy(
        {"name": "no-lists", "type": "SERVICE_CONTROL_POLICY", "content": content, "targets": [PAYMENTS_EU]}
    )
    since = sandbox.last_request()
    run = unlocking.run("unlock", "s3", PAYMENTS_EU, BUCKET_EU, "--remove", "--yes", "-o", "json")
    assert (run.status, run.json["region"]) == (0, "eu-central-1"), run.shown
    requests = [request for request in sandbox.requests(since) if request["service"] == "s3"]
    assert [(request["operation"], request["region"], request["status"]) for request in requests[:3]] == [
        ("ListBuckets", "us-east-1", 403),
        ("GetBucketPolicy", "us-east-1", 301),
        ("GetBucketPolicy", "eu-central-1", 200),
    ]
    assert operations_of(sandbox, since, "s3") == {"ListBuckets", "GetBucketPolicy", "DeleteBucketPolicy"}


def test_a_locked_queue_is_opened_and_locked_again_from_its_copy(unlocking: Program, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    run = unlocking.run("unlock", "sqs", ORDERS, QUEUE, *IN_US, "--corrected", "--yes", "-o", "json")
    assert (run.status, run.json["result"], run.json["verdict_after"]) == (0, "done", "no_policy")
    copy = run.json["saved"]["path"]
    restored = unlocking.run("unlock", "sqs", ORDERS, QUEUE, *IN_US, "--restore", copy, "--yes", "-o", "json")
    assert (restored.status, restored.json["verdict_after"]) == (0, "depends")
    assert list_mutating(sandbox, since) == ["SetQueueAttributes"] * 2
    assert operations_of(sandbox, since, "sqs") == {"GetQueueUrl", "GetQueueAttributes", "SetQueueAttributes"}


def test_a_correction_keeps_the_other_statements(unlocking: Program, sandbox: SandboxProcess, tmp_path: Path) -> None:
    arn = f"arn:aws:s3:::{BUCKET}"
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    tls = {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": arn, "Condition": insecure}
    excepting = {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ORDERS}:role/gone"}}
    policy = {"Version": "2012-10-17", "Statement": [tls, tls | {"Sid": "Gone", "Condition": excepting}]}
    (tmp_path / "new.json").write_text(json.dumps(policy))
    replaced = unlock_bucket(unlocking, "--replace", tmp_path / "new.json", "--yes", "-o", "json")
    assert (replaced.status, replaced.json["verdict_after"]) == (0, "depends")
    corrected = unlock_bucket(unlocking, "--corrected", "--yes", "-o", "json")
    assert (corrected.status, corrected.json["verdict_after"]) == (0, "open")
    assert unlock_bucket(unlocking, "-o", "json").json["policy"]["Statement"] == [tls]
    unneeded = unlock_bucket(unlocking, "--corrected", "--yes")
    assert (unneeded.status, "Nothing to correct." in unneeded.stdout) == (0, True)


def test_a_person_is_shown_what_will_be_done_and_may_say_no(unlocking: Program, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    with converse(unlocking, "unlock", "s3", ORDERS, BUCKET, "--remove") as conversation:
        conversation.wait_for("Remove the policy of bucket")
        conversation.wait_for("saved first")
        conversation.wait_for("Continue? [y/N]")
        conversation.type("n")
        assert conversation.end() == 2
        assert sandbox.endpoint_label in conversation.text
        assert "OnlyTheDeployment" in conversation.text
    assert list_mutating(sandbox, since) == []


# Refusals.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("s3", ORDERS, "--remove"), "No bucket or queue is named"),
        (("s3", ORDERS, "arn:aws:s3:::bucket"), "isn't a valid bucket name"),
        (("s3", ORDERS, "amzn-s3-demo-none", "--remove", "--yes"), "There is no bucket amzn-s3-demo-none"),
        (("sqs", ORDERS, "--regions", "us-east-9"), "is not a Region"),
        (("sqs", ORDERS, "none", *IN_US), "There is no queue none"),
        (("s3", MANAGEMENT, BUCKET, "--remove", "--yes"), "management account"),
        (("s3", DELEGATE), "--include-failsafe"),
    ],
)
def test_what_cannot_be_done_is_refused_without_a_change(
    unlocking: Program, sandbox: SandboxProcess, arguments: tuple[str, ...], message: str
) -> None:
    since = sandbox.last_request()
    run = unlocking.run("unlock", *arguments)
    assert run.status == 2, run.shown
    assert message in run.stderr
    assert list_mutating(sandbox, since) == []


def test_the_failsafe_is_reached_by_its_id(unlocking: Program) -> None:
    run = unlocking.run("unlock", "sqs", DELEGATE, *IN_US, "--include-failsafe", DELEGATE, "-o", "json")
    assert [name for name, _, _ in names_of(run, "queues")] == ["rootkeeper-root-events"]


def test_p12_protected_names_are_refused_before_any_session(unlocking: Program, sandbox: SandboxProcess) -> None:
    since = sandbox.last_request()
    run = unlock_bucket(unlocking, "--remove", "--yes", ROOTKEEPER_UNLOCK_PROTECT="logs-*, amzn-s3-*-invoices")
    assert run.status == 2
    assert "'amzn-s3-*-invoices'" in run.stderr
    assert "AssumeRoot" not in {request["operation"] for request in sandbox.requests(since)}
    shown = unlock_bucket(unlocking, "-o", "json", ROOTKEEPER_UNLOCK_PROTECT="amzn-*")
    assert (shown.status, shown.json["protected"]) == (0, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "it isn't JSON"),
        (json.dumps({"Statement": [{"Effect": "Deny"}]}), "is missing"),
        (" " * 30_000, "it has 30,000 bytes"),
        (
            json.dumps(
                {
                    "Statement": {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": f"arn:aws:s3:::{BUCKET}",
                    }
                }
            ),
            "would lock everyone out again",
        ),
    ],
)
def test_a_replacement_that_would_not_do_is_refused_by_the_name_of_its_file(
    unlocking: Program, sandbox: SandboxProcess, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "new.json").write_text(content)
    since = sandbox.last_request()
    run = unlock_bucket(unlocking, "--replace", tmp_path / "new.json", "--yes")
    assert run.status == 2, run.shown
    assert message in run.stderr
    assert "new.json" in run.stderr
    assert "hint: " in run.stderr
    assert list_mutating(sandbox, since) == []


@pytest.mark.parametrize("service", ["s3", "sqs"])
def test_p18_an_scp_that_denies_the_session_is_named(unlocking: Program, sandbox: SandboxProcess, service: str) -> None:
    policies = sandbox.organization()["policies"]
    policy_id = next(policy["policy_id"] for policy in policies if policy["name"] == "DenyRootUser")
    run = unlocking.run("unlock", service, BLOCKED)
    assert run.status == 3, run.shown
    assert policy_id in run.stderr


def test_p18_p06_an_rcp_that_denies_the_policy_leaves_it_unknown_and_changes_nothing(
    unlocking: Program, sandbox: SandboxProcess
) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetBucketPolicy", "Resource": "*"}
    created: dict[str, Any] = sandbox.create_policy(
        {
            "name": "no-policies",
            "type": "RESOURCE_CONTROL_POLICY",
            "content": {"Version": "2012-10-17", "Statement": [statement]},
            "targets": [ORDERS],
        }
    )
    assert created
    listed = unlocking.run("unlock", "s3", ORDERS, "-o", "json")
    assert (listed.status, names_of(listed, "buckets")) == (1, [(BUCKET, "us-east-1", "unknown")])
    assert "resource control policy" in listed.json["buckets"][0]["explanation"]
    since = sandbox.last_request()
    run = unlock_bucket(unlocking, "--remove", "--yes")
    assert run.status == 3, run.shown
    assert list_mutating(sandbox, since) == []


def test_a_change_that_an_scp_denies_is_refused_and_recorded(unlocking: Program, sandbox: SandboxProcess) -> None:
    statement = {"Effect": "Deny", "Action": "s3:DeleteBucketPolicy", "Resource": "*"}
    content = {"Version": "2012-10-17", "Statement": [statement]}
    sandbox.create_policy(
        {"name": "keep-policies", "type": "SERVICE_CONTROL_POLICY", "content": content, "targets": [ORDERS]}
    )
    run = unlock_bucket(unlocking, "--remove", "--yes")
    assert run.status == 3, run.shown
    assert "service control policy" in run.stderr
    entries = unlocking.run("ledger", "list", "-o", "json").json["entries"]
    assert [entry["result"] for entry in entries if entry["action"] == "bucket_policy:delete"] == [None, "failed"]


def test_an_account_whose_features_are_off_is_refused_with_the_way_on(program: Program) -> None:
    run = program.run("unlock", "s3", ORDERS, BUCKET)
    assert run.status == 3
    assert "rootkeeper enable" in run.stderr


def test_credentials_of_aws_are_not_sent_to_another_server(unlocking: Program, sandbox: SandboxProcess) -> None:
    run = unlock_bucket(unlocking, AWS_ENDPOINT_URL_S3="https://s3.us-east-1.amazonaws.com")
    assert run.status == 2
    assert "Calls to s3 would go to s3.us-east-1.amazonaws.com:443" in run.stderr


def test_an_account_under_a_window_may_be_unlocked(unlocking: Program, sandbox: SandboxProcess) -> None:
    sandbox.put_root_user(ORDERS, {})
    opened = unlocking.run("recover", ORDERS, "--reason", "drill", "--for", "1h", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown
    assert unlock_bucket(unlocking, "--remove", "--yes").status == 0


def test_the_accounts_own_administrator_sees_the_bucket_again(unlocking: Program, sandbox: SandboxProcess) -> None:
    owner = sandbox.principals()["member-admin"]
    session = boto3.Session(
        aws_access_key_id=owner.access_key_id, aws_secret_access_key=owner.secret_access_key, region_name="us-east-1"
    )
    s3 = session.client("s3", endpoint_url=sandbox.base_url)
    name = "amzn-s3-demo-locked-out"
    s3.create_bucket(Bucket=name)
    denial = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [denial]}))
    with pytest.raises(s3.exceptions.ClientError):
        s3.list_objects_v2(Bucket=name)
    run = unlocking.run("unlock", "s3", owner.account_id, name, "--corrected", "--yes", "-o", "json")
    assert (run.status, run.json["verdict_before"]) == (0, "locked")
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
