"""What CloudTrail shows: LookupEvents of the caller's account, and the queue to which every Root event comes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.serving import MANAGEMENT, MEMBER, ORDERS, SECURITY, Served, refusal, serving

ROOT_EVENTS_QUEUE = "rootkeeper-root-events"
AUDIT, DELETE = "IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials"


@pytest.fixture(scope="module")
def running() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture
def served(running: Served) -> Served:
    running.process.reset()
    return running


def look_up(client: Any, key: str | None = None, value: str = "", **parameters: Any) -> list[dict[str, Any]]:
    if key:
        parameters["LookupAttributes"] = [{"AttributeKey": key, "AttributeValue": value}]
    events: list[dict[str, Any]] = client.lookup_events(**parameters)["Events"]
    return events


def test_events_are_the_callers_accounts_newest_first(served: Served) -> None:
    iam = served.client("iam")
    for name in ("one", "two"):
        iam.create_user(UserName=name)
    trail = served.client("cloudtrail")
    created = look_up(trail, "EventName", "CreateUser")
    assert [json.loads(event["CloudTrailEvent"])["requestParameters"]["userName"] for event in created] == [
        "two",
        "one",
    ]
    assert (created[0]["EventSource"], created[0]["ReadOnly"]) == ("iam.amazonaws.com", "false")
    assert created[0]["Username"] == "member-admin"
    whole = json.loads(created[0]["CloudTrailEvent"])
    assert (whole["recipientAccountId"], whole["userIdentity"]["accountId"]) == (MEMBER, MEMBER)
    assert look_up(served.client("cloudtrail", "management-admin"), "EventName", "CreateUser") == []


def test_p31_the_session_of_a_role_shows_its_source_identity(served: Served) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": MANAGEMENT},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }
    trust_policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = served.client("iam", "management-admin")
    role = iam.create_role(RoleName="Audit", AssumeRolePolicyDocument=trust_policy)["Role"]
    sts = served.client("sts", "management-admin")
    parameters = {"RoleArn": role["Arn"], "RoleSessionName": "ana", "SourceIdentity": "ana@example.com"}
    session = sts.assume_role(**parameters)["Credentials"]
    keys = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    served._make("sts", "us-east-1", {}, *keys).get_caller_identity()
    acted = look_up(served.client("cloudtrail", "management-admin"), "AccessKeyId", session["AccessKeyId"])
    identity = json.loads(acted[0]["CloudTrailEvent"])["userIdentity"]
    assert identity["sessionContext"]["sourceIdentity"] == "ana@example.com"


def test_a_root_session_shows_in_both_accounts_and_fits_by_its_key(served: Served) -> None:
    session = served.root_session(MEMBER, AUDIT)
    keys = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    served._make("iam", "us-east-1", {}, *keys).get_account_summary()
    opened = look_up(served.client("cloudtrail", "management-admin"), "EventName", "AssumeRoot")[0]
    issued = json.loads(opened["CloudTrailEvent"])["responseElements"]["credentials"]["accessKeyId"]
    acted = look_up(served.client("cloudtrail"), "AccessKeyId", session["AccessKeyId"])
    assert issued == session["AccessKeyId"]
    assert [(event["EventName"], event["Username"]) for event in acted] == [("GetAccountSummary", "root")]
    identity = json.loads(acted[0]["CloudTrailEvent"])["userIdentity"]
    assert (identity["type"], identity["sessionContext"]["assumedRoot"]) == ("Root", "true")
    by_resource = look_up(
        served.client("cloudtrail", "management-admin"), "ResourceName", f"arn:aws:iam::{MEMBER}:root"
    )
    assert [event["EventName"] for event in by_resource] == ["AssumeRoot"]


def test_events_can_be_paged_and_bounded_in_time(served: Served) -> None:
    iam, trail = served.client("iam"), served.client("cloudtrail")
    for number in range(5):
        iam.create_user(UserName=f"user-{number}")
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateUser"}],
        PaginationConfig={"PageSize": 2},
    )
    sizes = [len(page["Events"]) for page in pages]
    assert sizes == [2, 2, 1]
    now = datetime.now(UTC)
    assert look_up(trail, StartTime=now - timedelta(hours=2), EndTime=now - timedelta(hours=1)) == []
    call = trail.lookup_events
    assert refusal(call, StartTime=now, EndTime=now - timedelta(hours=1)) == ("InvalidTimeRangeException", 400)
    assert refusal(call, NextToken="made up") == ("InvalidNextTokenException", 400)
    served.process.control("POST", "clock", {"advance_seconds": 91 * 86_400})
    assert look_up(trail, "EventName", "CreateUser") == []


def test_events_stand_in_their_region_and_data_events_nowhere(served: Served) -> None:
    s3 = served.client("s3")
    s3.create_bucket(Bucket="amzn-s3-demo-events")
    s3.put_object(Bucket="amzn-s3-demo-events", Key="a", Body=b"")
    ireland = served.client("s3", region="eu-west-1")
    placed = {"LocationConstraint": "eu-west-1"}
    ireland.create_bucket(Bucket="amzn-s3-demo-events-eu", CreateBucketConfiguration=placed)
    here = {event["EventName"] for event in look_up(served.client("cloudtrail"), "EventSource", "s3.amazonaws.com")}
    assert here == {"CreateBucket"}
    there = look_up(served.client("cloudtrail", region="eu-west-1"))
    assert {event["EventName"] for event in there} == {"CreateBucket"}


def test_looking_events_up_needs_its_permission(served: Served) -> None:
    assert refusal(served.client("cloudtrail", "observer").lookup_events)[0] == "AccessDeniedException"


def receive_all(sqs: Any, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def test_every_root_event_of_the_organization_comes_to_the_queue(served: Served) -> None:
    sqs = served.client("sqs", "delegated-admin")
    url = sqs.get_queue_url(QueueName=ROOT_EVENTS_QUEUE)["QueueUrl"]
    served.root_client("iam", ORDERS, DELETE).delete_login_profile()
    served.client("iam", "management-root").list_users()
    served.client("iam").list_users()
    envelopes = receive_all(sqs, url)
    shown = [(one["account"], one["detail"]["eventName"], one["detail-type"], one["source"]) for one in envelopes]
    kind = "AWS API Call via CloudTrail"
    assert (ORDERS, "DeleteLoginProfile", kind, "aws.iam") in shown
    assert (MANAGEMENT, "ListUsers", kind, "aws.iam") in shown
    assert all(one["detail"]["userIdentity"]["type"] == "Root" for one in envelopes)
    first = envelopes[0]
    assert first.keys() == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    }  # fmt: skip
    assert (first["region"], first["time"]) == ("us-east-1", first["detail"]["eventTime"])
    assert {one["account"] for one in envelopes} == {ORDERS, MANAGEMENT}


def test_events_stop_when_the_queue_no_longer_lets_eventbridge_send(served: Served) -> None:
    sqs = served.client("sqs", "delegated-admin")
    url = sqs.get_queue_url(QueueName=ROOT_EVENTS_QUEUE)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    served.client("iam", "management-root").list_users()
    assert receive_all(sqs, url) == []
    assert url.endswith(f"/{SECURITY}/{ROOT_EVENTS_QUEUE}")
