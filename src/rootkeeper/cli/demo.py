"""``rootkeeper demo``: the main job on the sandbox, each step checked against the sandbox's truth.

It uses a database of its own in a temporary folder, and an environment without the AWS settings of whoever runs it.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.demo_story import STORY, Check, Step, Truth
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, single
from rootkeeper.cli.sandbox_control import SandboxProcess, choose_port, clean_environment
from rootkeeper.cli.terminal import Terminal
from rootkeeper.settings import SQLITE_PREFIX

if TYPE_CHECKING:
    from rich.text import Text

USUAL_PORT = 4599
_MEANWHILE_SECONDS = 60.0


def demo(
    invocation: Invocation,
    *,
    check: Annotated[bool, typer.Option("--check", help="End after the story, with 0 if every check held.")] = False,
    sandbox_port: Annotated[
        int | None,
        typer.Option(
            "--sandbox-port",
            metavar="PORT",
            min=1,
            max=65535,
            help=f"Where the sandbox listens. Default: {USUAL_PORT}, or a free one if that is taken.",
        ),
    ] = None,
) -> int:
    """Live the main job on a sandbox, in half a minute.

    Starts an AWS organization on localhost and plays: status, enable with a delegated administrator, audit, delete one
    organizational unit, read again, recover, close. Each command is shown before its output, and each step is checked
    against the sandbox's own account of its state. Then the sandbox keeps running for you, until Ctrl-C.

    Changes: nothing outside the sandbox. Your AWS profiles, credentials and database aren't read.

    AWS permissions: none.

    Exit statuses: 0 every check held; 1 one didn't; 2 wrong usage; 130 interrupted.
    """
    terminal = invocation.terminal
    port = choose_port(sandbox_port, USUAL_PORT)
    with tempfile.TemporaryDirectory(prefix="rootkeeper-demo-") as folder:
        terminal.show(_title(f"A sandbox with the demo organization starts on 127.0.0.1:{port} …"))
        with SandboxProcess(port, "--scenario", "demo") as sandbox:
            demonstration = Demonstration(sandbox, Path(folder), terminal)
            failures = demonstration.play(STORY)
            if not check:
                demonstration.linger()
    return ExitStatus.BAD if failures else ExitStatus.GOOD


class Demonstration:
    """Plays a story on a running sandbox."""

    def __init__(self, sandbox: SandboxProcess, folder: Path, terminal: Terminal) -> None:
        self._sandbox = sandbox
        self._terminal = terminal
        self._settings = self._choose_settings(folder)
        self._held = 0
        self._failed: list[str] = []

    def play(self, story: Sequence[Step]) -> list[str]:
        """Every step; the checks that failed are returned."""
        started = time.monotonic()
        for step in story:
            self._play(step)
        self._conclude(time.monotonic() - started)
        return self._failed

    def linger(self) -> None:
        """Keep the sandbox for the person, until Ctrl-C."""
        self._terminal.show(
            _title("The sandbox keeps running until Ctrl-C. To go on by yourself, in another terminal:"),
            *(f"  export {name}={shlex.quote(value)}" for name, value in self._settings.items()),
            f"  {_name_program()} audit",
        )
        sys.stdout.flush()
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            self._terminal.remark("The sandbox ends.")

    def _choose_settings(self, folder: Path) -> dict[str, str]:
        principal = self._sandbox.find_principal("management-admin")
        return {
            "AWS_ENDPOINT_URL": self._sandbox.url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": principal.access_key_id,
            "AWS_SECRET_ACCESS_KEY": principal.secret_access_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "ROOTKEEPER_DATABASE_URL": f"{SQLITE_PREFIX}{folder / 'rootkeeper.db'}",
        }

    def _play(self, step: Step) -> None:
        self._terminal.show("", _title(step.title), _prompt(step.arguments), "")
        sys.stdout.flush()
        before = self._sandbox.read_organization()
        with self._start(*step.arguments) as command, self._answering(step) as read_answer:
            meanwhile = [(check.claim, self._is_seen(check, before, command)) for check in step.meanwhile]
            status = command.wait()
            answer = read_answer()
        self._terminal.show("")
        for claim, is_seen in meanwhile:
            self._tell(f"sandbox, while it ran: {claim}", holds=is_seen)
        self._tell(f"exit status {status}, {step.exit_status} expected", holds=status == step.exit_status)
        after = self._sandbox.read_organization()
        for check in step.checks:
            self._tell(f"sandbox: {check.claim}", holds=check.holds(before, after))
        self._check_answer(step, after, answer)

    def _check_answer(self, step: Step, truth: Truth, written: bytes) -> None:
        try:
            answer = json.loads(written)
        except ValueError:
            answer = None
        for check in step.answer_checks:
            self._tell(f"sandbox: {check.claim}", holds=answer is not None and check.holds(truth, answer))

    @contextmanager
    def _start(
        self, *arguments: str, stdout: int | None = None, stderr: int | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A command that doesn't outlive the story: an interrupted one would go on without its sandbox."""
        with subprocess.Popen(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", "rootkeeper", *arguments],
            env=clean_environment() | self._settings,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        ) as command:
            try:
                yield command
            except BaseException:
                command.kill()
                command.wait()
                raise

    @contextmanager
    def _answering(self, step: Step) -> Iterator[Callable[[], bytes]]:
        """The same command beside the shown one, as JSON, where its answer is to be checked."""
        if not step.answer_checks:
            yield lambda: b""
            return
        arguments = ("-o", "json", *step.arguments)
        with self._start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as command:
            yield lambda: command.communicate()[0]

    def _is_seen(self, check: Check, before: Truth, command: subprocess.Popen[bytes]) -> bool:
        """Whether it comes true while the command runs."""
        end = time.monotonic() + _MEANWHILE_SECONDS
        while time.monotonic() < end and command.poll() is None:
            if check.holds(before, self._sandbox.read_organization()):
                return True
            time.sleep(0.1)
        return False

    def _tell(self, claim: str, *, holds: bool) -> None:
        from rich.text import Text

        self._held += holds
        if not holds:
            self._failed.append(claim)
        self._terminal.show(Text(f"{'✓' if holds else '✗ FAILED:'} {claim}", style="green" if holds else "bold red"))
        sys.stdout.flush()

    def _conclude(self, seconds: float) -> None:
        from rich.text import Text

        text = f"{self._held} checks held, {len(self._failed)} failed, in {seconds:.0f} s."
        self._terminal.show("", Text(text, style="bold red" if self._failed else "bold green"))


def _name_program() -> str:
    """How the person can run this program by hand."""
    return "rootkeeper" if shutil.which("rootkeeper") else f"{shlex.quote(sys.executable)} -m rootkeeper"


def _title(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="bold")


def _prompt(arguments: Sequence[str]) -> Text:
    from rich.text import Text

    return Text.assemble(("$ ", "dim"), (f"rootkeeper {shlex.join(arguments)}", "bold cyan"))


application = single(demo)
