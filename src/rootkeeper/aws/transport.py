"""The way over which the two calls of an audit go: aiohttp, as strict about TLS as botocore, with botocore's errors.

A proxy is left to botocore: where one is set, ``needs_botocore`` says so and nothing goes this way.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from botocore import exceptions as botocore_errors
from botocore.httpsession import create_urllib3_context, get_cert_path
from botocore.parsers import ResponseParserError
from botocore.session import Session
from botocore.utils import get_environ_proxies
from multidict import CIMultiDictProxy
from yarl import URL

from rootkeeper.aws.call_templates import SignedCall

_UNTOUCHED = ("Accept", "Accept-Encoding")


class Transport:
    """One pool of connections, used within one event loop."""

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
    context: ssl.SSLContext, *, connections: int, connect_timeout_seconds: float, read_timeout_seconds: float
) -> AsyncIterator[Transport]:
    connector = aiohttp.TCPConnector(limit=connections, ssl=context)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_seconds, sock_read=read_timeout_seconds)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_UNTOUCHED,
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


def needs_botocore(url: str) -> bool:
    """Whether a proxy stands before ``url``: one for its scheme, from which ``NO_PROXY`` doesn't except its host."""
    return urlsplit(url).scheme in get_environ_proxies(url)


def create_tls_context(session: Session) -> ssl.SSLContext:
    """As botocore has it: its protocol versions and ciphers, the CA bundle of ``AWS_CA_BUNDLE`` or the profile, else
    certifi's; the certificate and the host's name are always checked.

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
