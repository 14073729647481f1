"""Which process this is, and whether another one is provably gone.

Only a process of this very host, boot and process namespace can be judged; of any other, only its lease tells. A
start time stands beside the process id, since ids are given out again. On Linux it is the kernel's own tick count:
a start time on the wall clock moves when the clock is set, and would make a live process look dead.
"""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_GONE_STATES = frozenset({"Z", "X", "x"})
"""Zombie and dead. Source: proc_pid_stat(5)."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, told apart from all that were and will be."""

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
    """Whether a process of this host doesn't run any more; ``False`` whenever that can't be told.

    :param proc: where processes show; another user's don't where it is mounted with ``hidepid``.
    """
    if (identity.host, identity.boot_id) != (socket.gethostname(), _read_boot_id()) or not identity.process_started:
        return False
    found = _find_start(identity.process_id, proc)
    return found != identity.process_started and not (found is None and _is_hidden(identity.process_id, proc))


@cache
def _read_boot_id() -> str:
    """The boot and the process namespace: in another container the same id is another process."""
    try:
        boot_id = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot_id} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        import psutil  # here, since it is only needed where there is no /proc

        return f"{psutil.boot_time():.0f}"


def _is_hidden(process_id: int, proc: Path) -> bool:
    """Whether the process lives and only doesn't show. Source: kill(2), signal 0; proc(5), ``hidepid``."""
    if (proc / str(process_id)).exists() or not (proc / "self/stat").exists():
        return False
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _find_start(process_id: int, proc: Path = _PROC) -> str | None:
    """When the process started, as a text that stays the same; ``None`` if it is gone."""
    try:
        fields = (proc / str(process_id) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None if (proc / "self/stat").exists() else _find_start_elsewhere(process_id)
    return None if fields[0] in _GONE_STATES else fields[19]


def _find_start_elsewhere(process_id: int) -> str | None:
    import psutil  # here, since it is only needed where there is no /proc

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
