"""A machine with Debian, Python, git and make alone: a file system made by debootstrap, and a user without any files.

Installing uses this machine's network. Everything else runs in a network of its own, so that ports are free.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[2]
USER = "1000:1000"
ROOT = "0:0"
_PACKAGES = ("git", "make")
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_UV = "/opt/uv"
_QUESTION = re.compile(r"(?:\[y/N\]|\[Y/n\]|Type (?P<typed>o-\w+) to continue:)\s*$")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SECONDS = 1800.0
_ENDING_SECONDS = 60.0
_BLOCK_BYTES = 512
_MEGABYTE = 2**20


@dataclass(slots=True)
class TypedCommand:
    """What a command line at a terminal did."""

    seconds: float
    cpu_seconds: float
    """Of its processes, also of those that still run."""
    status: int | None
    """``None`` if it still runs."""
    text: str
    process: subprocess.Popen[bytes]


@dataclass(slots=True)
class CleanMachine:
    """Runs commands in the root, each as a person types it."""

    root: Path
    holder: subprocess.Popen[str]
    """Keeps the machine's own network."""
    home: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def make(cls, folder: Path) -> Iterator[CleanMachine]:
        """Make it, with uv beside Debian's packages.

        :raises CalledProcessError: if there is no root user, debootstrap or package registry.
        """
        root = folder / "root"
        making = [str(REPOSITORY / "scripts/make-clean-root"), str(root), *_PACKAGES]
        subprocess.run(making, check=True, stderr=subprocess.DEVNULL)
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        shutil.copy("/etc/hosts", root / "etc/hosts")
        mounts = "ip link set lo up; mount --bind /dev {0}/dev; mount -t proc proc {0}/proc; echo ready; exec sleep 1d"
        holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", mounts.format(root)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "ready\n"
            machine = cls(root, holder)
            for command in (f"python3 -m venv {_UV}", f"{_UV}/bin/pip install --quiet uv", "apt-get update"):
                done = machine.type(command, is_installing=True, user=ROOT)
                assert done.status == 0, done.text
            yield machine
        finally:
            holder.kill()
            holder.wait()

    @property
    def clone(self) -> str:
        return f"{self.home}/rootkeeper"

    def become_new_user(self, name: str, commit: str = "HEAD") -> None:
        """From now on, be a user with a clone and no other files, also none in caches."""
        self.home = f"/home/{name}"
        folder = f"{self.root}{self.clone}"
        cloning = ["git", "clone", "--quiet", "--no-hardlinks", "--no-checkout", str(REPOSITORY), folder]
        subprocess.run(cloning, check=True)
        checking_out = ["git", "-c", "advice.detachedHead=false", "-C", folder, "checkout", "--quiet", commit]
        subprocess.run(checking_out, check=True)
        subprocess.run(["chown", "-R", USER, f"{self.root}{self.home}"], check=True)

    def type(
        self, command: str, *, is_installing: bool = False, user: str = USER, until: str | None = None
    ) -> TypedCommand:
        """Type a command line, answer its questions, and wait for its end, or until it shows a text."""
        enter = [
            "/usr/sbin/chroot",
            f"--userspec={user}",
            str(self.root),
            "/bin/sh",
            "-c",
            f"cd {self.clone if self.home else '/'}; {command}",
        ]
        (child,) = subprocess.check_output(["pgrep", "--parent", str(self.holder.pid)], text=True).split()
        spaces = ["--mount", "--pid"] if is_installing else ["--mount", "--pid", "--net"]
        ours, theirs = pty.openpty()
        begins = time.monotonic()
        process = subprocess.Popen(
            ["nsenter", f"--target={child}", *spaces, *enter],
            env=self._environment(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        text = _converse(ours, until)
        seconds = time.monotonic() - begins
        if until is not None and until in text:
            return TypedCommand(seconds, _sum_cpu_seconds(process.pid), None, text, process)
        _, wait_status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(wait_status)
        return TypedCommand(seconds, usage.ru_utime + usage.ru_stime, process.returncode, text, process)

    def measure_installation(self) -> float:
        """The megabytes that the user's environment with Rootkeeper takes on the disk."""
        programs = (self.root / self.home[1:]).glob("**/bin/rootkeeper")
        (folder,) = (path.parents[1] for path in programs if not path.is_symlink())
        return sum(path.lstat().st_blocks for path in folder.rglob("*")) * _BLOCK_BYTES / _MEGABYTE

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": self.home or "/root",
            "PATH": f"{self.home}/.local/bin:{_UV}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "COLUMNS": "120",
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            "SSL_CERT_FILE": _AUTHORITIES,
            "NODE_EXTRA_CA_CERTS": _AUTHORITIES,
            **self.variables,
        }


def interrupt(typed: TypedCommand) -> None:
    """Press Ctrl-C; kill what ignores it, as programs do whose shell started this one in the background."""
    with suppress(ProcessLookupError):
        os.killpg(typed.process.pid, signal.SIGINT)
    try:
        typed.process.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(typed.process.pid, signal.SIGKILL)
        typed.process.wait()


def _sum_cpu_seconds(process_id: int) -> float:
    """Those of a running process, its descendants, and what these have waited for."""
    total = 0.0
    process = psutil.Process(process_id)
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += sum(one.cpu_times()[:4])
    return total


def _converse(terminal: int, until: str | None) -> str:
    """Read and answer to the end, or until a text is shown."""
    raw, answered = "", 0
    while until is None or until not in raw:
        ready, _, _ = select.select([terminal], [], [], _SECONDS)
        data = b""
        if ready:
            with suppress(OSError):  # Linux: the other end is closed
                data = os.read(terminal, 65_536)
        if not data:
            break
        raw += data.decode(errors="replace")
        found = _QUESTION.search(_ESCAPE.sub("", raw[answered:]))
        if found:
            answered = len(raw)
            os.write(terminal, f"{found['typed'] or 'y'}\n".encode())
    return _ESCAPE.sub("", raw).replace("\r", "")


def list_commands(page: Path) -> Sequence[str]:
    """List the command lines of a page's console blocks, in order, without the comments at their ends."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s+#.*", "", line) for line in lines]
