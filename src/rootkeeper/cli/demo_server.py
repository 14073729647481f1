"""A server and its console on the demo's sandbox: prepared with people, started, waited for, and ended."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from rootkeeper.cli.child_processes import comes_true, end_process
from rootkeeper.cli.sandbox_control import HOST, clean_environment
from rootkeeper.cli.served_urls import render_url
from rootkeeper.errors import InputError

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
            [sys.executable, "-m", "rootkeeper.cli.demo_people"],
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
