"""The processes of a demo: the sandbox, and a server with a user of each role.

The users' secrets are public and are worth nothing elsewhere: each demo makes them in a database of its own."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rootkeeper.access.rules import ServerRole
from rootkeeper.cli.server_process import render_url
from rootkeeper.errors import InputError

_LOOK_SECONDS = 0.05


def comes_true(holds: Callable[[], bool], process: subprocess.Popen[bytes], within_seconds: float) -> bool:
    """Poll until it holds; ``False`` if the time ends or the process ends first."""
    end = time.monotonic() + within_seconds
    while time.monotonic() < end and process.poll() is None:
        if holds():
            return True
        time.sleep(_LOOK_SECONDS)
    return False


def end_process(process: subprocess.Popen[bytes], within_seconds: float) -> None:
    """Ask it to end, and kill it after a time."""
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
    """A principal of the sandbox. Its keys are public and are worth nothing elsewhere."""

    name: str
    account_id: str
    access_key_id: str
    secret_access_key: str


class SandboxProcess:
    """A running sandbox; it ends with the ``with`` block, or when this process dies."""

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
        """Read the sandbox's own state of the organization."""
        truth: dict[str, Any] = self._get("/_sandbox/organization")
        return truth

    def find_principal(self, name: str) -> SandboxPrincipal:
        """Find a principal by name."""
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
    """This process's environment without settings of AWS and Rootkeeper, and without proxies."""
    unwanted = ("AWS_", "ROOTKEEPER_", "BOTO_")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(unwanted) and not name.lower().endswith("_proxy")
    }


def choose_port(wanted: int | None, usual: int, option: str = "--sandbox-port") -> int:
    """Choose the requested port; without one the usual port, or a free one if that is taken.

    :raises InputError: if the requested port is taken.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise InputError(f"Port {wanted} is taken.", hint=f"Choose another port, or leave out {option}.")
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


PASSWORD = "correct horse battery"  # noqa: S105 - every demo user's, shown on the screen
_STEP_SECONDS = 30
"""Source: RFC 6238, section 4.1."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One user of a demo."""

    name: str
    role: ServerRole
    totp_secret: str | None
    """In base32; ``None`` where the role takes no second factor."""
    does: str


PEOPLE = (
    DemoPerson("vera", ServerRole.VIEWER, None, "reads everything, changes nothing"),
    DemoPerson("aude", ServerRole.AUDITOR, None, "audits"),
    DemoPerson("olga", ServerRole.OPERATOR, "OLGAOLGAOLGAOLGAOLGAOLGAOLGAOLGA", "deletes, requests and opens windows"),
    DemoPerson("amir", ServerRole.APPROVER, "AMIRAMIRAMIRAMIRAMIRAMIRAMIRAMIR", "approves windows"),
    DemoPerson("adam", ServerRole.ADMINISTRATOR, "ADAMADAMADAMADAMADAMADAMADAMADAM", "enables features, manages users"),
)


@dataclass(frozen=True, slots=True)
class ShownCode:
    """The current code of one person's authenticator app."""

    person: DemoPerson
    code: str


def list_codes(now: float) -> tuple[ShownCode, ...]:
    """List the codes at a moment, in seconds since 1970."""
    import pyotp

    return tuple(
        ShownCode(person, pyotp.TOTP(person.totp_secret).at(int(now))) for person in PEOPLE if person.totp_secret
    )


def count_seconds_left(now: float) -> int:
    """Count how long the codes of a moment are valid."""
    return _STEP_SECONDS - int(now) % _STEP_SECONDS


def add_people() -> None:
    """Add the users to the database that the environment names. Asks the sandbox for its organization."""
    from rootkeeper.composition import application as bootstrap

    with bootstrap.Application(bootstrap.load_user_settings(None)) as application:
        who = application.ledger_identity
        keeping = application.identity_service_as(who)
        for person in PEOPLE:
            identity = keeping.add_user(person.name, person.role, PASSWORD)
            if person.totp_secret is not None:
                application.preset_factor(who, identity.identity_id, person.totp_secret)


_SERVER_STARTS_WITHIN_SECONDS = 60.0
_SERVER_ENDS_WITHIN_SECONDS = 12.0
_SHOWN_OF_LOG = 800


class DemoServer:
    """A running ``rootkeeper serve``; it ends with the ``with`` block."""

    def __init__(self, port: int, settings: Mapping[str, str], folder: Path) -> None:
        """:param settings: variables of its environment; the person's own AWS settings aren't passed on.
        :param folder: for its log.
        """
        self.port = port
        self.log = folder / "server.log"
        self._environment = clean_environment() | dict(settings)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return render_url(HOST, self.port)

    def __enter__(self) -> Self:
        """:raises InputError: if it doesn't start."""
        self._add_people()
        self.start()
        return self

    def start(self) -> None:
        """Start it, also after it ended, on the same port and database; return when it answers.

        :raises InputError: if it doesn't start.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                [sys.executable, "-m", "rootkeeper", "serve", "--port", str(self.port), "--guided-story"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it; it takes at most ten seconds."""
        if self._process is None:
            return
        end_process(self._process, _SERVER_ENDS_WITHIN_SECONDS)
        self._process = None

    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process is None or self._process.poll() is not None

    def read_log_end(self) -> str:
        """Read the last part of its log."""
        return _shorten(self.log.read_bytes())

    def _add_people(self) -> None:
        added = subprocess.run(
            [sys.executable, "-m", "rootkeeper.cli.demo_processes"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if added.returncode:
            raise InputError(f"The demo's users can't be added: {_shorten(added.stderr)}")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        if comes_true(self._answers, process, _SERVER_STARTS_WITHIN_SECONDS):
            return
        if process.poll() is not None:
            raise InputError(f"The server didn't start: {self.read_log_end()}")
        raise InputError(f"The server didn't answer within {_SERVER_STARTS_WITHIN_SECONDS:.0f} seconds.")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _shorten(said: bytes) -> str:
    return said.decode(errors="replace").strip()[-_SHOWN_OF_LOG:] or "no message"


if __name__ == "__main__":
    add_people()
