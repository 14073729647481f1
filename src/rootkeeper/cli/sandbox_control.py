"""The sandbox as a process of its own, and its control interface.

Processes that a demo starts: waiting while one runs, and ending it.

The sandbox as a process of its own, and its control interface: the truth that a demo is checked against.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from rootkeeper.errors import InputError

_LOOK_SECONDS = 0.05


def comes_true(holds: Callable[[], bool], process: subprocess.Popen[bytes], within_seconds: float) -> bool:
    """Whether it comes true in time and while the process runs; asked again and again."""
    end = time.monotonic() + within_seconds
    while time.monotonic() < end and process.poll() is None:
        if holds():
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def end_process(process: subprocess.Popen[bytes], within_seconds: float) -> None:
    """Ask it to end, and kill it if it doesn't in time."""
    process.terminate()
    try:
        process.wait(within_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


HOST = "127.0.0.1"


_STARTS_WITHIN_SECONDS = 30.0


_ENDS_WITHIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SandboxPrincipal:
    """Somebody whose keys the sandbox gives away. They are public, and worth nothing elsewhere."""

    name: str
    account_id: str
    access_key_id: str
    secret_access_key: str


class SandboxProcess:
    """A running sandbox; ended with the ``with`` block, or when this process dies."""

    def __init__(self, port: int, *options: str) -> None:
        self.port = port
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        arguments = ["--port", str(self.port), "--exit-with-parent", *self._options]
        self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", "rootkeeper_sandbox", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            start_new_session=True,
        )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._process is None:
            return
        end_process(self._process, _ENDS_WITHIN_SECONDS)
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process = None

    def read_organization(self) -> dict[str, Any]:
        """The whole truth of the organization."""
        truth: dict[str, Any] = self._get("/_sandbox/organization")
        return truth

    def find_principal(self, name: str) -> SandboxPrincipal:
        """A principal by its name."""
        for entry in self._get("/_sandbox/principals"):
            if entry["name"] == name:
                return SandboxPrincipal(name, entry["account_id"], entry["access_key_id"], entry["secret_access_key"])
        raise InputError(f"The sandbox has no principal {name!r}.")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        if comes_true(self._answers, process, _STARTS_WITHIN_SECONDS):
            return
        if process.poll() is not None:
            said = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
            raise InputError(f"The sandbox didn't start: {said[-400:] or 'it said nothing'}")
        raise InputError(f"The sandbox didn't answer within {_STARTS_WITHIN_SECONDS:.0f} seconds.")

    def _answers(self) -> bool:
        try:
            self._get("/_sandbox/health")
        except (OSError, http.client.HTTPException, ValueError):
            return False
        return True

    def _get(self, path: str) -> Any:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise ValueError(f"{path} answered {answer.status}")
        return json.loads(body)


def clean_environment() -> dict[str, str]:
    """This process's environment without AWS settings, Rootkeeper's own settings and proxies."""
    unwanted = ("AWS_", "ROOTKEEPER_", "BOTO_")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(unwanted) and not name.lower().endswith("_proxy")
    }


def choose_port(wanted: int | None, usual: int, option: str = "--sandbox-port") -> int:
    """The port asked for by ``option``; without one the usual, or any free one if that is taken.

    :raises InputError: if the port asked for is taken.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise InputError(f"Port {wanted} is taken.", hint=f"Give another one, or leave {option} out.")
        return wanted
    return usual if _is_free(usual) else _find_free()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _find_free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
