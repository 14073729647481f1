"""The processes of a server of several organizations: each organization is served by a process of its own.

So credentials, database, ledger, threads and memory of an organization are in no other's process. A process that ends
is started again; the listening socket stays with the front, so requests wait meanwhile. The front's secret goes through
a pipe, and neither into the arguments nor into the environment, which other programs can read.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from rootkeeper.clock import Clock

HOST = "127.0.0.1"
_LOOK_SECONDS = 0.25
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
"""Before a process is started again that ends again and again."""
_GOOD_SECONDS = 60.0
"""A process that has run for so long is started again at once."""
_FURTHER_NICENESS = 5
"""Than the front has: while all organizations are audited, people's requests reach their processes in time."""


@dataclass(slots=True)
class OrganizationProcess:
    """The process of an organization."""

    name: str
    organization_id: str
    listener: socket.socket
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    """In monotonic seconds."""
    pause_seconds: float = 0.0
    is_end_noted: bool = False

    @property
    def url(self) -> str:
        """Where it listens: on this machine alone."""
        return f"http://{HOST}:{self.listener.getsockname()[1]}"

    @property
    def fault(self) -> str | None:
        """Why it doesn't run; ``None`` if it does."""
        if self.process is None:
            return "Its process is starting."
        status = self.process.poll()
        return None if status is None else f"Its process ended with status {status}."


@dataclass(slots=True)
class OrganizationProcesses:
    """Starts the processes, starts them again, and ends them."""

    organizations: Mapping[str, str]
    """The id of each organization, by its name."""
    make_command: Callable[[str, int], Sequence[str]]
    """Makes the command that serves the organization of a name on the open socket of a number."""
    clock: Clock
    warn: Callable[[str], None]
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    """Proves to the processes that a request comes from the front."""
    by_name: Mapping[str, OrganizationProcess] = field(default_factory=dict)
    """Replaced as a whole by each change, so any thread can read it."""
    file_lock: threading.Lock = field(default_factory=threading.Lock)
    """Held while this server changes the settings file, or follows it."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _changing: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Start all of them; each needs some seconds until it answers.

        :raises OSError: if there is no free port.
        """
        for name, organization_id in self.organizations.items():
            self.put(name, organization_id)
        self._thread = threading.Thread(target=self._watch, name="rootkeeper-organizations", daemon=True)
        self._thread.start()

    def put(self, name: str, organization_id: str) -> None:
        """Serve a further organization; harmless when repeated.

        :raises OSError: if there is no free port.
        """
        with self._changing:
            if name in self.by_name or self._stopping.is_set():
                return
            listener = socket.socket()
            listener.bind((HOST, 0))
            listener.listen(128)
            added = OrganizationProcess(name, organization_id, listener)
            self._start(added)
            self.by_name = {**self.by_name, name: added}

    def take(self, name: str, seconds: float) -> bool:
        """End an organization's process, and don't start it again.

        :returns: whether it ended in time; otherwise it was killed, and its work is taken up at the next start.
        """
        with self._changing:
            taken = self.by_name.get(name)
            if taken is None:  # another program has just added it to the settings file
                return True
            self.by_name = {other: kept for other, kept in self.by_name.items() if other != name}
        if taken.process is not None and taken.fault is None:
            taken.process.terminate()
        return self._end(taken, seconds)

    def _start(self, organization: OrganizationProcess) -> None:
        handle = organization.listener.fileno()
        process = subprocess.Popen(  # noqa: S603 - our own program, no shell
            self.make_command(organization.name, handle),
            stdin=subprocess.PIPE,
            pass_fds=(handle,),
            start_new_session=True,
        )
        with suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + _FURTHER_NICENESS)
        organization.process, organization.started_at, organization.is_end_noted = (
            process,
            self.clock.monotonic(),
            False,
        )
        if process.stdin is not None:
            with suppress(BrokenPipeError), process.stdin as pipe:  # it has ended already, which the next look shows
                pipe.write(f"{self.secret}\n".encode())

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            for organization in self.by_name.values():
                with self._changing:
                    if organization.name in self.by_name:
                        self._restart_ended(organization)

    def _restart_ended(self, organization: OrganizationProcess) -> None:
        if organization.fault is None:
            return
        now = self.clock.monotonic()
        if not organization.is_end_noted:
            lasted = now - organization.started_at
            longer = min(max(_FIRST_PAUSE_SECONDS, 2 * organization.pause_seconds), _LONGEST_PAUSE_SECONDS)
            organization.pause_seconds = 0.0 if lasted >= _GOOD_SECONDS else longer
            organization.is_end_noted, organization.started_at = True, now
            self.warn(
                f"Organization {organization.name}: {organization.fault} It ran for {lasted:.0f} seconds, and is "
                f"started again in {organization.pause_seconds:.0f} seconds."
            )
        if now - organization.started_at >= organization.pause_seconds:
            self._start(organization)

    def begin_stop(self) -> None:
        """Ask all to end; each ends within ten seconds."""
        self._stopping.set()
        self._terminate()

    def _terminate(self) -> None:
        for organization in self.by_name.values():
            if organization.process is not None and organization.fault is None:
                organization.process.terminate()

    def stop(self, seconds: float) -> tuple[str, ...]:
        """Wait until all have ended; kill the rest, whose work is taken up again at the next start.

        :returns: the names of those that were killed.
        """
        self.begin_stop()
        ends = self.clock.monotonic() + seconds
        if self._thread is not None:
            self._thread.join(max(0.0, seconds))
        self._terminate()  # also a process that was being started
        return tuple(
            organization.name
            for organization in self.by_name.values()
            if not self._end(organization, ends - self.clock.monotonic())
        )

    def _end(self, organization: OrganizationProcess, seconds: float) -> bool:
        """Wait for the end of a process that was asked to end; kill it if it takes longer."""
        organization.listener.close()
        if organization.process is None:
            return True
        try:
            organization.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            organization.process.kill()
            organization.process.wait()
            return False
        return True
