"""The demo's story in the terminal: commands in order, and the checks after each.

A check reads the sandbox's own state before and after the command, never the command's output. The commands use a
database in a temporary folder, and no AWS settings of the person who runs the demo.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from rootkeeper.cli.demo_processes import SandboxProcess, clean_environment, comes_true
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import IAM_SERVICE_PRINCIPAL

if TYPE_CHECKING:
    from rich.text import Text


DELEGATE = "222233334444"
OU_PATH = "AnyCompany"
RECOVERED = "800090001000"
WINDOW_SECONDS = 10

Truth: TypeAlias = Mapping[str, Any]
"""The answer of ``GET /_sandbox/organization``."""


@dataclass(frozen=True, slots=True)
class StoryCheck:
    """A claim, and how the sandbox's state shows it."""

    claim: str
    holds: Callable[[Truth, Mapping[str, Any]], bool]
    """Given the truth before and after the command; or the truth after it and its JSON answer."""


@dataclass(frozen=True, slots=True)
class DemoStep:
    """A command of the story."""

    title: str
    arguments: tuple[str, ...]
    exit_status: int
    checks: tuple[StoryCheck, ...] = ()
    meanwhile: tuple[StoryCheck, ...] = ()
    """Claims that must become true while the command still runs."""
    answer_checks: tuple[StoryCheck, ...] = ()


