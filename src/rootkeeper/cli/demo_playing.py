"""The demo's story in the terminal: commands in order, each checked against the sandbox's truth.

It uses a database of its own in a temporary folder, and an environment without the AWS settings of whoever runs it.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rootkeeper.cli.child_processes import comes_true
from rootkeeper.cli.demo_story import DemoStep, StoryCheck, Truth
from rootkeeper.cli.sandbox_control import SandboxProcess, clean_environment
from rootkeeper.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.text import Text

_MEANWHILE_SECONDS = 60.0


class DemoPlayer:
    """Plays a story on a running sandbox."""

    def __init__(self, sandbox: SandboxProcess, settings: Mapping[str, str], terminal: Terminal) -> None:
        """:param settings: variables of the commands' environment."""
        self._sandbox = sandbox
        self._terminal = terminal
        self._settings = settings
        self._held = 0
        self._failed: list[str] = []

    def play(self, story: Sequence[DemoStep]) -> list[str]:
        """Every step; the checks that failed are returned."""
        started = time.monotonic()
        for step in story:
            self._play(step)
        self._conclude(time.monotonic() - started)
        return self._failed

    def _play(self, step: DemoStep) -> None:
        self._terminal.show("", title(step.title), _prompt(step.arguments), "")
        sys.stdout.flush()
        before = self._sandbox.read_organization()
        with self._start(*step.arguments) as command, self._answering(step) as read_answer:
            meanwhile = [(check.claim, self._is_seen(check, before, command)) for check in step.meanwhile]
            status = command.wait()
            answer = read_answer()
        self._terminal.show("")
        for claim, is_seen in meanwhile:
            self._show_text(f"sandbox, while it ran: {claim}", holds=is_seen)
        self._show_text(f"exit status {status}, {step.exit_status} expected", holds=status == step.exit_status)
        after = self._sandbox.read_organization()
        for check in step.checks:
            self._show_text(f"sandbox: {check.claim}", holds=check.holds(before, after))
        self._check_answer(step, after, answer)

    def _check_answer(self, step: DemoStep, truth: Truth, written: bytes) -> None:
        try:
            answer = json.loads(written)
        except ValueError:
            answer = None
        for check in step.answer_checks:
            self._show_text(f"sandbox: {check.claim}", holds=answer is not None and check.holds(truth, answer))

    @contextmanager
    def _start(
        self, *arguments: str, stdout: int | None = None, stderr: int | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A command that doesn't outlive the story: an interrupted one would go on without its sandbox."""
        with subprocess.Popen(  # noqa: S603 - our own program, no shell
            [sys.executable, "-m", "rootkeeper", *arguments],
            env=clean_environment() | dict(self._settings),
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
    def _answering(self, step: DemoStep) -> Iterator[Callable[[], bytes]]:
        """The same command beside the shown one, as JSON, where its answer is to be checked."""
        if not step.answer_checks:
            yield lambda: b""
            return
        arguments = ("-o", "json", *step.arguments)
        with self._start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as command:
            yield lambda: command.communicate()[0]

    def _is_seen(self, check: StoryCheck, before: Truth, command: subprocess.Popen[bytes]) -> bool:
        """Whether it comes true while the command runs."""

        def holds() -> bool:
            return check.holds(before, self._sandbox.read_organization())

        return comes_true(holds, command, _MEANWHILE_SECONDS)

    def _show_text(self, claim: str, *, holds: bool) -> None:
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


def title(text: str) -> Text:
    """What stands above something."""
    from rich.text import Text

    return Text(text, style="bold")


def _prompt(arguments: Sequence[str]) -> Text:
    from rich.text import Text

    return Text.assemble(("$ ", "dim"), (f"rootkeeper {shlex.join(arguments)}", "bold cyan"))
