"""The processes of a demo: the sandbox, and a server with a user of each role."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Self

from rootkeeper.access.rules import Identity, ServerPerson
from rootkeeper.demo.story import DEMO_USERS, PASSWORD
from rootkeeper.errors import InputError

if TYPE_CHECKING:
    from rootkeeper.composition.application import Application

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


class DemoProcess(ABC):
    """A process of this program that answers on localhost; it ends with the ``with`` block."""

    name: ClassVar[str]
    health: ClassVar[str]
    """The path that answers 200 when the process is ready."""
    starts_within_seconds: ClassVar[float]
    ends_within_seconds: ClassVar[float]

    def __init__(self, port: int, environment: Mapping[str, str]) -> None:
        self.port = port
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._process is not None:
            end_process(self._process, self.ends_within_seconds)
            self._process = None

    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process is None or self._process.poll() is not None

    @abstractmethod
    def read_last_words(self) -> str:
        """Read the last part of its stderr."""

    def get(self, path: str) -> bytes:
        """Read a path of the process as ``send`` does."""
        return self.send("GET", path)

    def send(self, method: str, path: str, body: object = None) -> bytes:
        """Send a request, with a body as JSON. An answer has as much time as a start.

        :raises InputError: if there is no answer, or it isn't 200.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=self.starts_within_seconds)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            answered = answer.read()
        except TimeoutError as error:
            raise InputError(
                f"The {self.name} didn't answer {path} within {self.starts_within_seconds:.0f} seconds.",
                hint="Close programs that keep this machine busy, then run it again.",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise InputError(f"The {self.name} didn't answer {path}: {error}.") from error
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise InputError(f"The {self.name} answered {path} with HTTP status {answer.status}.")
        return answered

    def _start(self, *arguments: str, stderr: int | BinaryIO) -> None:
        """Start it, and return when it answers.

        :raises InputError: if it doesn't start.
        """
        self._process = process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=self._environment,
            start_new_session=True,
        )
        try:
            if comes_true(self._answers, process, self.starts_within_seconds):
                return
            if process.poll() is not None:
                raise InputError(f"The {self.name} didn't start: {self.read_last_words()}")
            raise InputError(f"The {self.name} didn't answer within {self.starts_within_seconds:.0f} seconds.")
        except BaseException:
            self.close()
            raise

    def _answers(self) -> bool:
        try:
            self.get(self.health)
        except InputError:
            return False
        return True


class SandboxProcess(DemoProcess):
    """A running sandbox; it also ends when this process dies."""

    name = "sandbox"
    health = "/_sandbox/health"
    starts_within_seconds = 30.0
    ends_within_seconds = 5.0

    def __init__(self, port: int, *options: str) -> None:
        super().__init__(port, clean_environment())
        self._options = options

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        """:raises InputError: if it doesn't start."""
        arguments = ("--port", str(self.port), "--exit-with-parent", str(os.getpid()), *self._options)
        self._start("rootkeeper_sandbox", *arguments, stderr=subprocess.PIPE)
        return self

    def close(self) -> None:
        process = self._process
        super().close()
        if process is not None and process.stderr is not None:
            process.stderr.close()

    def read_last_words(self) -> str:
        said = self._process.stderr.read() if self._process is not None and self._process.stderr is not None else b""
        return said.decode(errors="replace").strip()[-400:] or "it said nothing"

    def read_organization(self) -> dict[str, Any]:
        """Read the sandbox's own state of the organization."""
        truth: dict[str, Any] = json.loads(self.get("/_sandbox/organization"))
        return truth

    def report_sign_ins(self, console_url: str, failsafe_account_id: str) -> None:
        """Let the sandbox's page of users and codes show the demo's users and its failsafe."""
        demo = {
            "console_url": console_url,
            "password": PASSWORD,
            "users": [asdict(user) for user in DEMO_USERS],
            "failsafe_account_id": failsafe_account_id,
        }
        self.send("PUT", "/_sandbox/demo", demo)

    def find_principal(self, name: str) -> dict[str, str]:
        """Find a principal by name. Its keys are public and are worth nothing elsewhere."""
        principals: list[dict[str, str]] = json.loads(self.get("/_sandbox/principals"))
        for principal in principals:
            if principal["name"] == name:
                return principal
        raise InputError(f"The sandbox has no principal {name!r}.")


