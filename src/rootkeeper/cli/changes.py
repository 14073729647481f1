"""How every command that changes something begins: what was left behind, and the confirmation.

Asking before something is changed.

Every question names the organization, the caller and the endpoint, so that nobody acts on the wrong one. Without a
person to answer and without ``--yes`` nothing is done.

What earlier commands left behind: a command that changes something deals with it first, any other names it.

How every command that changes something begins: somebody must be able to say yes, then leftovers are dealt with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.invocation import Invocation
from rootkeeper.cli.outputs import ExitStatus, OptionSet, OutputFormat
from rootkeeper.cli.rendering.windows import render_end
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError
from rootkeeper.untrusted_text import json_text

if TYPE_CHECKING:
    from datetime import datetime

    from rootkeeper.composition.application import Application
    from rootkeeper.organization.progress import Progress
    from rootkeeper.windows.rules import RecoveryWindow


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


def warn_overdue(application: Application, terminal: Terminal) -> None:
    """Name each recovery window that is past its end, loudly; nothing is changed.

    A database that can't be read is remarked: what needs it more than this says so itself.
    """
    now = application.clock.now()
    try:
        overdue = application.list_overdue()
    except DatabaseError as error:
        terminal.remark(f"Whether a recovery window is overdue isn't known: {error.message}", style="bold red")
        return
    for window in overdue:
        remark_overdue(window, now, terminal)
    warn_emergencies(application, terminal)


def remark_overdue(window: RecoveryWindow, now: datetime, terminal: Terminal) -> None:
    """Name one window that is past its end, and what kept it from being closed."""
    failure = f" The last attempt failed: {window.failure}" if window.failure else ""
    terminal.remark(
        f"ALERT: recovery window {window.window_id} of account {window.account_id} is still {window.state.value} "
        f"({render_end(window, now)}).{failure} Close it: rootkeeper windows close {window.window_id}",
        style="bold red",
    )


def warn_emergencies(application: Application, terminal: Terminal) -> None:
    """Name each file of an emergency that was never imported, loudly: its window may still be open.

    :raises DatabaseError: if the database can't be read.
    """
    from rootkeeper.composition.application import list_emergency_files

    files = list_emergency_files()
    for path in application.database.list_unimported_ledgers(files) if files else ():
        terminal.remark(
            f"ALERT: what an emergency recorded in {path} isn't in this database, and a window of it may be open. "
            f"Import it: rootkeeper ledger import {path}",
            style="bold red",
        )


def prepare_for_changes(application: Application, terminal: Terminal, progress: Progress) -> None:
    """Merge the spill file, settle intents that have no outcome, and close overdue windows, in this order.

    :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
    """
    preparation = application.prepare_for_changes(progress)
    progress.finish()
    if preparation.merged_entries:
        terminal.remark(f"Merged {preparation.merged_entries} entries of the spill file into the ledger.")
    for intent in preparation.settlement.intents:
        result = intent.result.value if intent.result else "still unknown"
        terminal.remark(f"Settled entry {intent.sequence} ({intent.action.value}): {result}. {intent.explanation}")
    for settled in preparation.settlement.windows:
        terminal.remark(f"Recovery window {settled.before.window_id}: {settled.explanation}")
    for closing in preparation.closings:
        style = None if closing.is_closed else "bold red"
        terminal.remark(f"Overdue recovery window {closing.window.window_id}: {closing.explanation}", style=style)
    warn_emergencies(application, terminal)


def begin_change(
    invocation: Invocation,
    application: Application,
    options: ChangeOptions,
    output: OutputFormat,
    progress: Progress,
    *,
    needs_ledger: bool = True,
    changes_aws: bool = True,
) -> Confirmation:
    """Prepare a change, or only name what is overdue for a dry run.

    :param needs_ledger: ``False`` for closing a window: leftovers wait where the ledger can't be written.
    :param changes_aws: ``False`` for what only writes something down: it works beside a running server, to which
        leftovers belong then.
    :raises InputError: if nobody can confirm; nothing was done.
    :raises ServerRunningError: if a server runs on the same SQLite file, and AWS would be changed beside it.
    """
    confirmation = _open_confirmation(invocation, application, options, output)
    if options.dry_run:
        warn_overdue(application, invocation.terminal)
    else:
        confirmation.require_answerable()
        if not changes_aws and application.find_running_server() is not None:
            return confirmation
        application.require_no_server_runs()
        try:
            prepare_for_changes(application, invocation.terminal, progress)
        except (DatabaseError, LedgerUnavailableError) as error:
            if needs_ledger:
                raise
            invocation.terminal.remark(f"What earlier commands left behind has to wait: {error.message}", "bold red")
    return confirmation


def _open_confirmation(
    invocation: Invocation, application: Application, options: ChangeOptions, output: OutputFormat
) -> Confirmation:
    context = ChangeContext(
        organization_id=application.organization.organization_id,
        caller_arn=application.caller.arn,
        endpoint=application.endpoint.label,
    )
    return Confirmation(invocation.terminal, context, yes=options.yes, output=output)
