"""How every command that changes something begins.

It settles the unfinished work of earlier commands, and asks. Each question names the organization, the caller and the
endpoint, so that no one acts in the wrong place. Without a terminal and without ``--yes`` nothing is done. A command
that only reads shows overdue windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rootkeeper.cli.invocation import Invocation
from rootkeeper.cli.outputs import OptionSet, OutputFormat, option
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import DatabaseError, InputError, LedgerUnavailableError
from rootkeeper.untrusted_text import json_text

if TYPE_CHECKING:
    from datetime import datetime

    from rootkeeper.composition.application import Application
    from rootkeeper.organization.accounts import Account, Inventory
    from rootkeeper.organization.progress import Progress
    from rootkeeper.windows.rules import RecoveryWindow


ACCOUNTS_WITHOUT_TYPING = 10
"""For more accounts, a person types the organization's id instead of a plain yes."""


@dataclass(frozen=True, slots=True)
class ChangeOptions(OptionSet):
    """The options of every command that changes something."""

    yes: Annotated[bool, option("--yes -y", "Answer yes to every question, including typed confirmations.")] = False
    dry_run: Annotated[
        bool, option("--dry-run", "Show the planned changes, and make no call that changes anything.")
    ] = False


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """Where a change is made, and by which caller."""

    organization_id: str
    caller_arn: str
    endpoint: str


class Confirmation:
    """Asks whether to make a change, unless ``--yes`` or ``--dry-run`` was given."""

    def __init__(
        self, terminal: Terminal, context: ChangeContext | None, options: ChangeOptions, output: OutputFormat
    ) -> None:
        """:param context: ``None`` for a change outside AWS that names no organization, such as a restore."""
        self._terminal = terminal
        self._context = context
        self._options = options
        self._output = output

    def require_answerable(self) -> None:
        """Check that someone can answer a question, before anything is done.

        :raises InputError: if the terminal can't ask, and ``--yes`` wasn't given.
        """
        if not self._options.yes and not self._terminal.can_ask:
            raise InputError(
                "No one can confirm the change, because this isn't a terminal. Nothing was done.",
                hint="Add --yes to confirm it, or --dry-run to see what would be done.",
            )

    def show_context(self) -> None:
        """Show organization, caller and endpoint; as JSON if the answer is JSON."""
        context = self._context
        if context is None:
            return
        if self._output in (OutputFormat.JSON, OutputFormat.JSONL):
            organization, caller, endpoint = context.organization_id, context.caller_arn, context.endpoint
            self._terminal.remark(json_text({"organization": organization, "caller": caller, "endpoint": endpoint}))
            return
        self._terminal.remark(f"Organization {context.organization_id}, endpoint {context.endpoint}", style="bold")
        self._terminal.remark(f"Caller {context.caller_arn}")

    def confirm(self, statement: Sequence[str], *, accounts: int = 1) -> bool:
        """Show the change and get a yes, or the organization's id for many accounts.

        :returns: ``False`` for a dry run, which only shows it.
        :raises InputError: if the terminal can't ask, or the answer isn't yes; nothing was done.
        """
        if not self._options.dry_run:
            self.require_answerable()
        self.show_context()
        for line in statement:
            self._terminal.remark(line)
        if self._options.dry_run:
            return False
        if accounts > ACCOUNTS_WITHOUT_TYPING and self._context is not None:
            organization_id = self._context.organization_id
            self._require_answer(f"Type {organization_id} to continue:", {organization_id})
        else:
            self._require_answer("Continue? [y/N]", {"y", "yes"})
        return True

    def ask(self, question: str) -> bool:
        """Ask a question; a no leaves out a part and doesn't end the command.

        :raises InputError: if the terminal can't ask.
        """
        self.require_answerable()
        self.show_context()
        if self._options.yes:
            self._terminal.remark(f"{question} yes (--yes)")
            return True
        return self._terminal.ask(f"{question} [y/N]").lower() in {"y", "yes"}

    def _require_answer(self, question: str, good: set[str]) -> None:
        if not self._options.yes and self._terminal.ask(question).lower() not in good:
            raise InputError("Not confirmed. Nothing was done.")


def warn_overdue(application: Application, terminal: Terminal) -> None:
    """Show each recovery window that is past its end; change nothing.

    A database that can't be read isn't an error here: a step that needs it raises the error itself.
    """
    from rootkeeper.windows.rules import list_due

    try:
        unfinished, now = application.windows.list_windows(unfinished_only=True), application.window_clock.now()
    except DatabaseError as error:
        terminal.remark(f"Overdue recovery windows can't be listed: {error.message}", style="bold red")
        if error.hint:
            terminal.remark(error.hint, style="bold red")
        return
    for window in list_due(unfinished, now):
        remark_overdue(window, now, terminal)
    warn_emergencies(application, terminal)