def clean_environment() -> dict[str, str]:
    """This process's environment without settings of AWS and Rootkeeper, and without proxies."""
    unwanted = ("AWS_", "ROOTKEEPER_", "BOTO_")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(unwanted) and not name.lower().endswith("_proxy")
    }


def choose_port(wanted: int | None, usual: int, option: str = "--sandbox-port") -> int:
    """Choose the requested port; by default the usual port, or a free port if that is taken.

    :raises InputError: if the requested port is taken.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise InputError(
                f"Port {wanted} is taken.", hint=f"Choose another port with {option}, or leave out {option}."
            )
        return wanted
    if _is_free(usual):
        return usual
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def add_people(config: Path | None) -> None:
    """Add the users to the database that the environment names. Asks the sandbox for its organization.

    :param config: a settings file of several organizations; each user gets the same role in all of them.
    """
    from rootkeeper.composition.application import Application
    from rootkeeper.settings.reading import load_user_settings

    if config is None:
        with Application(load_user_settings(None)) as application:
            application.use_known_organization()
            _add_users(application)
        return
    from rootkeeper.organizations.front import open_people
    from rootkeeper.settings.reading import list_organizations

    with open_people(config, lambda _: None, "SANDBOX") as people:
        users = _add_users(people)
    for table in list_organizations(config):
        with Application(load_user_settings(config, table.name)) as application:
            application.use_known_organization()
            for user in users:
                application.identity_service.admit_server_user(
                    ServerPerson(user.identity_id, user.name, False), user.role
                )


def _add_users(application: Application) -> list[Identity]:
    users = []
    for person in DEMO_USERS:
        users.append(application.identity_service.add_user(person.name, person.role, PASSWORD))
        if person.totp_secret is not None:
            application.preset_factor(users[-1].identity_id, person.totp_secret)
    return users


class DemoServer(DemoProcess):
    """A running ``rootkeeper serve``; it also ends when this process dies."""

    name = "server"
    health = "/healthz"
    starts_within_seconds = 60.0
    ends_within_seconds = 12.0

    def __init__(self, port: int, settings: Mapping[str, str], folder: Path, config: Path | None = None) -> None:
        """:param settings: variables of its environment; the person's own AWS settings aren't passed on.
        :param folder: for its log.
        :param config: a settings file of several organizations.
        """
        super().__init__(port, clean_environment() | dict(settings))
        self.log = folder / "server.log"
        self._config = config

    @property
    def url(self) -> str:
        from rootkeeper.cli.server_process import render_url

        return render_url(HOST, self.port)

    def __enter__(self) -> Self:
        """:raises InputError: if it doesn't start."""
        added = subprocess.run(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", "rootkeeper.cli.demo_processes", *self._list_config()],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if added.returncode:
            raise InputError(f"The demo's users can't be added: {_shorten(added.stderr)}")
        self.start()
        return self

    def start(self) -> None:
        """Start it, also after it ended, on the same port and database; return when it answers.

        :raises InputError: if it doesn't start.
        """
        with self.log.open("ab") as log:
            arguments = ("--port", str(self.port), "--guided-story", "--exit-with-parent", str(os.getpid()))
            options = () if self._config is None else ("--config", *self._list_config())
            self._start("rootkeeper", *options, "serve", *arguments, stderr=log)

    def _list_config(self) -> tuple[str, ...]:
        return () if self._config is None else (str(self._config),)

    def read_last_words(self) -> str:
        return _shorten(self.log.read_bytes())


def _shorten(said: bytes) -> str:
    return said.decode(errors="replace").strip()[-800:] or "no message"


if __name__ == "__main__":
    add_people(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
