"""Identifies this process, finds out whether another process is gone, and allows one server per SQLite file.

Only processes of this host, boot and process namespace can be checked; for others only the lease counts. Process ids
are reused, so an identity includes the start time. On Linux that is the kernel's tick count: a start time on the wall
clock moves when the clock is set, and would make a live process look dead.

The server's lock is on a file beside the database. The kernel frees it when the process ends, even if it was killed. A
server that is stopped or hung keeps it, so the file also has a lease that the server renews: after its end a command
may close windows in the server's place. On PostgreSQL many servers run side by side, without a lock.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Self

from sqlalchemy.engine import make_url

from rootkeeper.clock import Clock
from rootkeeper.database.files import make_private_folder, try_lock
from rootkeeper.errors import DatabaseError, ServerRunningError

_PROC = Path("/proc")
_GONE_STATES = frozenset({"Z", "X", "x"})
"""Zombie and dead. Source: proc_pid_stat(5)."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """Identifies a process, different from all earlier and later processes."""

    host: str
    boot_id: str
    process_id: int
    process_started: str
    user_name: str

    def describe(self) -> str:
        return f"{self.user_name} (process {self.process_id} on {self.host})"


def identify_this_process() -> ProcessIdentity:
    process_id = os.getpid()
    return ProcessIdentity(
        host=socket.gethostname(),
        boot_id=_read_boot_id(),
        process_id=process_id,
        process_started=_find_start(process_id) or "",
        user_name=_find_user_name(),
    )


def is_provably_gone(identity: ProcessIdentity, proc: Path = _PROC) -> bool:
    """Whether a process of this host has ended for certain; ``False`` if that can't be known.

    :param proc: the process file system, which hides other users' processes if mounted with ``hidepid``.
    """
    if (identity.host, identity.boot_id) != (socket.gethostname(), _read_boot_id()) or not identity.process_started:
        return False
    found = _find_start(identity.process_id, proc)
    return found != identity.process_started and not (found is None and _is_hidden(identity.process_id, proc))


@cache
def _read_boot_id() -> str:
    """The boot and the process namespace: in another container the same id is another process."""
    try:
        return f"{_read_kernel_boot()} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return _read_kernel_boot()


@cache
def _read_kernel_boot() -> str:
    """All containers of a machine share the boot, and its monotonic clock."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil  # here, because only systems without /proc need it

        return f"{psutil.boot_time():.0f}"


