"""Carries signed calls over aiohttp, for audits of many accounts, with botocore's TLS settings and botocore's errors.

aiohttp is in the extra ``fast``: this file is imported only where it is installed.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError
from multidict import CIMultiDictProxy
from yarl import URL

from rootkeeper.aws.templates import SignedCall


class Transport:
    """A pool of connections, for an event loop."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        self._http = http

    async def send(self, call: SignedCall) -> tuple[int, CIMultiDictProxy[str], bytes]:
        """Send once: status, headers and body of the answer.

        :raises botocore.exceptions.BotoCoreError: as botocore does, if no answer comes.
        :raises ResponseParserError: if it isn't HTTP.
        """
        try:
            async with self._http.post(
                URL(call.url, encoded=True), data=call.body, headers=call.headers, allow_redirects=False
            ) as answer:
                return answer.status, answer.headers, await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _as_botocore_has_it(error, call.url) from error


@asynccontextmanager
async def open_transport(
    context: ssl.SSLContext | None,
    *,
    connections: int,
    connect_timeout_seconds: float,
    read_timeout_seconds: float,
    call_timeout_seconds: float,
) -> AsyncIterator[Transport]:
    """:param call_timeout_seconds: for a whole call, however slowly its answer comes."""
    connector = aiohttp.TCPConnector(limit=connections, ssl=True if context is None else context)
    timeout = aiohttp.ClientTimeout(
        total=call_timeout_seconds, sock_connect=connect_timeout_seconds, sock_read=read_timeout_seconds
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding"),
        trust_env=False,
    ) as http:
        yield Transport(http)


def _as_botocore_has_it(error: Exception, url: str) -> Exception:
    match error:
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError() | ssl.SSLError():
            return botocore_errors.SSLError(endpoint_url=url, error=error)
        case aiohttp.ConnectionTimeoutError():
            return botocore_errors.ConnectTimeoutError(endpoint_url=url, error=error)
        case TimeoutError():
            return botocore_errors.ReadTimeoutError(endpoint_url=url, error=error)
        case aiohttp.ClientConnectorError():
            return botocore_errors.EndpointConnectionError(endpoint_url=url, error=error)
        case aiohttp.ClientResponseError():
            return ResponseParserError("the answer isn't HTTP")
        case _:
            return botocore_errors.ConnectionClosedError(endpoint_url=url, error=error)
