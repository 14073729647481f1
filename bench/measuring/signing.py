"""Whole signed requests as bytes, made before any clock runs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_REGION = "us-east-1"
_HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    "Accept-Encoding": "identity",
    "User-Agent": "Boto3/1.44.8 md/Botocore#1.44.8 ua/2.1 os/linux lang/python#3.11 cfg/retry-mode#legacy",
}
"""What boto3 sends."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What a client signs with."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def sign_query_call(url: str, service: str, keys: Keys, fields: Mapping[str, str]) -> bytes:
    """Sign a call of the query protocol with an invocation id, and so a signature, that no other call has."""
    body = urlencode(fields).encode()
    headers = _HEADERS | {"amz-sdk-invocation-id": str(uuid.uuid4()), "amz-sdk-request": "attempt=1"}
    request = AWSRequest("POST", f"{url}/", headers=headers, data=body)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    SigV4Auth(credentials, service, _REGION).add_auth(request)
    lines = [f"{name}: {_text(value)}" for name, value in request.headers.items()]
    host = f"Host: {urlsplit(url).netloc}"
    head = "\r\n".join(("POST / HTTP/1.1", host, *lines, f"Content-Length: {len(body)}", "", ""))
    return head.encode() + body


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
