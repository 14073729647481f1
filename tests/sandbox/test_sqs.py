"""SQS over real HTTP: queues and messages in both protocols, policies, lock-outs, and the delay of a new policy."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.parsers import create_parser

from rootkeeper_sandbox.codec.sqs import make_query_model
from tests.sandbox.serving import MEMBER, ORDERS, Served, full_refusal, refusal, serving

UNLOCK = "SQSUnlockQueuePolicy"
LOCKED = "orders-incoming"
NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture(scope="module")
def sqs(served: Served) -> Any:
    return served.client("sqs")


_NUMBERS = iter(range(1000))


def new_queue(sqs: Any, **attributes: str) -> str:
    url: str = sqs.create_queue(QueueName=f"test-{next(_NUMBERS)}", Attributes=attributes)["QueueUrl"]
    return url


def arn_of(sqs: Any, url: str) -> str:
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def policy(arn: str, **changes: Any) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn} | changes
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# Queues.


def test_a_queue_is_created_found_listed_and_deleted(served: Served, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="first")["QueueUrl"]
    assert url == f"{served.process.base_url}/{MEMBER}/first"
    assert sqs.get_queue_url(QueueName="first")["QueueUrl"] == url
    assert url in sqs.list_queues(QueueNamePrefix="fir")["QueueUrls"]
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="none")
    sqs.delete_queue(QueueUrl=url)
    assert refusal(sqs.get_queue_url, QueueName="first") == (NO_QUEUE, 400)
    assert refusal(sqs.create_queue, QueueName="first") == ("AWS.SimpleQueueService.QueueDeletedRecently", 400)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=url, MessageBody="late")


def test_queues_are_listed_in_pages_of_one_region(served: Served, sqs: Any) -> None:
    urls = sorted(new_queue(sqs) for _ in range(3))
    pages = list(sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 2}, QueueNamePrefix="test-"))
    listed = [url for page in pages for url in page.get("QueueUrls", [])]
    assert set(urls) <= set(listed)
    assert len(listed) == len(set(listed))
    assert "QueueUrls" not in served.client("sqs", region="eu-west-1").list_queues()


def test_attributes_are_checked_kept_and_returned(sqs: Any) -> None:
    url = new_queue(sqs, VisibilityTimeout="60", MessageRetentionPeriod="120")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "5"})
    reported = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (reported["VisibilityTimeout"], reported["MessageRetentionPeriod"], reported["DelaySeconds"]) == (
        "60",
        "120",
        "5",
    )
    assert reported["ApproximateNumberOfMessages"] == "0"
    assert "Policy" not in reported
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)
    for attributes, code in (
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "-1"}, "InvalidAttributeValue"),
        ({"Policy": "none"}, "InvalidAttributeValue"),
        ({"Colour": "red"}, "InvalidAttributeName"),
        ({"DelaySeconds": "6", "MaximumMessageSize": "1"}, "InvalidAttributeValue"),
    ):
        assert refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes=attributes) == (code, 400)
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"] == {
        "DelaySeconds": "5"
    }
    assert refusal(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Colour"])[0] == "InvalidAttributeName"


def test_a_queue_can_be_created_again_only_as_it_is(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="again", Attributes={"DelaySeconds": "1"})["QueueUrl"]
    assert sqs.create_queue(QueueName="again", Attributes={"DelaySeconds": "1"})["QueueUrl"] == url
    assert sqs.create_queue(QueueName="again")["QueueUrl"] == url
    assert refusal(sqs.create_queue, QueueName="again", Attributes={"DelaySeconds": "2"}) == ("QueueAlreadyExists", 400)
    assert refusal(sqs.create_queue, QueueName="bad name")[0] == "InvalidParameterValue"
    fifo = "AWS.SimpleQueueService.UnsupportedOperation"
    assert refusal(sqs.create_queue, QueueName="a.fifo", Attributes={"FifoQueue": "true"}) == (fifo, 400)


@pytest.mark.parametrize("url", ["", "https://", "http://[", "/../../etc", "https://sqs.example.com/abc/def"])
def test_an_address_that_is_none_is_refused(sqs: Any, url: str) -> None:
    assert refusal(sqs.purge_queue, QueueUrl=url)[0] in {"InvalidAddress", NO_QUEUE}


# Messages.


def test_a_message_is_hidden_while_it_is_worked_on_and_gone_when_deleted(sqs: Any) -> None:
    url = new_queue(sqs)
    attributes = {
        "text": {"DataType": "String", "StringValue": "ü"},
        "data": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="<work>\n&é", MessageAttributes=attributes)
    received = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], VisibilityTimeout=30
    )["Messages"]
    assert [message["Body"] for message in received] == ["<work>\n&é"]
    assert received[0]["MessageId"] == sent["MessageId"]
    assert received[0]["MessageAttributes"] == attributes
    assert received[0]["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    handle = {"QueueUrl": url, "ReceiptHandle": received[0]["ReceiptHandle"]}
    sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=url)["Messages"][0]
    sqs.delete_message(**handle)
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert counted["Attributes"] == {"ApproximateNumberOfMessagesNotVisible": "1"}
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle="none") == ("ReceiptHandleIsInvalid", 400)


@pytest.mark.parametrize(
    "name", ["SenderId", "SentTimestamp", "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount"]
)
def test_a_message_shows_the_attribute_that_was_asked_for(sqs: Any, name: str) -> None:
    url = new_queue(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    (received,) = sqs.receive_message(QueueUrl=url, AttributeNames=[name, "MessageDeduplicationId"])["Messages"]
    assert list(received["Attributes"]) == [name]


def test_only_the_attributes_of_messages_and_queues_can_be_asked_for(sqs: Any) -> None:
    url = new_queue(sqs)
    assert refusal(sqs.receive_message, QueueUrl=url, AttributeNames=["Colour"])[0] == "InvalidAttributeName"
    assert refusal(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["SenderId"])[0] == "InvalidAttributeName"


@pytest.mark.parametrize(
    "name", ["my name", "café", ".first", "last.", "a..b", "AWS.Trace", "amazon.x", "n" * 257, "a/b"]
)
def test_names_of_message_attributes_have_their_alphabet(sqs: Any, name: str) -> None:
    attributes = {name: {"DataType": "String", "StringValue": "x"}}
    url = new_queue(sqs)
    sent = refusal(sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    assert sent == ("InvalidParameterValue", 400)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize("name", ["my.own-name_1", "n" * 256, "Awsome"])
def test_names_within_the_alphabet_are_kept(sqs: Any, name: str) -> None:
    url = new_queue(sqs)
    attributes = {name: {"DataType": "String", "StringValue": "x"}}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    (received,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert received["MessageAttributes"] == attributes


def test_a_hidden_message_comes_back_and_an_old_one_does_not(served: Served, sqs: Any) -> None:
    url = new_queue(sqs, MessageRetentionPeriod="60")
    sqs.send_message(QueueUrl=url, MessageBody="a")
    assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=30)["Messages"]
    served.process.control("POST", "clock", {"advance_seconds": 31})
    assert sqs.receive_message(QueueUrl=url)["Messages"]
    served.process.control("POST", "clock", {"advance_seconds": 61})
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_batches_answer_for_each_entry(sqs: Any) -> None:
    url = new_queue(sqs)
    entries = [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "\x00"}, {"Id": "3", "MessageBody": "c"}]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["1", "3"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("2", "InvalidMessageContents")]
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in received) == ["a", "c"]
    twice = [{"Id": "1", "MessageBody": "a"}] * 2
    code = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=twice) == (code, 400)


def test_a_batch_deletes_what_it_has_handles_of(sqs: Any) -> None:
    url = new_queue(sqs)
    for body in "abc":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(received[:2])]
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[*entries, {"Id": "none", "ReceiptHandle": "none"}])
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "1"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("none", "ReceiptHandleIsInvalid")]
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesNotVisible"])
    assert counted["Attributes"] == {"ApproximateNumberOfMessagesNotVisible": "1"}


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ({"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ({"VisibilityTimeout": -1}, "InvalidParameterValue"),
    ],
)
def test_receiving_has_its_bounds(sqs: Any, parameters: dict[str, int], code: str) -> None:
    assert refusal(sqs.receive_message, QueueUrl=new_queue(sqs), **parameters) == (code, 400)


def test_a_long_poll_ends_with_the_message_or_with_its_time(sqs: Any) -> None:
    url = new_queue(sqs)
    sender = threading.Timer(0.3, sqs.send_message, kwargs={"QueueUrl": url, "MessageBody": "at last"})
    sender.start()
    started_at = time.monotonic()
    assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"][0]["Body"] == "at last"
    assert time.monotonic() - started_at < 10
    sender.join()
    started_at = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert 0.8 < time.monotonic() - started_at < 10


def test_a_queue_is_purged_at_most_once_a_minute(sqs: Any) -> None:
    url = new_queue(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="a")
    sqs.purge_queue(QueueUrl=url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert refusal(sqs.purge_queue, QueueUrl=url) == ("AWS.SimpleQueueService.PurgeQueueInProgress", 403)


# Permissions.


def test_refusals_name_the_cause_in_sqs_spelling(served: Served, sqs: Any) -> None:
    url = new_queue(sqs)
    code, status, message = full_refusal(served.client("sqs", "observer").send_message, QueueUrl=url, MessageBody="a")
    assert (code, status) == ("AccessDenied", 403)
    name = url.rpartition("/")[2]
    assert message == (
        "User: arn:aws:iam::111122223333:user/observer is not authorized to perform: sqs:sendmessage on resource: "
        f"arn:aws:sqs:us-east-1:{MEMBER}:{name} because no identity-based policy allows the sqs:sendmessage action"
    )
    foreign = full_refusal(served.client("sqs", "delegated-admin").send_message, QueueUrl=url, MessageBody="a")
    assert foreign[2].endswith("because no resource-based policy allows the sqs:sendmessage action")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(arn_of(sqs, url))})
    served.client("sqs", "delegated-admin").send_message(QueueUrl=url, MessageBody="a")


def test_a_locked_queue_is_unlocked_in_a_root_session(served: Served) -> None:
    root = served.root_client("sqs", ORDERS, UNLOCK)
    assert root.list_queues()["QueueUrls"] == [f"{served.process.base_url}/{ORDERS}/{LOCKED}"]
    url = root.get_queue_url(QueueName=LOCKED)["QueueUrl"]
    locked = root.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert "OnlyTheDeployment" in locked
    denied = full_refusal(root.send_message, QueueUrl=url, MessageBody="a")
    assert denied[:2] == ("AccessDenied", 403)
    assert denied[2].endswith("with an explicit deny in a session policy")
    assert refusal(root.delete_queue, QueueUrl=url) == ("AccessDenied", 403)
    root.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Attributes" not in root.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    assert (
        refusal(served.root_client("sqs", MEMBER, UNLOCK).set_queue_attributes, QueueUrl=url, Attributes={})[1] == 403
    )


def test_users_who_locked_themselves_out_stay_out_but_root_does_not(served: Served, sqs: Any) -> None:
    url = new_queue(sqs)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(arn_of(sqs, url), Effect="Deny")})
    for call, parameters in (
        (sqs.get_queue_attributes, {"AttributeNames": ["All"]}),
        (sqs.set_queue_attributes, {"Attributes": {"Policy": ""}}),
        (sqs.send_message, {"MessageBody": "a"}),
        (sqs.receive_message, {}),
        (sqs.delete_queue, {}),
    ):
        code, status, message = full_refusal(call, QueueUrl=url, **parameters)
        assert (code, status) == ("AccessDenied", 403)
        assert message.endswith("with an explicit deny in a resource-based policy")
    served.root_client("sqs", MEMBER, UNLOCK).set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    sqs.send_message(QueueUrl=url, MessageBody="a")


def test_a_resource_control_policy_stops_the_unlock_of_a_queue(served: Served) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SetQueueAttributes", "Resource": "*"}
    content = {"Version": "2012-10-17", "Statement": [statement]}
    body = {"name": "no-changes", "type": "RESOURCE_CONTROL_POLICY", "content": content, "targets": ["400050006000"]}
    arn = served.process.control("POST", "policies", body)["arn"]
    root = served.root_client("sqs", "400050006000", UNLOCK)
    url = f"{served.process.base_url}/400050006000/any"
    message = full_refusal(root.set_queue_attributes, QueueUrl=url, Attributes={"Policy": ""})[2]
    assert message.endswith(f"with an explicit deny in a resource control policy: {arn}")


def test_a_new_policy_takes_a_minute_under_the_consistency_of_aws() -> None:
    with serving("--consistency", "aws") as served:
        sqs = served.client("sqs")
        url = new_queue(sqs)
        denying = policy(arn_of(sqs, url), Effect="Deny", Action="sqs:SendMessage")
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": denying})
        assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"] == denying
        sqs.send_message(QueueUrl=url, MessageBody="still allowed")
        served.process.control("POST", "clock", {"advance_seconds": 60})
        assert refusal(sqs.send_message, QueueUrl=url, MessageBody="a") == ("AccessDenied", 403)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
        assert refusal(sqs.send_message, QueueUrl=url, MessageBody="a") == ("AccessDenied", 403)
        served.process.control("POST", "clock", {"advance_seconds": 60})
        sqs.send_message(QueueUrl=url, MessageBody="allowed again")


# The Query protocol, and the AWS CLI.

QUERY_MODEL = make_query_model("sqs")


def call_by_query(served: Served, operation: str, path: str = "/", **fields: str) -> tuple[int, dict[str, Any]]:
    """Call as clients did before SQS spoke JSON."""
    found = served.process.principals()["member-admin"]
    body = urlencode({"Action": operation, "Version": "2012-11-05", **fields}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", f"{served.process.base_url}{path}", headers=headers, data=body)
    SigV4Auth(Credentials(found.access_key_id, found.secret_access_key), "sqs", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(served.process.address, timeout=20)
    try:
        connection.request("POST", path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        raw = {"status_code": answer.status, "headers": dict(answer.getheaders()), "body": answer.read()}
    finally:
        connection.close()
    shape: Any = QUERY_MODEL.operation_model(operation).output_shape
    parsed: dict[str, Any] = create_parser("query").parse(raw, shape)
    return answer.status, parsed


def test_older_clients_are_served_by_the_query_protocol(served: Served) -> None:
    _, made = call_by_query(
        served, "CreateQueue", QueueName="by-query", **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0"}
    )
    url = made["QueueUrl"]
    path = url.removeprefix(served.process.base_url)
    fields = {
        "MessageAttribute.1.Name": "kind",
        "MessageAttribute.1.Value.DataType": "String",
        "MessageAttribute.1.Value.StringValue": "test",
    }
    _, sent = call_by_query(served, "SendMessage", path, MessageBody="a & b", **fields)
    _, got = call_by_query(
        served, "ReceiveMessage", path, **{"MessageAttributeName.1": "All", "AttributeName.1": "All"}
    )
    assert [(m["MessageId"], m["Body"]) for m in got["Messages"]] == [(sent["MessageId"], "a & b")]
    assert got["Messages"][0]["MessageAttributes"]["kind"] == {"DataType": "String", "StringValue": "test"}
    assert got["Messages"][0]["Attributes"]["ApproximateReceiveCount"] == "1"
    _, reported = call_by_query(served, "GetQueueAttributes", QueueUrl=url, **{"AttributeName.1": "QueueArn"})
    assert reported["Attributes"] == {"QueueArn": f"arn:aws:sqs:us-east-1:{MEMBER}:by-query"}
    _, listed = call_by_query(served, "ListQueues", QueueNamePrefix="by-")
    assert listed["QueueUrls"] == [url]


def test_errors_of_the_query_protocol_have_its_codes(served: Served) -> None:
    status, answer = call_by_query(served, "GetQueueUrl", QueueName="none")
    assert (status, answer["Error"]["Code"]) == (400, NO_QUEUE)
    status, answer = call_by_query(served, "CreateQueue")
    assert (status, answer["Error"]["Code"]) == (400, "MissingParameter")
    assert answer["Error"]["Message"] == "The request must contain the parameter QueueName."
    status, answer = call_by_query(served, "GetQueueUrl", QueueName=LOCKED, QueueOwnerAWSAccountId=ORDERS)
    assert (status, answer["Error"]["Code"]) == (403, "AccessDenied")


def test_errors_of_the_json_protocol_carry_the_query_code_in_a_header(sqs: Any) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.get_queue_url(QueueName="none")
    answer: Mapping[str, Any] = caught.value.response
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amzn-query-error"] == f"{NO_QUEUE};Sender"
    assert answer["Error"]["Message"] == "The specified queue does not exist."


@pytest.mark.long
def test_the_aws_cli_unlocks_a_queue() -> None:
    """The AWS CLI version 1 takes ``AWS_ENDPOINT_URL`` for all services but SQS, which wants the option."""
    with serving() as served:
        given = served.root_session(ORDERS, UNLOCK)
        environment = {
            "AWS_ENDPOINT_URL": served.process.base_url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }
        here = ("--endpoint-url", served.process.base_url)
        found = served.run_cli("sqs", "get-queue-url", "--queue-name", LOCKED, *here, environment=environment)
        url = json.loads(found.stdout)["QueueUrl"]
        arguments = ("--queue-url", url, "--attributes", '{"Policy":""}')
        changed = served.run_cli("sqs", "set-queue-attributes", *arguments, *here, environment=environment)
        assert changed.returncode == 0, changed.stderr
        denied = served.run_cli("sqs", "purge-queue", "--queue-url", url, *here, environment=environment)
        assert "(AccessDenied) when calling the PurgeQueue operation" in denied.stderr


def test_tags_given_at_creation_are_listed_added_and_removed(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="tagged", tags={"team": "security"})["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "security"}
    sqs.tag_queue(QueueUrl=url, Tags={"team": "orders", "stage": "test"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["stage", "unknown"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "orders"}
    many = {str(number): "" for number in range(50)}
    assert refusal(sqs.tag_queue, QueueUrl=url, Tags=many) == ("InvalidParameterValue", 400)
    many["one more"] = ""
    assert refusal(sqs.create_queue, QueueName="overtagged", tags=many) == ("InvalidParameterValue", 400)
    assert refusal(sqs.get_queue_url, QueueName="overtagged")[0].endswith("NonExistentQueue")
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=new_queue(sqs))


def test_tags_are_listed_with_their_own_permission(served: Served, sqs: Any) -> None:
    url = new_queue(sqs)
    statement = {"Effect": "Allow", "Action": "sqs:GetQueueAttributes", "Resource": "*"}
    user = served.user_client("sqs", MEMBER, json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert refusal(user.list_queue_tags, QueueUrl=url) == ("AccessDenied", 403)
    statement["Action"] = "sqs:ListQueueTags"
    user = served.user_client("sqs", MEMBER, json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert user.list_queue_tags(QueueUrl=url)["ResponseMetadata"]["HTTPStatusCode"] == 200
