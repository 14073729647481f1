"""A call as botocore would send it, taken once and sent many times with another account in it.

Endpoint, headers and the form of the body come from botocore itself, by a request that is built and never sent. So its
endpoint rules, its user agent and its settings hold for calls that go another way, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, cast

from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest
from botocore.client import BaseClient
from botocore.compat import get_current_datetime
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserFactory
from botocore.utils import parse_timestamp

from rootkeeper.aws.answers import AwsResponse
from rootkeeper.aws.signatures import CachedRequestSigner

PLACEHOLDER = "000000000000"
"""Stands for the account id in the parameters of a template."""

_KEPT_HEADERS = ("Content-Type", "User-Agent")
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<name>[^/]+)/aws4_request")
_LOWEST_ERROR = 300


class RequestCapturedError(Exception):
    """Ends a call just before its request would leave."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__()
        self.request = request


@dataclass(frozen=True, slots=True)
class SignedCall:
    """What goes over the wire."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class CallTemplate:
    """One operation, ready but for the account and the signature."""

    operation: str
    url: str
    body: bytes
    signature: CachedRequestSigner
    output_shape: Any
    parser: Any

    def sign(self, account_id: str, credentials: ReadOnlyCredentials) -> SignedCall:
        """The call for one account, signed now with Signature Version 4."""
        body = self.body.replace(PLACEHOLDER.encode(), account_id.encode())
        return SignedCall(self.url, self.signature.sign(body, credentials, get_current_datetime()), body)

    def parse(self, status: int, headers: Any, body: bytes) -> AwsResponse:
        """What AWS answered.

        :raises ClientError: if it is an error.
        :raises ResponseParserError: if it isn't AWS's protocol.
        """
        answer: dict[str, Any] = self.parser.parse(
            {"status_code": status, "headers": headers, "body": body}, self.output_shape
        )
        if status >= _LOWEST_ERROR:
            raise ClientError(cast("Any", answer), self.operation)
        return answer


def take_template(client: BaseClient, operation: str, **parameters: object) -> CallTemplate:
    """Have botocore build a call of the query protocol; nothing is sent, nor by this client ever after.

    :param client: a client that nobody else uses.
    :raises botocore.exceptions.BotoCoreError: if there are no credentials, or the settings can't be used.
    """
    client.meta.events.register_first("before-send", _capture)
    try:
        getattr(client, xform_name(operation))(**parameters)
    except RequestCapturedError as captured:
        return _make_template(client, operation, captured.request)
    raise RuntimeError("botocore sent what was only to be built")


def _make_template(client: BaseClient, operation: str, request: AWSPreparedRequest) -> CallTemplate:
    """Of a signed request that botocore has built."""
    model = client.meta.service_model
    scope = _SCOPE.search(_text(request.headers["Authorization"]))
    if scope is None:
        raise RuntimeError("botocore signed in a way that isn't Signature Version 4")
    headers = {name: _text(request.headers[name]) for name in _KEPT_HEADERS}
    return CallTemplate(
        operation=operation,
        url=request.url,
        body=request.body if isinstance(request.body, bytes) else str(request.body).encode(),
        signature=CachedRequestSigner(request.url, headers, scope["name"], scope["region"]),
        output_shape=model.operation_model(operation).output_shape,
        parser=_create_parser(model.metadata["protocol"]),
    )


def _create_parser(protocol: str) -> Any:
    """Botocore's, but for instants in their usual form, which it would read in many forms at many times the cost."""
    factory = ResponseParserFactory()
    factory.set_parser_defaults(timestamp_parser=_parse_instant)
    return factory.create_parser(protocol)


def _parse_instant(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return parse_timestamp(value)


def _capture(request: AWSPreparedRequest, **_: object) -> NoReturn:
    raise RequestCapturedError(request)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
