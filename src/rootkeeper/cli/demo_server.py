"""The demo's server and its users.

Where a server on this machine is reached.

Whom a demo's server knows: one user of each role, with a password and a second factor that all may see.

They are worth as much as the sandbox's keys: nothing anywhere else. Each demo makes them in a database of its own.

A server and its console on the demo's sandbox: prepared with people, started, waited for, and ended.
"""

from __future__ import annotations

import errno
import http.client
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rootkeeper.access.rules import ServerRole
from rootkeeper.cli.sandbox_control import HOST, clean_environment, comes_true, end_process
from rootkeeper.errors import InputError


def render_url(host: str, port: int, *, is_tls: bool = False) -> str:
    """On this machine by its name, since browsers make no passkeys for a bare address.

    With TLS the address stays: for which names the certificate is good isn't known here.
    """
    if host == "127.0.0.1" and not is_tls and not _is_taken_by_ipv6(port):
        host = "localhost"
    scheme = "https" if is_tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _is_taken_by_ipv6(port: int) -> bool:
    """Whether the name ``localhost`` may lead to another program: browsers try ``::1`` too.

    Source: RFC 6761, section 6.3.
    """
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


PASSWORD = "correct horse battery"  # noqa: S105 - everybody's in a demo, shown to whoever starts one


_STEP_SECONDS = 30
"""Source: RFC 6238, section 4.1."""


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """One user."""

    name: str
    role: ServerRole
    totp_secret: str | None
    """In base32; ``None`` where the role takes no second factor."""
    does: str


PEOPLE = (
    DemoPerson("vera", ServerRole.VIEWER, None, "sees everything, changes nothing"),
    DemoPerson("aude", ServerRole.AUDITOR, None, "audits"),
    DemoPerson("olga", ServerRole.OPERATOR, "OLGAOLGAOLGAOLGAOLGAOLGAOLGAOLGA", "deletes, requests and opens windows"),
    DemoPerson("amir", ServerRole.APPROVER, "AMIRAMIRAMIRAMIRAMIRAMIRAMIRAMIR", "approves windows"),
    DemoPerson("adam", ServerRole.ADMINISTRATOR, "ADAMADAMADAMADAMADAMADAMADAMADAM", "sets up, keeps users"),
)


@dataclass(frozen=True, slots=True)
class ShownCode:
    """The code of one person's authenticator app."""

    person: DemoPerson
    code: str


def list_codes(now: float) -> tuple[ShownCode, ...]:
    """The codes that hold at a moment, in seconds since 1970."""
    import pyotp

    return tuple(
        ShownCode(person, pyotp.TOTP(person.totp_secret).at(int(now))) for person in PEOPLE if person.totp_secret
    )


def count_seconds_left(now: float) -> int:
    """How long the codes of a moment hold."""
    return _STEP_SECONDS - int(now) % _STEP_SECONDS


def add_people() -> None:
    """Add all of them to the database that the environment names. The sandbox is asked for its organization."""
    from rootkeeper.composition import application as bootstrap

    with bootstrap.Application(bootstrap.load_user_settings(None)) as application:
        who = application.ledger_identity
        keeping = application.identity_service_as(who)
        for person in PEOPLE:
            identity = keeping.add_user(person.name, person.role, PASSWORD)
            if person.totp_secret is not None:
                application.preset_factor(who, identity.identity_id, person.totp_secret)


if __name__ == "__main__":
    add_people()


_STARTS_WITHIN_SECONDS = 60.0


_ENDS_WITHIN_SECONDS = 12.0


_SHOWN_OF_LOG = 800


class DemoServer:
    """A running ``rootkeeper serve``; ended with the ``with`` block."""

    def __init__(self, port: int, settings: Mapping[str, str], folder: Path) -> None:
        """:param settings: variables of its environment; nothing of the person's own AWS settings is passed on.

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
        """On the same port and database, also after it ended; returns when it answers.

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
        """It ends by itself within ten seconds."""
        if self._process is None:
            return
        end_process(self._process, _ENDS_WITHIN_SECONDS)
        self._process = None

    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process is None or self._process.poll() is not None

    def read_log_end(self) -> str:
        """The last that it said."""
        return _shorten(self.log.read_bytes())

    def _add_people(self) -> None:
        added = subprocess.run(
            [sys.executable, "-m", "rootkeeper.cli.demo_server"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if added.returncode:
            raise InputError(f"The demo's users can't be added: {_shorten(added.stderr)}")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        if comes_true(self._answers, process, _STARTS_WITHIN_SECONDS):
            return
        if process.poll() is not None:
            raise InputError(f"The server didn't start: {self.read_log_end()}")
        raise InputError(f"The server didn't answer within {_STARTS_WITHIN_SECONDS:.0f} seconds.")

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
    return said.decode(errors="replace").strip()[-_SHOWN_OF_LOG:] or "it said nothing"
