"""A machine with Debian and Python alone: a file system made by debootstrap, and a user without any files.

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

REPOSITORY = Path(__file__).resolve().parents[2]
CLONE = "/srv/rootkeeper"
USER = "1000:1000"
_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_PIPX = "/opt/pipx"
_QUESTION = re.compile(r"(?:\[y/N\]|Type (?P<typed>o-\w+) to continue:)\s*$")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SECONDS = 1800.0
_BLOCK_BYTES = 512
_MEGABYTE = 2**20


@dataclass(slots=True)
class TypedCommand:
    """What a command line at a terminal did."""

    seconds: float
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
        """Make it, with the last commit as a clone and with pipx.

        :raises CalledProcessError: if there is no root user, debootstrap or package registry.
        """
        root = folder / "root"
        subprocess.run([REPOSITORY / "scripts/make-clean-root", root], check=True, stderr=subprocess.DEVNULL)
        (root / CLONE[1:]).mkdir()
        subprocess.run(["sh", "-c", f'git archive HEAD | tar -x -C "{root}{CLONE}"'], cwd=REPOSITORY, check=True)
        subprocess.run(["chown", "-R", USER, f"{root}{CLONE}"], check=True)
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
            for command in (f"python3 -m venv {_PIPX}", f"{_PIPX}/bin/pip install --quiet pipx"):
                done = machine.type(command, is_installing=True, user="0:0")
                assert done.status == 0, done.text
            yield machine
        finally:
            holder.kill()
            holder.wait()

    def become_new_user(self, name: str) -> None:
        """From now on, be a user without any files."""
        self.home = f"/home/{name}"
        (self.root / self.home[1:]).mkdir(parents=True)
        subprocess.run(["chown", USER, f"{self.root}{self.home}"], check=True)

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
            f"cd {CLONE}; exec {command}",
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
        status = None if until is not None and until in text else process.wait(_SECONDS)
        return TypedCommand(time.monotonic() - begins, status, text, process)

    def measure_installation(self) -> float:
        """The megabytes that the user's environment of pipx takes on the disk."""
        folder = self.root / self.home[1:] / ".local/share/pipx/venvs/rootkeeper"
        return sum(path.lstat().st_blocks for path in folder.rglob("*")) * _BLOCK_BYTES / _MEGABYTE

    def _environment(self) -> dict[str, str]:
        return {
            "HOME": self.home or "/root",
            "PATH": f"{self.home}/.local/bin:{_PIPX}/bin:/usr/local/bin:/usr/bin:/bin",
            "COLUMNS": "120",
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "SSL_CERT_FILE": _AUTHORITIES,
            "NODE_EXTRA_CA_CERTS": _AUTHORITIES,
            **self.variables,
        }


def interrupt(typed: TypedCommand) -> None:
    """Press Ctrl-C."""
    with suppress(ProcessLookupError):
        os.killpg(typed.process.pid, signal.SIGINT)
    typed.process.wait(_SECONDS)


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
