"""An SQS queue of our own that EventBridge or an organization trail's bucket writes to: a source of root events.

Receiving and deleting messages of it change nothing in any account but the queue itself, and need no intent in the
ledger; see decision 16. A message is deleted only once its events are recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rootkeeper.aws.answers import AwsResponse
from rootkeeper.aws.calls import ServiceCalls
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.error_translation import TRANSLATED, FailedCall, raise_translated
from rootkeeper.aws.event_messages import (
    LARGEST_OBJECT,
    LogObject,
    parse_message,
    pick_root_records,
    unpack_log,
)
from rootkeeper.errors import AwsError, AwsNotFoundError
from rootkeeper.ports.root_event_sources import EventDelivery, UnreadableEvents

_LOT = 10
"""Source: SQS ReceiveMessage, API version 2012-11-05: at most 10, and 20 seconds of waiting."""
_LONGEST_WAIT_SECONDS = 20
_HIDDEN_SECONDS = 60
"""How long a message is ours; then it comes again."""


class AwsRootEventQueue:
    """Implements ``ports.root_event_sources.RootEventSource``; safe in many threads and processes."""

    def __init__(self, clients: AwsClients, url: str, region: str | None, unreadable: UnreadableEvents) -> None:
        """:param region: the queue's; ``None`` for the one that is used otherwise."""
        self._clients = clients
        self._url = url
        self._region = region or clients.region
        self._unreadable = unreadable
        self._queue = clients.operator_calls_in("sqs", self._region)
        self._buckets: dict[str, ServiceCalls] = {}

    @property
    def name(self) -> str:
        return f"sqs:{self._url.rpartition('/')[2]}"

    def read(self, wait_seconds: float) -> tuple[EventDelivery, ...]:
        """One call: sqs:ReceiveMessage; s3:GetObject for each log file that a message tells of."""
        answer = self._queue.read(
            "ReceiveMessage",
            QueueUrl=self._url,
            MaxNumberOfMessages=_LOT,
            WaitTimeSeconds=max(0, min(int(wait_seconds), _LONGEST_WAIT_SECONDS)),
            VisibilityTimeout=_HIDDEN_SECONDS,
        )
        return self._parse_messages(answer.get("Messages") or ())

    def acknowledge(self, deliveries: Sequence[EventDelivery]) -> None:
        """One call for ten: sqs:DeleteMessageBatch. What it leaves comes again."""
        for begin in range(0, len(deliveries), _LOT):
            lot = deliveries[begin : begin + _LOT]
            entries = [{"Id": str(place), "ReceiptHandle": one.receipt} for place, one in enumerate(lot)]
            self._queue.read("DeleteMessageBatch", QueueUrl=self._url, Entries=entries)

    def _parse_messages(self, messages: Sequence[AwsResponse]) -> tuple[EventDelivery, ...]:
        """A log file that can't be read now holds no other message up; its own comes again.

        :raises AwsError: if no message is left.
        """
        found: list[EventDelivery] = []
        failure: AwsError | None = None
        for message in messages:
            try:
                found.append(self._parse_message(message))
            except AwsError as error:
                failure = failure or error
        if failure is not None and not found:
            raise failure
        return tuple(found)

    def _parse_message(self, message: AwsResponse) -> EventDelivery:
        """One that can't be understood is kept aside, and then has nothing to tell."""
        body, receipt = str(message.get("Body", "")), str(message.get("ReceiptHandle", ""))
        try:
            reported = parse_message(body)
        except ValueError as error:
            self._unreadable.keep(self.name, body, str(error))
            return EventDelivery(receipt, ())
        return EventDelivery(receipt, (*reported.records, *self._read_logs(reported.objects, body)))

    def _read_logs(self, logs: Sequence[LogObject], body: str) -> list[Mapping[str, Any]]:
        """One that is broken or gone is kept aside by its message, and what the others hold comes."""
        records: list[Mapping[str, Any]] = []
        problems: list[str] = []
        for log in logs:
            try:
                records += self._read_log(log)
            except (AwsNotFoundError, ValueError) as error:
                problems.append(error.message if isinstance(error, AwsNotFoundError) else str(error))
        for problem in problems:
            self._unreadable.keep(self.name, body, problem)
        return records

    def _read_log(self, log: LogObject) -> tuple[Mapping[str, Any], ...]:
        """One call: s3:GetObject."""
        calls = self._find_bucket(log.region or self._region)
        answer = calls.read("GetObject", target=log.bucket, Bucket=log.bucket, Key=log.key)
        content = self._read_body(answer["Body"], calls, log)
        if len(content) > LARGEST_OBJECT:
            raise ValueError(f"s3://{log.bucket}/{log.key} is too large for a log file of CloudTrail.")
        return pick_root_records(unpack_log(content, log.key))

    def _read_body(self, body: Any, calls: ServiceCalls, log: LogObject) -> bytes:
        try:
            with body:
                content: bytes = body.read(LARGEST_OBJECT + 1)
                return content
        except TRANSLATED as error:
            raise_translated(error, FailedCall("s3:GetObject", calls.url, self._clients.profile, target=log.bucket))

    def _find_bucket(self, region: str) -> ServiceCalls:
        if region not in self._buckets:
            self._buckets[region] = self._clients.operator_calls_in("s3", region)
        return self._buckets[region]
