"""Servers in processes of their own, above all the sandbox, and what it was asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Sandbox:
    """A running sandbox."""

    url: str
    process_id: int
    _newest_number: int = 0
    """Of the newest request that was seen, so that no benchmark asks for 100,000 of them only to count."""

    def ask(self, path: str) -> Any:
        """GET on the control interface."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/{path}", timeout=60) as answer:  # noqa: S310 - own address
            return json.load(answer)

    def order_fault(self, **fault: Any) -> None:
        """Order a fault for the calls to come."""
        self._post("faults", fault)

    def order_rate(self, service: str, operation: str, per_second: float, burst: float) -> None:
        """Limit one operation to another rate than AWS publishes."""
        self._post("rates", {"service": service, "operation": operation, "per_second": per_second, "burst": burst})

    def empty_account(self, account_id: str) -> None:
        """Take all credentials from an account's root user."""
        address = f"{self.url}/_sandbox/accounts/{account_id}/root-user"
        request = urllib.request.Request(address, b"{}", method="PUT")  # noqa: S310 - own address
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310 - own address
            pass

    def _post(self, path: str, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        with urllib.request.urlopen(f"{self.url}/_sandbox/{path}", body, timeout=60):  # noqa: S310 - own address
            pass

    def environment(self, principal_name: str = "management-admin") -> dict[str, str]:
        """What a client needs, and nothing of the person who runs the benchmark: no settings of AWS, and of Python none
        such as ``PYTHONDONTWRITEBYTECODE``, by which each run would compile the product from its source.
        """
        principal = next(entry for entry in self.ask("principals") if entry["name"] == principal_name)
        own = ("AWS_", "PYTHON", "ROOTKEEPER_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        return kept | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": principal["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": principal["secret_access_key"],
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def requests(self, since: int) -> list[dict[str, Any]]:
        """Calls received after number ``since``."""
        found: list[dict[str, Any]] = self.ask(f"requests?since={since}")
        if found:
            self._newest_number = found[-1]["n"]
        return found

    def last_request_number(self) -> int:
        self.requests(self._newest_number)
        return self._newest_number


@contextmanager
def run_sandbox(*options: str) -> Iterator[Sandbox]:
    """A sandbox on any free port, stopped at the end."""
    command = [sys.executable, "-m", "rootkeeper_sandbox", "--port", "0", "--exit-with-parent", *options]
    with run_server(command) as (url, process_id):
        yield Sandbox(url, process_id)


@contextmanager
def run_server(command: Sequence[str]) -> Iterator[tuple[str, int]]:
    """A server that says ``READY URL`` once it listens; gives URL and process id, and stops it at the end."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready, _, url = process.stdout.readline().strip().partition(" ")
        if ready != "READY":
            raise RuntimeError(f"{' '.join(command)} didn't start.")
        yield url, process.pid
    finally:
        process.terminate()
        process.communicate(timeout=10)
