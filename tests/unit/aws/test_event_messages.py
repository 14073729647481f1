"""Messages of every form in which events of root users reach a queue."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from rootkeeper.aws import root_events as event_messages
from rootkeeper.aws.root_events import LogObject, parse_message, pick_root_records, unpack_log
from tests.fakes.cloudtrail import MEMBER, make_record, root_sign_in

SIGN_IN = root_sign_in()
OTHER = make_record({"type": "IAMUser", "accountId": MEMBER})
BUCKET = "amzn-s3-demo-trail"
KEY = "AWSLogs/o-exampleorgid/333344445555/CloudTrail/us-east-1/2026/11/01/trail+log.json.gz"
BRIDGE = {
    "version": "0",
    "detail-type": "AWS Console Sign In via CloudTrail",
    "source": "aws.signin",
    "detail": SIGN_IN,
}


def of_bucket(key: str, name: str = "ObjectCreated:Put", **more: Any) -> dict[str, Any]:
    """Source: S3 User Guide, "Event message structure"."""
    where = {"bucket": {"name": BUCKET}, "object": {"key": key}}
    return {"Records": [{"eventSource": "aws:s3", "awsRegion": "eu-central-1", "eventName": name, "s3": where, **more}]}


def in_sns(message: Any) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": json.dumps(message)}


@pytest.mark.parametrize("message", [BRIDGE, in_sns(BRIDGE), in_sns(in_sns(BRIDGE)), SIGN_IN, {"Records": [SIGN_IN]}])
def test_events_come_wrapped_or_not(message: dict[str, Any]) -> None:
    found = parse_message(json.dumps(message))
    assert found.records == (SIGN_IN,)
    assert found.objects == ()


def test_what_isnt_about_root_is_left_out() -> None:
    assert parse_message(json.dumps({**BRIDGE, "detail": OTHER})).records == ()
    assert parse_message(json.dumps({"Records": [OTHER, SIGN_IN]})).records == (SIGN_IN,)
    assert parse_message(json.dumps({"Records": []})).records == ()


@pytest.mark.parametrize(
    ("message", "region"),
    [
        (of_bucket(KEY.replace("+", "%2B")), "eu-central-1"),
        (in_sns(of_bucket(KEY.replace("+", "%2B"))), "eu-central-1"),
        (in_sns({"s3Bucket": BUCKET, "s3ObjectKey": [KEY]}), None),
        (
            {
                "source": "aws.s3",
                "detail-type": "Object Created",
                "region": "eu-west-1",
                "detail": {"bucket": {"name": BUCKET}, "object": {"key": KEY}},
            },
            "eu-west-1",
        ),
    ],
)
def test_log_files_are_reported_in_four_ways(message: dict[str, Any], region: str | None) -> None:
    found = parse_message(json.dumps(message))
    assert found.objects == (LogObject(BUCKET, KEY, region),)
    assert found.records == ()


@pytest.mark.parametrize(
    "message",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET},
        of_bucket("AWSLogs/333344445555/CloudTrail-Digest/us-east-1/2026/11/01/digest.json.gz"),
        of_bucket("AWSLogs/333344445555/readme.txt"),
        of_bucket(KEY, "ObjectRemoved:Delete"),
    ],
)
def test_a_message_without_a_log_file_yields_nothing(message: dict[str, Any]) -> None:
    found = parse_message(json.dumps(message))
    assert (found.records, found.objects) == ((), ())


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[" * 100_000,
        "{}",
        "7",
        '"text"',
        json.dumps({"hello": "world"}),
        json.dumps(in_sns({"hello": "world"})),
        json.dumps({"Records": [{"s3": {"bucket": {}}, "eventName": "ObjectCreated:Put"}]}),
        json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": None}),
        json.dumps({**SIGN_IN, "eventID": None}),
        json.dumps({**SIGN_IN, "eventTime": "now"}),
    ],
)
def test_anything_else_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_message(body)


def test_a_log_file_is_unpacked() -> None:
    text = json.dumps({"Records": [OTHER, SIGN_IN]})
    assert pick_root_records(unpack_log(gzip.compress(text.encode()), KEY)) == (SIGN_IN,)
    assert unpack_log(text.encode(), "log.json") == text


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", gzip.compress(b"{}")[:-4], gzip.compress(b"\xff")],
    ids=["empty", "not packed", "cut", "not text"],
)
def test_a_log_file_that_is_broken_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack_log(content, KEY)


def test_a_log_file_that_swells_beyond_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_messages, "LARGEST_FILE", 1000)
    with pytest.raises(ValueError, match="too large"):
        unpack_log(gzip.compress(b" " * 10_000), KEY)
