"""An identity provider that others wrote (oidc-provider-mock), as a process of its own on loopback.

It isn't run within the tests, since it imports what its libraries call outdated, and a warning is an error here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.ports import reserved_port

SECONDS = 60


class _StayHere(urllib.request.HTTPErrorProcessor):
    """Return each answer as it is."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere)


@dataclass(frozen=True, slots=True)
class OidcProviderProcess:
    """One that runs."""

    port: int
    codes: list[str] = field(default_factory=list)
    """That it has handed out."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @classmethod
    @contextmanager
    def start(cls, *people: Mapping[str, Any]) -> Iterator[OidcProviderProcess]:
        """Start one that knows these people, each with the claims that it gives, ``sub`` among them."""
        with reserved_port() as port:
            yield from cls._start(port, people)

    @classmethod
    def _start(cls, port: int, people: Sequence[Mapping[str, Any]]) -> Iterator[OidcProviderProcess]:
        provider = cls(port)
        options = [part for one in people for part in ("--user-claims", json.dumps(one))]
        process = subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", "--port", str(provider.port), *options],
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            provider._wait_ready(process)
            yield provider
        finally:
            process.kill()
            process.wait()

    def let_in(self, address: str, subject: str) -> dict[str, str]:
        """What that person's browser comes back with, who was sent to ``address`` and signs in there."""
        assert address.startswith(f"{self.issuer}/")
        request = urllib.request.Request(address, urlencode({"sub": subject}).encode())  # noqa: S310 - this machine
        with _DIRECT.open(request, timeout=SECONDS) as response:
            assert response.status == 302, response.read()
            back = parse_qs(urlsplit(response.headers["Location"]).query)
        self.codes.extend(back["code"])
        return {name: values[0] for name, values in back.items()}

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + SECONDS
        while True:
            assert process.poll() is None, "it ended"
            assert time.monotonic() < end, "it takes too long"
            try:
                with _DIRECT.open(f"{self.issuer}/.well-known/openid-configuration", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
