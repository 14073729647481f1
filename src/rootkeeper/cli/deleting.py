"""Confirming and doing a deletion: the same for ``delete`` and ``apply``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import Confirmation
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.deletions import (
    plan_listing,
    show_deletion,
    spoken_totals,
    unknown_lines,
    without_clean_accounts,
)
from rootkeeper.cli.rendering.listings import build_table, show_listing
from rootkeeper.cli.rendering.text import counted
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.deletion import DeletionPlan
from rootkeeper.domain.organizations import Inventory
from rootkeeper.domain.root_credentials import CredentialKind

if TYPE_CHECKING:
    from datetime import datetime

    from rootkeeper.bootstrap import Application
    from rootkeeper.ports.progress import Progress


def show_planned(plan: DeletionPlan, output: OutputFormat, terminal: Terminal, now: datetime) -> None:
    """Write the plan to stdout and what it amounts to to stderr."""
    show_listing(plan_listing(plan, now), output, terminal)
    _tell_unknown(plan, terminal)
    terminal.remark(f"To be deleted: {spoken_totals(plan) or 'nothing'}, in {_accounts(plan)}.")


def confirm_deletion(plan: DeletionPlan, confirmation: Confirmation, terminal: Terminal, now: datetime) -> DeletionPlan:
    """Show the plan, ask, and return what was agreed to: without the certificates if these were declined.

    :raises InputError: if it wasn't confirmed; nothing was deleted.
    """
    if not plan.targets:
        confirmation.show_context()
        return plan
    _show_for_confirmation(plan, terminal, now)
    if plan.certificates:
        question = (
            f"AWS tells no last use of signing certificates. Delete {counted(plan.certificates, 'certificate')} too?"
        )
        if not confirmation.ask(question):
            plan = plan.without(CredentialKind.SIGNING_CERTIFICATES)
    if plan.targets:
        confirmation.ensure(_statement(plan), accounts=len(plan.targets))
    return plan


def _show_for_confirmation(plan: DeletionPlan, terminal: Terminal, now: datetime) -> None:
    shown = without_clean_accounts(plan)
    listing = plan_listing(shown, now)
    terminal.remarks.print(build_table(listing.columns, listing.records, is_ruled=terminal.remarks.is_terminal))
    clean = len(plan.accounts) - len(shown.accounts)
    if clean:
        terminal.remark(f"And {counted(clean, 'account')} with nothing to delete.")
    _tell_unknown(plan, terminal)


def _tell_unknown(plan: DeletionPlan, terminal: Terminal) -> None:
    for line in unknown_lines(plan):
        terminal.remark(line, style="magenta")


def _statement(plan: DeletionPlan) -> list[str]:
    return [
        f"Delete root user credentials in {_accounts(plan)} of {plan.organization_id}: {spoken_totals(plan)}.",
        "The accounts stay. Keys, certificates and MFA can't be restored.",
    ]


def _accounts(plan: DeletionPlan) -> str:
    return counted(len(plan.targets), "account")


def run_deletion(
    application: Application,
    plan: DeletionPlan,
    inventory: Inventory | None,
    progress: Progress,
    output: OutputFormat,
    terminal: Terminal,
) -> int:
    """Do what was agreed to, show what came of it and return the exit status."""
    try:
        report = application.deletion.apply(plan, progress, inventory)
    except KeyboardInterrupt:
        progress.finish()
        terminal.remark(
            "What was begun is in the ledger: rootkeeper ledger list. The next command that changes something settles "
            "what is unclear; the same command goes on with the rest."
        )
        raise
    progress.finish()
    show_deletion(report, output, terminal)
    return report.exit_status


def judge_dry_run(plan: DeletionPlan) -> ExitStatus:
    """Bad if an account that should be touched couldn't be."""
    return ExitStatus.BAD if plan.has_blocked or plan.has_unknown else ExitStatus.GOOD
