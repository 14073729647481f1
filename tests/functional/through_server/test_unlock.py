"""``unlock`` through a server: it changes the policy that the person was shown, and no other."""

from __future__ import annotations

import json
from typing import Any

import boto3

from tests.functional.administration import Administration
from tests.functional.conversation import converse
from tests.functional.published_schemas import require_fits
from tests.functional.running import Run
from tests.functional.through_server.stage import ServedStage

ORDERS, BUCKET, QUEUE = "888899990000", "amzn-s3-demo-orders-invoices", "orders-incoming"
PAYMENTS_EU, BUCKET_EU = "300040005000", "amzn-s3-demo-payments-archive"


def unlock(stage: ServedStage, kind: str, *arguments: str, name: str = "olga") -> Run:
    return stage.person(name).run("unlock", kind, *arguments, "-o", "json")


def read_policy(stage: ServedStage) -> Any:
    return unlock(stage, "s3", ORDERS, BUCKET, "--show").json


def test_a_bucket_is_opened_and_the_copy_stays_with_the_server(stage: ServedStage) -> None:
    run = unlock(stage, "s3", PAYMENTS_EU, BUCKET_EU, "--corrected", "--yes")
    assert run.status == 0, run.shown
    require_fits(run.json, "unlock-change")
    assert (run.json["result"], run.json["region"]) == ("done", "eu-central-1")
    assert "The saved copy is on the server." in run.stderr
    again = unlock(stage, "s3", PAYMENTS_EU, BUCKET_EU, "--corrected", "--yes")
    assert (again.status, again.json["result"]) == (0, "unchanged"), again.shown


def test_a_queue_is_opened_too(stage: ServedStage) -> None:
    Administration(stage.sandbox).trust_account_management()
    run = unlock(stage, "sqs", ORDERS, QUEUE, "--regions", "us-east-1", "--remove", "--yes")
    assert run.status == 0, run.shown
    assert (run.json["result"], run.json["verdict_after"]) == ("done", "no_policy")


def test_a_policy_that_another_user_changes_meanwhile_is_left_alone(stage: ServedStage) -> None:
    shown = read_policy(stage)
    arguments = ("unlock", "s3", ORDERS, BUCKET, "--remove")
    with converse(stage.person("olga"), *arguments) as person:
        person.wait_for(shown["sha256"])
        person.wait_for("Continue? [y/N]")
        other = {**shown["policy"], "Id": "another-policy"}
        replace_policy(stage, other)
        person.type("y")
        assert person.end() == 4, person.text
        assert "Nothing was done." in person.text
    assert read_policy(stage)["policy"] == other


def replace_policy(stage: ServedStage, policy: dict[str, Any]) -> None:
    """As another user does, with a root session of their own."""
    session = boto3.Session(region_name="us-east-1")
    keys = stage.sandbox.principals()["management-admin"]
    sts = session.client(
        "sts",
        endpoint_url=stage.sandbox.base_url,
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
    )
    arn = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
    opened = sts.assume_root(TargetPrincipal=ORDERS, TaskPolicyArn={"arn": arn})["Credentials"]
    s3 = session.client(
        "s3",
        endpoint_url=stage.sandbox.base_url,
        aws_access_key_id=opened["AccessKeyId"],
        aws_secret_access_key=opened["SecretAccessKey"],
        aws_session_token=opened["SessionToken"],
    )
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))


def test_a_role_that_does_not_unlock_is_refused(stage: ServedStage) -> None:
    for name in ("vera", "aldo", "boris"):
        run = unlock(stage, "s3", ORDERS, name=name)
        assert run.status == 3, run.shown


def test_a_dry_run_opens_no_root_session(stage: ServedStage) -> None:
    since = stage.sandbox.last_request()
    run = unlock(stage, "s3", ORDERS, BUCKET, "--remove", "--dry-run")
    assert run.status == 0, run.shown
    assert "S3UnlockBucketPolicy" in run.stderr
    assert "AssumeRoot" not in {request["operation"] for request in stage.sandbox.requests(since)}