def root_user(truth: Truth, account_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(
        account["root_user"] for account in truth["accounts"] if account["account_id"] == account_id
    )
    return found


def is_bare(user: Mapping[str, Any]) -> bool:
    """Return whether a root user has no credentials: it can't sign in and can't recover a password."""
    kinds = ("password", "recovery_allowed", "access_keys", "signing_certificates", "mfa_devices")
    return not any(user[kind] for kind in kinds)


def _users(truth: Truth, *, in_unit: bool) -> dict[str, Mapping[str, Any]]:
    return {
        account["account_id"]: account["root_user"]
        for account in truth["accounts"]
        if (OU_PATH in account["ou_path"].split("/")) is in_unit
    }


def _are_bare(_: Truth, after: Truth) -> bool:
    users = _users(after, in_unit=True)
    return len(users) > 0 and all(is_bare(user) for user in users.values())


def _matches_sandbox(truth: Truth, answer: Mapping[str, Any]) -> bool:
    """Return whether every known status is true, and no account is left out."""
    users = {account["account_id"]: account["root_user"] for account in truth["accounts"]}
    found = {account["account_id"]: account["status"] for account in answer["accounts"]}
    selected = users.keys() & found.keys()
    return len(selected) == len(found) > 0 and all(
        is_bare(users[account_id]) is (found[account_id] == "not_present")
        for account_id in selected
        if found[account_id] in ("present", "not_present")
    )


_ALL_THERE = StoryCheck(
    "no account is missing", lambda truth, answer: len(answer["accounts"]) == len(truth["accounts"])
)
_NOTHING_LEFT = StoryCheck(
    "nothing is left", lambda _, answer: {account["status"] for account in answer["accounts"]} == {"not_present"}
)
_TRUE = StoryCheck("the audit's status of each account is true", _matches_sandbox)
_UNCHANGED = StoryCheck("nothing changed in AWS", lambda before, after: before == after)
STORY = (
    DemoStep(
        "A company of 26 accounts. Root access management is off.",
        ("status",),
        exit_status=1,
        checks=(StoryCheck("no feature is on", lambda _, after: not after["features"]), _UNCHANGED),
    ),
    DemoStep(
        "Enable it. The security account becomes delegated administrator and failsafe.",
        ("enable", "--delegated-administrator", DELEGATE, "--yes"),
        exit_status=0,
        checks=(
            StoryCheck(
                "IAM has trusted access", lambda _, after: IAM_SERVICE_PRINCIPAL in str(after["trusted_services"])
            ),
            StoryCheck("both features are on", lambda _, after: len(after["features"]) == 2),
            StoryCheck(
                f"{DELEGATE} is delegated administrator",
                lambda _, after: DELEGATE in str(after["delegated_administrators"]),
            ),
            StoryCheck("no root user changed", lambda before, after: before["accounts"] == after["accounts"]),
        ),
    ),
    DemoStep(
        "Which accounts have root user credentials? Two read calls per account.",
        ("audit",),
        exit_status=1,
        checks=(_UNCHANGED,),
        answer_checks=(_ALL_THERE, _TRUE),
    ),
    DemoStep(
        f"The accounts of {OU_PATH} have passwords, keys and certificates. Delete them.",
        ("delete", "--ou", OU_PATH, "--yes"),
        exit_status=0,
        checks=(
            StoryCheck(f"no root user in {OU_PATH} has credentials", _are_bare),
            StoryCheck(
                "no other root user changed",
                lambda before, after: _users(before, in_unit=False) == _users(after, in_unit=False),
            ),
            StoryCheck("the accounts stay", lambda before, after: len(before["accounts"]) == len(after["accounts"])),
        ),
    ),
    DemoStep(
        "Audit them again.",
        ("audit", "--ou", OU_PATH),
        exit_status=0,
        checks=(_UNCHANGED,),
        answer_checks=(_NOTHING_LEFT, _TRUE),
    ),
    DemoStep(
        "One account needs its root user. Allow recovery for a short time.",
        (
            *("recover", RECOVERED, "--reason", "Register as a seller", "--ticket", "OPS-1234"),
            *("--for", f"{WINDOW_SECONDS}s", "--yes"),
        ),
        exit_status=0,
        meanwhile=(
            StoryCheck(
                "the root user can recover its password",
                lambda _, after: bool(root_user(after, RECOVERED)["recovery_allowed"]),
            ),
        ),
        checks=(StoryCheck("the window is closed, and no root user credentials are left", _are_bare),),
    ),
    DemoStep("The window is recorded.", ("windows", "list"), exit_status=0, checks=(_UNCHANGED,)),
    DemoStep("The ledger of every call is intact.", ("ledger", "verify"), exit_status=0),
)
_MEANWHILE_SECONDS = 60.0


class DemoPlayer:
    """Plays a story on a running sandbox."""

    def __init__(self, sandbox: SandboxProcess, settings: Mapping[str, str], terminal: Terminal) -> None:
        """:param settings: variables of the commands' environment."""
        self._sandbox = sandbox
        self._terminal = terminal
        self._settings = settings
        self._passed = 0
        self._failed: list[str] = []

    def play(self, story: Sequence[DemoStep]) -> list[str]:
        """Play every step; return the checks that failed."""
        from rich.text import Text

        started = time.monotonic()
        for step in story:
            self._play(step)
        seconds = time.monotonic() - started
        text = f"{self._passed} checks passed, {len(self._failed)} failed, in {seconds:.0f} s."
        self._terminal.show("", Text(text, style="bold red" if self._failed else "bold green"))
        return self._failed

    def _play(self, step: DemoStep) -> None:
        from rich.text import Text

        prompt = Text.assemble(("$ ", "dim"), (f"rootkeeper {shlex.join(step.arguments)}", "bold cyan"))
        self._terminal.show("", title(step.title), prompt, "")
        before = self._sandbox.read_organization()
        with self._start(*step.arguments) as command, self._answering(step) as read_answer:
            meanwhile = []
            for check in step.meanwhile:
                is_true = partial(self._is_true, check, before)
                meanwhile.append((check.claim, comes_true(is_true, command, _MEANWHILE_SECONDS)))
            status = command.wait()
            written = read_answer()
        self._terminal.show("")
        for claim, is_seen in meanwhile:
            self._show_text(f"sandbox, during the command: {claim}", holds=is_seen)
        self._show_text(f"exit status {status}, expected {step.exit_status}", holds=status == step.exit_status)
        after = self._sandbox.read_organization()
        for check in step.checks:
            self._show_text(f"sandbox: {check.claim}", holds=check.holds(before, after))
        try:
            answer = json.loads(written)
        except ValueError:
            answer = None
        for check in step.answer_checks:
            self._show_text(f"sandbox: {check.claim}", holds=answer is not None and check.holds(after, answer))

    @contextmanager
    def _start(
        self, *arguments: str, stdout: int | None = None, stderr: int | None = None
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Start a command that ends with the story; it must not continue without its sandbox."""
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
        """Run the shown command again in parallel, as JSON, if its answer is checked."""
        if not step.answer_checks:
            yield lambda: b""
            return
        arguments = ("-o", "json", *step.arguments)
        with self._start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as command:
            yield lambda: command.communicate()[0]

    def _is_true(self, check: StoryCheck, before: Truth) -> bool:
        return check.holds(before, self._sandbox.read_organization())

    def _show_text(self, claim: str, *, holds: bool) -> None:
        from rich.text import Text

        self._passed += holds
        if not holds:
            self._failed.append(claim)
        self._terminal.show(Text(f"{'✓' if holds else '✗ FAILED:'} {claim}", style="green" if holds else "bold red"))


def title(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="bold")
