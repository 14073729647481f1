"""Finds the service that a request means on the single endpoint, and keeps the log of requests.

The service is read from the ``X-Amz-Target`` header, else the signature's credential scope, else the host name, else
the ``Version`` parameter of the query protocol.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from rootkeeper_sandbox.codec.errors import RefusalError
from rootkeeper_sandbox.codec.models import Codec
from rootkeeper_sandbox.codec.query import read_fields
from rootkeeper_sandbox.codec.registry import UnservedCodec
from rootkeeper_sandbox.codec.rest import parse_query
from rootkeeper_sandbox.codec.s3 import is_s3_host
from rootkeeper_sandbox.exchange import HttpRequest
from rootkeeper_sandbox.partitions import Partition


def make_request_id() -> str:
    """Make a random UUID of version 4, in less time than ``uuid`` takes."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


MAX_RECORDS = 200_000


class RequestRecord(NamedTuple):
    """A call as ``GET /_sandbox/requests`` shows it."""

    n: int
    """From 1, on over a reset."""
    at: datetime
    """When it was answered, by the sandbox's clock."""
    service: str | None
    operation: str | None
    region: str | None
    principal_arn: str | None
    """``None`` when the signature proves no caller."""
    account_id: str | None
    """The account that the call concerns: AssumeRoot's target, else the caller's."""
    task_policy: str | None
    """The name of the root session's task policy, and for AssumeRoot of the requested policy."""
    mutating: bool
    status: int
    """The HTTP status, also of an answer that was never sent."""
    error_code: str | None
    request_id: str
    """As the answer and the CloudTrail event carry it."""
    opened_by: str | None
    """The ARN of the principal that opened the root session of the caller; ``None`` outside root sessions."""


class RequestLog:
    """The newest records, in the order in which calls were answered."""

    def __init__(self, max_records: int = MAX_RECORDS) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=max_records)
        self._count = 0

    def next_number(self) -> int:
        self._count += 1
        return self._count

    def append(self, record: RequestRecord) -> None:
        self._records.append(record)

    def since(self, number: int) -> list[dict[str, Any]]:
        """List the records after a number, oldest first."""
        if not self._records:
            return []
        start = max(0, number + 1 - self._records[0].n)
        return [_render(record) for record in islice(self._records, start, None)]


def _render(record: RequestRecord) -> dict[str, Any]:
    at = record.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return record._asdict() | {"at": at}


GLOBAL_REGION = "aws-global"
_GLOBAL_STS_HOST = "sts.amazonaws.com"
_REGIONAL_SERVICES = frozenset(
    {"cloudtrail", "ec2", "events", "identitystore", "s3", "securityhub", "sqs", "sso-admin", "sts"}
)


class Router:
    """The served services, by the parts of a request that name them."""

    def __init__(self, codecs: Iterable[Codec]) -> None:
        codecs = tuple(codecs)
        self._by_target = {codec.target_prefix: codec for codec in codecs if codec.target_prefix}
        self._by_signing_name = {
            codec.signing_name: codec for codec in sorted(codecs, key=lambda codec: codec.target_prefix is None)
        }
        """Of a service with several protocols, the codec that needs no target."""
        self._by_version = {codec.version: codec for codec in codecs if codec.version}

    def route(self, request: HttpRequest) -> Codec:
        """Find the codec of the service that a request means, be it served or not."""
        signing_name = read_signing_name(request)
        target = request.headers.get("x-amz-target")
        if target is not None:
            codec = self._by_target.get(target.rpartition(".")[0])
        elif signing_name is not None:
            codec = self._by_signing_name.get(signing_name)
        elif is_s3_host(request.headers.get("host", "")):
            codec = self._by_signing_name.get("s3")
        else:
            by_host = self._by_signing_name.get(_host_name(request).partition(".")[0])
            codec = by_host or self._by_version.get(_read_version(request))
            if codec is None and is_for_a_bucket(request):
                codec = self._by_signing_name.get("s3")
        return codec or UnservedCodec(signing_name or "this service", request)


def read_signing_name(request: HttpRequest) -> str | None:
    """Peek at the service in the credential scope, before the header, or the query string, is judged."""
    elements = request.headers.get("authorization", "").split("/", 4)
    if len(elements) != 5:
        elements = (parse_query(request.query_string).get("X-Amz-Credential") or [""])[0].split("/", 4)
    return elements[3] if len(elements) == 5 else None


def is_for_a_bucket(request: HttpRequest) -> bool:
    """Return whether an unsigned request can only mean S3: its path names something, and it names no operation.

    No other service here has unsigned requests with a path: the query protocol sends ``Action``, JSON its media type.
    """
    is_json = "json" in request.headers.get("content-type", "").partition(";")[0]
    if "authorization" in request.headers or is_json or not request.raw_path.strip("/"):
        return False
    try:
        return not {"Action", "Version"} & read_fields(request).keys()
    except RefusalError:
        return True


def find_region(service: str, scope_region: str, partition: Partition) -> str:
    """Find the Region that a call belongs to; services without Regions have the partition's home Region."""
    if service in _REGIONAL_SERVICES and scope_region != GLOBAL_REGION:
        return scope_region
    return partition.home_region


def is_global_endpoint(request: HttpRequest, scope_region: str) -> bool:
    """Return whether a call went to STS's global endpoint: the host name says it, or the scope on a bare address."""
    return _host_name(request) == _GLOBAL_STS_HOST or scope_region == GLOBAL_REGION


def _host_name(request: HttpRequest) -> str:
    return request.headers.get("host", "").partition(":")[0].lower()


def _read_version(request: HttpRequest) -> str:
    try:
        return read_fields(request).get("Version", "")
    except RefusalError:
        return ""