def warn_wrong_clock(application: Application, terminal: Terminal) -> None:
    """Show how far this machine's clock is from AWS's, as AWS's answers so far show it; no call."""
    from rootkeeper.doctor.rules import check_clock
    from rootkeeper.windows.rules import CLOCK_SKEW

    offset = application.clock.now() - application.window_clock.now()
    if abs(offset) > CLOCK_SKEW:
        check = check_clock(offset)
        terminal.remark(f"WARNING: {check.text} {check.fix}", style="bold red")


def remark_overdue(window: RecoveryWindow, now: datetime, terminal: Terminal) -> None:
    """Show a window that is past its end or was reopened, and why it isn't closed."""
    from rootkeeper.cli.rendering.windows import render_end
    from rootkeeper.windows.rules import WindowState

    failure = f" {window.failure}" if window.failure else ""
    if window.state is WindowState.CLOSE_FAILED:
        failure = f" The last attempt failed:{failure}"
    terminal.remark(
        f"ALERT: recovery window {window.window_id} of account {window.account_id} is still {window.state.value} "
        f"({render_end(window, now)}).{failure} Close it: rootkeeper windows close {window.window_id}",
        style="bold red",
    )


def warn_emergencies(application: Application, terminal: Terminal) -> None:
    """Show each ledger file of an emergency that was never imported; its window may still be open.

    :raises DatabaseError: if the database can't be read.
    """
    from rootkeeper.composition.application import list_emergency_files

    files = list_emergency_files()
    if not files:
        return
    from rootkeeper.windows.imports import list_unimported

    for path in list_unimported(files, application.database.store):
        terminal.remark(
            f"ALERT: the emergency ledger {path} isn't imported into this database. A recovery window in it may be "
            f"open. Import it: rootkeeper ledger import {path}",
            style="bold red",
        )


def prepare_for_changes(application: Application, terminal: Terminal, progress: Progress) -> None:
    """Merge the spill file, settle intents without an outcome, and close overdue windows, in this order.

    :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
    """
    preparation = application.prepare_for_changes(progress)
    progress.finish()
    if preparation.merged_entries:
        terminal.remark(f"Merged {preparation.merged_entries} entries from the spill file into the ledger.")
    for intent in preparation.settlement.intents:
        result = intent.result.value if intent.result else "still unknown"
        terminal.remark(f"Settled entry {intent.sequence} ({intent.action.value}): {result}. {intent.explanation}")
    for settled in preparation.settlement.windows:
        terminal.remark(f"Recovery window {settled.before.window_id}: {settled.explanation}")
    for closing in preparation.closings:
        style = None if closing.is_closed else "bold red"
        terminal.remark(f"Overdue recovery window {closing.window.window_id}: {closing.explanation}", style=style)
    warn_emergencies(application, terminal)


def read_account(application: Application, text: str, progress: Progress) -> tuple[Inventory, Account]:
    """Read the organization, and find the account of that id or unique name.

    :raises InputError: if there is none.
    """
    from rootkeeper.organization.selection import NamedAccount, find_account

    inventory = application.inventory_reader.read(progress)
    progress.finish()
    return inventory, find_account(NamedAccount(text), inventory.accounts)


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
    """Prepare a change; a dry run only shows overdue windows.

    :param needs_ledger: ``False`` for closing a window: it waits neither for a ledger that can't be written nor for a
        server that is stopped or hung.
    :param changes_aws: ``False`` for a change of our own records. It is allowed beside a running server, which then
        settles earlier commands itself.
    :raises InputError: if the terminal can't ask; nothing was done.
    :raises ServerRunningError: if a server runs on the same SQLite file and the change is in AWS.
    """
    context = ChangeContext(
        application.organization.organization_id, application.caller.arn, application.endpoint.label
    )
    confirmation = Confirmation(invocation.terminal, context, options, output)
    if options.dry_run:
        warn_overdue(application, invocation.terminal)
    else:
        confirmation.require_answerable()
        if not changes_aws and application.find_running_server() is not None:
            return confirmation
        stopped_server = application.require_no_server_runs(closes_window=not needs_ledger)
        if stopped_server is not None:
            next_step = "What is due is closed from here. Then end that process, and start the server again."
            invocation.terminal.remark(f"{stopped_server} {next_step}", style="bold red")
        try:
            prepare_for_changes(application, invocation.terminal, progress)
        except (DatabaseError, LedgerUnavailableError) as error:
            if needs_ledger:
                raise
            invocation.terminal.remark(f"Earlier commands can't be settled now: {error.message}", "bold red")
    return confirmation
