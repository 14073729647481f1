"""A machine of a reader of the guides: ports, folders and a terminal of its own.

Guides name fixed ports (4599, 8700), folders such as ``/var/lib/rootkeeper`` and the host ``rootkeeper.example.com``.
Namespaces of Linux give a test all of these for itself, so that each command runs as it is printed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp
import pytest

from tests.functional.guide_shell import SECONDS, Typed, type_command
from tests.unit.database.samples import REPOSITORY

SANDBOX_URL = "http://127.0.0.1:4599"
FOLDERS = ("/etc", "/media", "/srv", "/var/backups", "/var/lib")
"""Folders that belong to the machine; ``/etc`` begins as a copy of this one's."""

HOSTS = "127.0.0.1 rootkeeper.example.com db.example.com\n"
CLONE = (".venv", "scripts", "packaging", "docs")
"""What guides name relative to a clone."""

_SET_UP = """
set -e
ip link set lo up
for folder in {folders}; do mount --bind {root}$folder $folder; done
echo ready
exec sleep infinity
"""


@dataclass(slots=True)
class GuideMachine:
    """Runs commands in its namespaces."""

    root: Path
    """Has the machine's own folders."""
    process: subprocess.Popen[str]
    environment: dict[str, str]
    running: list[Typed] = field(default_factory=list)
    """Commands that don't end by themselves, such as servers, the newest last."""
    shown: str = ""
    """All that the page's commands showed."""
    tokens: dict[str, str] = field(default_factory=dict)
    """API tokens of people, by name."""
    totp_secret: str = ""
    """That of the reader's authenticator app."""

    @classmethod
    @contextmanager
    def start(cls, root: Path) -> Iterator[GuideMachine]:
        """Start one without any program; skip where the kernel allows no namespaces."""
        for folder in FOLDERS:
            (root / folder[1:]).mkdir(parents=True)
        shutil.copytree("/etc", root / "etc", symlinks=True, dirs_exist_ok=True, ignore=_unreadable)
        with (root / "etc/hosts").open("a") as hosts:
            hosts.write(HOSTS)
        home = root / "home"
        home.mkdir()
        for name in CLONE:
            (home / name).symlink_to(REPOSITORY / name)
        script = _SET_UP.format(folders=" ".join(FOLDERS), root=root)
        process = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--net", "--mount", "bash", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            _, reason = process.communicate()
            pytest.skip(f"no namespaces on this machine: guides can't be run ({reason.strip()})")
        machine = cls(root, process, _make_environment(home))
        try:
            yield machine
        finally:
            machine.interrupt_all()
            process.kill()
            process.communicate()

    @property
    def home(self) -> Path:
        return self.root / "home"

    def enter(self, *command: str) -> list[str]:
        """The command line that runs a program in the machine."""
        return [
            "nsenter",
            f"--target={self.process.pid}",
            "--user",
            "--net",
            "--mount",
            "--preserve-credentials",
            *command,
        ]

    # As the reader, at a terminal.

    def type(self, command: str) -> Typed:
        state = self.home / ".exported"
        script = (
            f'cd {self.home}\n[ -e {state} ] && . {state}\n{command}\nstatus=$?\nexport -p > {state}\nexit "$status"\n'
        )
        return type_command(
            command, self.enter("/bin/bash", "-o", "pipefail", "-c", script), self.environment, self.answer
        )

    def run(self, command: str) -> tuple[int, str]:
        typed = self.type(command)
        status = typed.end()
        self.shown += typed.text
        return status, typed.text

    def leave_running(self, command: str, shown: str) -> Typed:
        """Start a command and read until it shows that it works or waits."""
        typed = self.type(command)
        self.running.append(typed)
        typed.wait_for(shown)
        self.shown += typed.text
        typed.keep_reading()
        return typed

    def interrupt_all(self) -> None:
        """Press Ctrl-C in each terminal whose command still runs."""
        while self.running:
            typed = self.running.pop()
            typed.interrupt()

    def turn_page(self) -> None:
        """A new shell: nothing runs and nothing is exported."""
        self.interrupt_all()
        self.tokens.clear()
        (self.home / ".exported").unlink(missing_ok=True)
        self.shown = ""

    # Beside the reader.

    def ask(self, *command: str, **environment: str) -> str:
        """Run a program in the machine, which must end well, and return what it prints."""
        done = subprocess.run(
            self.enter(*command),
            cwd=self.home,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode in {0, 1}, f"{command}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start_program(self, *command: str, until: str, **environment: str) -> Typed:
        """Start a program beside the reader, and read until it shows that it works."""
        typed = type_command(command[0], self.enter(*command), self.environment | environment, self.answer)
        typed.wait_for(until)
        typed.keep_reading()
        self.running.append(typed)
        return typed

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One request to the sandbox's control interface, in the machine's network."""
        data = None if body is None else json.dumps(body).encode()
        how = {"method": method, "headers": {"Content-Type": "application/json"}, "data": data}
        program = (
            "from urllib.request import Request, urlopen\n"
            f"request = Request('{SANDBOX_URL}/_sandbox/{path}', **{how!r})\n"
            "print(urlopen(request, timeout=20).read().decode() or 'null')"
        )
        return json.loads(self.ask(sys.executable, "-c", program))

    def answer(self, question: re.Match[str]) -> str:
        """What the reader types."""
        if "authenticator" in question[0]:
            return pyotp.TOTP(self.totp_secret).now()
        if question["mailed"]:
            mails = self.control("GET", f"mailbox/{question['mailed']}")
            return str(re.findall(r"Verification code: (\w+)", json.dumps(mails))[-1])
        return question["typed"] or ("a long enough passphrase" if "assword" in question[0] else "y")


def start_sandbox(machine: GuideMachine) -> Typed:
    """Run the demo organization, and write the reader's AWS profile of its management account."""
    sandbox = machine.start_program(
        sys.executable, "-m", "rootkeeper_sandbox", "--scenario", "demo", "--exit-with-parent", until="READY"
    )
    machine.running.remove(sandbox)
    keys = next(one for one in machine.control("GET", "principals") if one["name"] == "management-admin")
    (machine.root / "aws-config").write_text(
        f"[profile management]\nregion = us-east-1\nendpoint_url = {SANDBOX_URL}\n"
        f"aws_access_key_id = {keys['access_key_id']}\naws_secret_access_key = {keys['secret_access_key']}\n"
    )
    return sandbox


def _make_environment(home: Path) -> dict[str, str]:
    return {
        "AWS_CONFIG_FILE": str(home.parent / "aws-config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PROFILE": "management",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "COLUMNS": "120",
        "HOME": str(home),
        "PATH": f"{home / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "TERM": "xterm",
    }


def _unreadable(folder: str, names: list[str]) -> set[str]:
    """Of ``/etc``, what this user can't copy, and what isn't a file."""
    paths = {name: Path(folder, name) for name in names}
    return {
        name
        for name, path in paths.items()
        if not path.is_symlink() and not (os.access(path, os.R_OK) and (path.is_dir() or path.is_file()))
    }