def _is_hidden(process_id: int, proc: Path) -> bool:
    """Whether the process runs, but is hidden. Source: kill(2), signal 0; proc(5), ``hidepid``."""
    if (proc / str(process_id)).exists() or not (proc / "self/stat").exists():
        return False
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _find_start(process_id: int, proc: Path = _PROC) -> str | None:
    """Find when the process started, as a stable text; ``None`` if it has ended."""
    try:
        fields = (proc / str(process_id) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if (proc / "self/stat").exists() else _find_start_elsewhere(process_id)
    return None if fields[0] in _GONE_STATES else fields[19]


def _find_start_elsewhere(process_id: int) -> str | None:
    import psutil  # here, because only systems without /proc need it

    try:
        process = psutil.Process(process_id)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return f"{psutil.Process(process_id).create_time():.2f}"


def _find_user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


_SUFFIX = ".server"
_WAIT_SECONDS = 1.0
"""A command that checks whether a server runs holds the lock for less than this."""
_POLL_SECONDS = 0.02
_RENEWALS_PER_LEASE = 4
_CONTENT_BYTES = 1024
"""More than any content: the file is written in place with a single call, so that a full disk doesn't end the lease."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The server that runs on a database, as its lock file describes it."""

    process_id: int | None = None
    host: str | None = None
    since: str | None = None
    url: str | None = None
    """Where it listens; ``None`` for a worker, or if unknown."""
    boot_id: str | None = None
    """Of the kernel with the clock that measures ``lease_ends``."""
    lease_ends: float | None = None
    """In seconds of that kernel's monotonic clock."""

    def find_silence(self, clock: Clock) -> float | None:
        """Find for how many seconds its lease has been over; ``None`` while it isn't, or if that isn't known here."""
        if self.lease_ends is None or self.boot_id is None or self.boot_id != _read_kernel_boot():
            return None
        silence = clock.monotonic() - self.lease_ends
        return silence if silence > 0 else None

    def describe(self) -> str:
        """Describe it, such as ``process 17 on example, since 2026-11-26T13:00:00+00:00``."""
        who = "an unknown process" if self.process_id is None else f"process {self.process_id}"
        return who + (f" on {self.host}" if self.host else "") + (f", since {self.since}" if self.since else "")


class ServerLock:
    """Locks the database for a server, from its creation until it is closed or its process ends; renews the lease."""

    def __init__(self, path: Path, server: RunningServer, clock: Clock, lease_seconds: float) -> None:
        """:raises ServerRunningError: if another server holds it.

        :raises DatabaseError: if the file can't be created.
        """
        self._clock = clock
        self._server = asdict(server) | {"boot_id": _read_kernel_boot()}
        self._pause = lease_seconds / _RENEWALS_PER_LEASE
        # Longer by a renewal than the leases of owners: the server's locks can be taken over when this lease ends.
        self._lease_seconds = lease_seconds + self._pause
        self._stopping = threading.Event()
        self._open = ExitStack()
        try:
            make_private_folder(path.parent)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DatabaseError(
                f"The lock file {path} can't be created: {error.strerror}.", hint="Check the folder's permissions."
            ) from error
        self._open.callback(os.close, self._handle)
        if not _lock_within(self._handle, fcntl.LOCK_EX, _WAIT_SECONDS):
            self._open.close()
            raise _refuse_second(path, clock)
        self._renew()
        thread = threading.Thread(target=self._keep_renewing, name="rootkeeper-server-lease", daemon=True)
        thread.start()
        self._open.callback(thread.join)
        self._open.callback(self._stopping.set)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep_renewing(self) -> None:
        while not self._stopping.wait(self._pause):
            self._renew()

    def _renew(self) -> None:
        """Write who runs, for the messages of those that are refused, and until when it counts as alive."""
        text = json.dumps(self._server | {"lease_ends": self._clock.monotonic() + self._lease_seconds})
        with suppress(OSError):  # on a full disk, others may close windows too, which does no harm
            os.pwrite(self._handle, text.encode().ljust(_CONTENT_BYTES), 0)

    def close(self) -> None:
        """Release the lock. The file stays: if it were removed, two servers could lock two files of its name."""
        self._open.close()


def _refuse_second(path: Path, clock: Clock) -> ServerRunningError:
    running = _read(path)
    where = f" It listens on {running.url}." if running.url else ""
    database = path.with_name(path.name.removesuffix(_SUFFIX))
    hint = "Only one server can run on a SQLite file. Stop that server first, or use PostgreSQL for several."
    silence = running.find_silence(clock)
    if silence is not None:
        where += f" Its lease ended {silence:.0f} seconds ago: it is stopped or hung."
        hint = f"End that process, such as by kill -9 {running.process_id}. Only one server can run on a SQLite file."
    return ServerRunningError(f"A server runs on {database} already: {running.describe()}.{where}", hint=hint)


def take_server_lock(database_url: str, clock: Clock, lease_seconds: float, url: str | None) -> ServerLock | None:
    """Lock the database for this server; ``None`` if many may run.

    :param lease_seconds: how long the leases of this server's owners last.
    :param url: where this server listens, for the messages of those that are refused.
    :raises ServerRunningError: if another server runs.
    :raises DatabaseError: if the lock file can't be created.
    """
    path = _lock_path(database_url)
    if path is None:
        return None
    since = clock.now().isoformat(timespec="seconds")
    return ServerLock(path, RunningServer(os.getpid(), socket.gethostname(), since, url), clock, lease_seconds)


def find_running_server(database_url: str) -> RunningServer | None:
    """Find the server that runs on a SQLite file; ``None`` if there is none, or on PostgreSQL."""
    path = _lock_path(database_url)
    if path is None:
        return None
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _lock_within(handle, fcntl.LOCK_SH, 0) else _read(path)
    finally:
        os.close(handle)


def _lock_path(database_url: str) -> Path | None:
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    path = Path(url.database).resolve()
    return path.with_name(path.name + _SUFFIX)


def _lock_within(handle: int, kind: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not try_lock(handle, kind):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _read(path: Path) -> RunningServer:
    try:
        return RunningServer(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return RunningServer()
