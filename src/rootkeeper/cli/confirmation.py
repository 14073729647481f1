"""Asking before something is changed.

Every question names the organization, the caller and the endpoint, so that nobody acts on the wrong one. Without a
person to answer and without ``--yes`` nothing is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.option_sets import OptionSet
from rootkeeper.cli.rendering.text import json_text
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError

ACCOUNTS_WITHOUT_TYPING = 10
"""Up to so many accounts a plain yes is enough; for more the person types the organization's id."""


@dataclass(frozen=True, slots=True)
class ChangeOptions(OptionSet):
    """The options of every command that changes something."""

    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Answer every question with yes, the typed ones included.")
    ] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; no call that changes anything is made.")
    ] = False


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """Where a change takes place."""

    organization_id: str
    caller_arn: str
    endpoint: str


class Confirmation:
    """Asks, unless ``--yes`` has answered."""

    def __init__(self, terminal: Terminal, context: ChangeContext, *, yes: bool, output: OutputFormat) -> None:
        self._terminal = terminal
        self._context = context
        self._yes = yes
        self._output = output

    def require_answerable(self) -> None:
        """Check that a question would find an answer, before anything is done.

        :raises InputError: if nobody can answer and ``--yes`` wasn't given.
        """
        if not self._yes and not self._terminal.can_ask:
            raise InputError(
                "Nobody can answer here, since this isn't a terminal; nothing was done.",
                hint="Add --yes if you mean it, or --dry-run to see what would be done.",
            )

    def show_context(self) -> None:
        """Name organization, caller and endpoint; as JSON where the answer is JSON."""
        context = self._context
        if self._output in (OutputFormat.JSON, OutputFormat.JSONL):
            self._terminal.remark(
                json_text(
                    {
                        "organization": context.organization_id,
                        "caller": context.caller_arn,
                        "endpoint": context.endpoint,
                    }
                )
            )
            return
        self._terminal.remark(f"Organization {context.organization_id}, endpoint {context.endpoint}", style="bold")
        self._terminal.remark(f"Caller {context.caller_arn}")

    def require_consent(self, statement: Sequence[str], *, accounts: int = 1) -> None:
        """Show what will be done and get a yes, or the organization's id for many accounts.

        :raises InputError: if nobody can answer, or the answer is another; nothing was done.
        """
        self.require_answerable()
        self.show_context()
        for line in statement:
            self._terminal.remark(line)
        if accounts > ACCOUNTS_WITHOUT_TYPING:
            self._require_answer(f"Type {self._context.organization_id} to go on:", {self._context.organization_id})
        else:
            self._require_answer("Go on? [y/N]", {"y", "yes"})

    def ask(self, question: str) -> bool:
        """A question whose no leaves a part out and doesn't end the command.

        :raises InputError: if nobody can answer.
        """
        self.require_answerable()
        self.show_context()
        if self._yes:
            self._terminal.remark(f"{question} yes (--yes)")
            return True
        return self._terminal.ask(f"{question} [y/N]").lower() in {"y", "yes"}

    def _require_answer(self, question: str, good: set[str]) -> None:
        if self._yes:
            return
        if self._terminal.ask(question).lower() not in good:
            raise InputError("Not confirmed; nothing was done.")


def end_dry_run(confirmation: Confirmation, statement: Sequence[str], terminal: Terminal) -> int:
    """Show where and what would be done; the exit status."""
    confirmation.show_context()
    for line in statement:
        terminal.remark(line)
    return ExitStatus.GOOD
