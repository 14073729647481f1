"""A sandbox as a process of its own, for tests of anything that speaks to it.

with SandboxProcess.start("--accounts", "40") as sandbox:
    subprocess.run([...], env=os.environ | sandbox.environment())
    assert sandbox.operations(mutating=True) == []
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import quote

from tests.durations import Stopwatch
from tests.forked import ForkedProcess
from tests.forked_program import SANDBOX

START_SECONDS = 60
STOP_SECONDS = 10
UNPACED_PERCENT = "10000"
"""A share of AWS's published request rates at which nothing waits."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal that may call, with the same keys on every start of a scenario."""

    name: str
    account_id: str
    arn: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


class SandboxProcess:
    """A running sandbox and its control interface."""

    def __init__(self, process: ForkedProcess, base_url: str) -> None:
        self.process = process
        self.base_url = base_url

    @classmethod
    @contextmanager
    def start(cls, *arguments: str) -> Iterator[SandboxProcess]:
        """Start one on a free port, with ``arguments`` of ``rootkeeper sandbox``, and end it afterwards."""
        command = ["--port", "0", "--exit-with-parent", *arguments]
        with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
            process = ForkedProcess.start(command, os.environ, stdout=stdout, stderr=stderr, module=SANDBOX)
            try:
                yield cls(process, _read_ready_line(process, stdout, stderr))
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    @property
    def address(self) -> str:
        """Such as ``127.0.0.1:4599``."""
        return self.base_url.removeprefix("http://")

    @property
    def endpoint_label(self) -> str:
        """How the product names it."""
        return f"SANDBOX {self.address}"

    # Who may call.

    def principals(self) -> dict[str, Principal]:
        return {found["name"]: Principal(**found) for found in self.control("GET", "principals")}

    def environment(self, principal: str = "management-admin", region: str = "us-east-1") -> dict[str, str]:
        """What lets any AWS client speak to it as ``principal``, and the product without keeping to AWS's rates."""
        found = self.principals()[principal]
        return {
            "AWS_ENDPOINT_URL": self.base_url,
            "AWS_ACCESS_KEY_ID": found.access_key_id,
            "AWS_SECRET_ACCESS_KEY": found.secret_access_key,
            "AWS_REGION": region,
            "ROOTKEEPER_AWS_API_SHARE": UNPACED_PERCENT,
        }

    # The truth.

    def organization(self) -> dict[str, Any]:
        found: dict[str, Any] = self.control("GET", "organization")
        return found

    def accounts(self) -> dict[str, dict[str, Any]]:
        """The truth about every account, by its id."""
        return {account["account_id"]: account for account in self.organization()["accounts"]}

    def root_user(self, account_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.accounts()[account_id]["root_user"]
        return found

    def put_root_user(self, account_id: str, root_user: Mapping[str, Any]) -> None:
        """Replace it; what ``root_user`` leaves out is absent."""
        self.control("PUT", f"accounts/{account_id}/root-user", root_user)

    def create_policy(self, policy: Mapping[str, Any]) -> dict[str, Any]:
        """``{name, type, content, targets}``: create and attach."""
        created: dict[str, Any] = self.control("POST", "policies", policy)
        return created

    # What was called.

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """Every API call received after number ``since``, in order."""
        found: list[dict[str, Any]] = self.control("GET", f"requests?since={since}")
        return found

    def last_request(self) -> int:
        """The number of the last call so far."""
        return max((request["n"] for request in self.requests()), default=0)

    def operations(self, since: int = 0, *, mutating: bool | None = None) -> list[tuple[str, str | None]]:
        """``(operation, account_id)`` of every call after ``since``; only changing ones, or only others, if asked."""
        return [
            (request["operation"], request["account_id"])
            for request in self.requests(since)
            if mutating in (None, request["mutating"])
        ]

    def events(self, account_id: str) -> list[dict[str, Any]]:
        """CloudTrail events of an account."""
        found: list[dict[str, Any]] = self.control("GET", f"events?account_id={account_id}")
        return found

    def mailbox(self, address: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"mailbox/{quote(address)}")
        return found

    # What goes wrong, and when it is.

    def faults(self, **fault: object) -> None:
        """Order a fault: ``service``, ``operation``, ``account_id``, ``times``, ``probability`` and one of ``error``
        (``code``, ``status``, ``message``), ``throttle``, ``latency_ms``, ``drop``, ``lie``, ``empty_page``.
        """
        self.control("POST", "faults", fault)

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def clock(self, advance: float) -> None:
        """Move expiry and dates on by ``advance`` seconds."""
        self.control("POST", "clock", {"advance_seconds": advance})

    def reset(self) -> None:
        """The scenario from its start; the numbers of requests go on."""
        self.control("POST", "reset", {})

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One request to ``/_sandbox/…``.

        :raises AssertionError: if the sandbox refuses it.
        """
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base_url}/_sandbox/{path}", data, method=method)  # noqa: S310 - http only
        try:
            with _DIRECT.open(request, timeout=30) as response:
                return json.loads(response.read() or "null")
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy: the sandbox is on this machine."""


def _read_ready_line(process: ForkedProcess, stdout: IO[str], stderr: IO[str]) -> str:
    watch = Stopwatch()
    while not (line := _read_again(stdout)).endswith("\n") and process.poll() is None and watch.seconds < START_SECONDS:
        watch.pause(0.01)
    if not line.startswith("READY "):
        process.kill()
        raise AssertionError(f"the sandbox didn't start: {line!r} {_read_again(stderr)[-2000:]}")
    return line.removeprefix("READY ").splitlines()[0].strip()


def _read_again(stream: IO[str]) -> str:
    return os.pread(stream.fileno(), 10_000, 0).decode()
