"""Calls of the query protocol as botocore builds them, ready except for the account and the signature.

Endpoint, headers and the form of the body come from a request that botocore builds and never sends, so its endpoint
rules, its user agent and its settings hold here too. The canonical request is computed once, which saves CPU; botocore
computes each signature. ``transport`` carries the bytes. A proxy is left to botocore: ``needs_botocore`` says where a
proxy is set.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

from botocore import xform_name
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.client import BaseClient
from botocore.compat import get_current_datetime
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError
from botocore.httpsession import create_urllib3_context, get_cert_path
from botocore.parsers import ResponseParserFactory
from botocore.session import Session
from botocore.utils import get_environ_proxies, parse_timestamp

from rootkeeper.aws.errors import AwsResponse

_TOKEN = "token-of-the-form"  # noqa: S105 - a place to be filled
_BODY = b"body-of-the-form"


@dataclass(frozen=True, slots=True)
class _CanonicalRequest:
    """A canonical request, except the time, the session token and the hash of the body."""

    moment: str
    """The placeholder of the time of signing."""
    text: str
    signed_headers: str

    def fill(self, moment: str, token: str | None, body: bytes) -> str:
        text = self.text.replace(self.moment, moment).replace(_BODY_HASH, sha256(body).hexdigest())
        return text if token is None else text.replace(_TOKEN, token)


_BODY_HASH = sha256(_BODY).hexdigest()


@dataclass(frozen=True)
class CachedRequestSigner:
    """Signs POST requests to a URL with the same headers."""

    url: str
    headers: Mapping[str, str]
    signing_name: str
    region: str

    def sign(self, body: bytes, credentials: ReadOnlyCredentials, at: datetime) -> dict[str, str]:
        """Return all headers of the signed request; ``at`` is in UTC."""
        moment = at.strftime(SIGV4_TIMESTAMP)
        token = credentials.token or None
        form = self._forms[token is not None]
        auth = SigV4Auth(credentials, self.signing_name, self.region)
        signing: Any = SimpleNamespace(context={"timestamp": moment})
        signature = auth.signature(auth.string_to_sign(signing, form.fill(moment, token, body)), signing)
        headers = {**self.headers, "X-Amz-Date": moment}
        if token is not None:
            headers["X-Amz-Security-Token"] = token
        headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={auth.scope(signing)}, SignedHeaders={form.signed_headers},"
            f" Signature={signature}"
        )
        return headers

    @cached_property
    def _forms(self) -> dict[bool, _CanonicalRequest]:
        """By whether there is a session token."""
        return {True: self._take_form(_TOKEN), False: self._take_form(None)}

    def _take_form(self, token: str | None) -> _CanonicalRequest:
        credentials = ReadOnlyCredentials("key-of-the-form", "secret-of-the-form", token)  # sign nothing that is sent
        auth = SigV4Auth(credentials, self.signing_name, self.region)
        request = AWSRequest("POST", self.url, headers=self.headers, data=_BODY)
        auth.add_auth(request)
        del request.headers["Authorization"]
        headers = auth.headers_to_sign(request)
        return _CanonicalRequest(
            request.context["timestamp"], auth.canonical_request(request), auth.signed_headers(headers)
        )


PLACEHOLDER = "000000000000"
"""The placeholder of the account id in the parameters of a template."""
_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/(?P<name>[^/]+)/aws4_request")
_LOWEST_ERROR = 300


class RequestCapturedError(Exception):
    """Ends a call just before its request would be sent."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__()
        self.request = request


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A signed request."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class CallTemplate:
    """An operation, ready except for the account and the signature."""

    operation: str
    url: str
    body: bytes
    signature: CachedRequestSigner
    output_shape: Any
    parser: Any

    def sign(self, account_id: str, credentials: ReadOnlyCredentials, at: datetime | None = None) -> SignedCall:
        """Sign the call for an account, with Signature Version 4.

        :param at: in UTC; ``None`` for this machine's time.
        """
        body = self.body.replace(PLACEHOLDER.encode(), account_id.encode())
        return SignedCall(self.url, self.signature.sign(body, credentials, at or get_current_datetime()), body)

    def parse(self, status: int, headers: Any, body: bytes) -> AwsResponse:
        """Parse AWS's answer.

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
    """Have botocore build a call of the query protocol. This client never sends anything, now or later.

    :param client: a client that has no other use.
    :raises botocore.exceptions.BotoCoreError: if there are no credentials, or the settings can't be used.
    """
    client.meta.events.register_first("before-send", _capture)
    try:
        getattr(client, xform_name(operation))(**parameters)
    except RequestCapturedError as captured:
        request = captured.request
    else:
        raise RuntimeError("botocore sent a request that it should only build")
    model = client.meta.service_model
    scope = _SCOPE.search(_text(request.headers["Authorization"]))
    if scope is None:
        raise RuntimeError("botocore signed in a way that isn't Signature Version 4")
    headers = {name: _text(request.headers[name]) for name in ("Content-Type", "User-Agent")}
    parsers = ResponseParserFactory()
    parsers.set_parser_defaults(timestamp_parser=_parse_instant)
    return CallTemplate(
        operation=operation,
        url=request.url,
        body=request.body if isinstance(request.body, bytes) else str(request.body).encode(),
        signature=CachedRequestSigner(request.url, headers, scope["name"], scope["region"]),
        output_shape=model.operation_model(operation).output_shape,
        parser=parsers.create_parser(model.metadata["protocol"]),
    )


def _parse_instant(value: Any) -> datetime:
    """Parse a time, faster than botocore if it has its usual form."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return parse_timestamp(value)


def _capture(request: AWSPreparedRequest, **_: object) -> NoReturn:
    raise RequestCapturedError(request)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def needs_botocore(url: str) -> bool:
    """Whether calls to ``url`` go through its scheme's proxy; not if ``NO_PROXY`` excludes its host."""
    return urlsplit(url).scheme in get_environ_proxies(url)


def create_tls_context(session: Session) -> ssl.SSLContext:
    """Create botocore's TLS context: its protocol versions and ciphers, and the CA bundle of ``AWS_CA_BUNDLE``, of the
    profile, or of certifi. The certificate and the host's name are always checked.

    :raises OSError: if the CA bundle can't be read.
    """
    context: ssl.SSLContext = create_urllib3_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    bundle = Path(str(get_cert_path(session.get_config_variable("ca_bundle") or True)))
    if bundle.is_dir():
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context
