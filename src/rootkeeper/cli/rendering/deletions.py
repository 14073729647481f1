"""Plans, results and waves of a deletion, and exceptions from deletion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    TableColumn,
    cause_lines,
    counted,
    render_age,
    show_listing,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.deletion.records import DeletedAccountRecord, KindOutcomeRecord, PlannedDeletionRecord
from rootkeeper.deletion.rules import DeletionPlan, DeletionReport, PlannedAccount, WaveRules
from rootkeeper.exceptions.records import exception_to_record
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.organization.selection import SkipReason
from rootkeeper.organization.statuses import CredentialKind
from rootkeeper.removal.rules import AccountDeletion, KindOutcome
from rootkeeper.shapes import fill_record
from rootkeeper.values import json_time

KIND_WORDS = {
    CredentialKind.ACCESS_KEYS: ("access key", "access keys"),
    CredentialKind.SIGNING_CERTIFICATES: ("signing certificate", "signing certificates"),
    CredentialKind.PASSWORD: ("password", "passwords"),
    CredentialKind.MFA_DEVICES: ("MFA device", "MFA devices"),
}
_OUTCOME_WORDS = {
    KindOutcome.DELETED: ("✓ Deleted", "green"),
    KindOutcome.ALREADY_ABSENT: ("✓ Already absent", "green"),
    KindOutcome.FAILED: ("✗ Failed", "bold red"),
    KindOutcome.SKIPPED: ("· Skipped", "dim"),
}


def planned_record(account: PlannedAccount) -> PlannedDeletionRecord:
    """One account of a plan, for ``plan`` and dry runs."""
    return fill_record(
        PlannedDeletionRecord,
        account,
        delete={kind.value: sum(call.kind is kind for call in account.calls) for kind in CredentialKind},
        last_used_at=json_time(account.found.last_used_at) if account.found else None,
        reason=account.skip.reason.value if account.skip else None,
        detail=account.skip.detail if account.skip else None,
    )


def plan_listing(plan: DeletionPlan, now: datetime) -> Listing:
    """List every account of the plan: what is deleted, or why nothing is."""
    columns = (
        TableColumn("Account", lambda account: account.account_id, keeps_whole=True),
        TableColumn("Name", lambda account: account.name),
        TableColumn(
            "Will be deleted",
            lambda account: render_calls(account) or "nothing",
            style=lambda account: "bold red" if account.calls else "dim",
        ),
        TableColumn("Last used", lambda account: render_last_use(account, now)),
        TableColumn("Remark", render_remark),
    )
    return Listing(
        name="accounts",
        records=[planned_record(account) for account in plan.accounts],
        rows=plan.accounts,
        columns=columns,
        head={
            "plan_id": plan.plan_id,
            "organization_id": plan.organization_id,
            "endpoint": plan.endpoint,
            "caller_arn": plan.caller_arn,
            "created_by": plan.created_by,
            "created_at": json_time(plan.created_at),
            "not_before": json_time(plan.not_before),
            "not_after": json_time(plan.not_after),
            "selection": plan.selection,
        },
        tail={"summary": {"accounts": len(plan.accounts), "to_delete": len(plan.targets)}},
        empty="The plan has no accounts.",
    )


def render_remark(account: PlannedAccount) -> str:
    """Why nothing is deleted, or why it is despite recent use; causes of unknowns are below the table."""
    if account.skip is not None:
        return "Unknown, see below." if account.skip.reason is SkipReason.UNKNOWN else account.skip.detail
    return f"Recently used; allowed: {account.allowed_use}" if account.allowed_use else ""


def remark_unknown(accounts: Iterable[PlannedAccount | AccountDeletion], terminal: Terminal) -> None:
    """Show why accounts couldn't be read."""
    skips = ((account.account_id, account.skip) for account in accounts)
    unknown = [(account_id, skip.detail) for account_id, skip in skips if skip and skip.reason is SkipReason.UNKNOWN]
    for line in cause_lines(unknown):
        terminal.remark(line, style="magenta")


def without_clean_accounts(plan: DeletionPlan) -> DeletionPlan:
    kept = tuple(
        account
        for account in plan.accounts
        if account.skip is None or account.skip.reason is not SkipReason.NOTHING_TO_DELETE
    )
    return replace(plan, accounts=kept)


def render_calls(account: PlannedAccount) -> str:
    """Such as ``password, 2 access keys, 1 MFA device``."""
    parts = []
    for kind, (one, many) in KIND_WORDS.items():
        count = sum(call.kind is kind for call in account.calls)
        if count:
            parts.append(one if kind is CredentialKind.PASSWORD else counted(count, one, many))
    return ", ".join(parts)


def render_last_use(account: PlannedAccount, now: datetime) -> str:
    """The last use of password or keys, with its date; AWS reports none for certificates and MFA devices."""
    found = account.found
    if found is None or not (found.login_profile or found.access_keys):
        return ""
    if found.last_used_at is None:
        return "never"
    return f"{found.last_used_at:%Y-%m-%d} ({render_age(found.last_used_at, now)})"


def render_totals(plan: DeletionPlan) -> str:
    """Such as ``3 passwords, 2 access keys and 1 MFA device``."""
    calls = [call.kind for account in plan.accounts for call in account.calls]
    parts = [counted(calls.count(kind), one, many) for kind, (one, many) in KIND_WORDS.items() if kind in calls]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def deletion_record(account: AccountDeletion) -> DeletedAccountRecord:
    return fill_record(
        DeletedAccountRecord,
        account,
        reason=account.skip.reason.value if account.skip else None,
        detail=account.skip.detail if account.skip else None,
        kinds={result.kind.value: fill_record(KindOutcomeRecord, result) for result in account.kinds},
    )


def deletion_listing(accounts: Sequence[AccountDeletion]) -> Listing:
    columns = (
        TableColumn("Account", lambda account: account.account_id, keeps_whole=True),
        TableColumn("Name", lambda account: account.name),
        TableColumn(
            "Outcome",
            lambda account: _OUTCOME_WORDS[account.outcome][0],
            lambda account: _OUTCOME_WORDS[account.outcome][1],
        ),
        TableColumn("Result", render_results),
    )
    return Listing("accounts", [deletion_record(account) for account in accounts], columns, rows=accounts)


def show_deletion(report: DeletionReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write the results to stdout, and their sum to stderr."""
    plan, accounts = report.plan, report.accounts
    listing = replace(
        deletion_listing(accounts),
        head={
            "plan_id": plan.plan_id,
            "job_id": report.job_id,
            "organization_id": plan.organization_id,
            "endpoint": plan.endpoint,
            "caller_arn": report.caller_arn,
            "started_at": json_time(report.started_at),
            "ended_at": json_time(report.ended_at),
        },
        tail={
            "summary": {"accounts": len(accounts), **report.counts, "not_begun": report.not_begun},
            "stopped_by": report.stopped_by,
        },
    )
    show_listing(listing, output, terminal)
    remark_unknown(accounts, terminal)
    terminal.remark(f"{counted(len(accounts), 'account')}: {', '.join(_render_counts(accounts))}.")
    if report.stopped_by:
        terminal.remark(f"Stopped early: {report.stopped_by}", style="bold red")
    if any(account.is_failure for account in accounts):
        terminal.remark("Not every deletion is proven. Read the accounts again: rootkeeper audit --details")
    if any(account.is_blocked for account in accounts):
        terminal.remark(
            "Recently used passwords and keys were held back. To delete them too: --allow-recently-used ACCOUNT "
            "--reason TEXT"
        )


def render_results(account: AccountDeletion) -> str:
    """Render in one line what was deleted and what wasn't."""
    if account.skip is not None:
        return "Unknown, see below." if account.skip.reason is SkipReason.UNKNOWN else account.skip.detail
    names = {kind: one if kind is CredentialKind.PASSWORD else many for kind, (one, many) in KIND_WORDS.items()}
    said: list[str] = []
    for outcome, words in (
        (KindOutcome.DELETED, "deleted: "),
        (KindOutcome.FAILED, "failed: "),
        (KindOutcome.SKIPPED, "left alone: "),
    ):
        kinds = [
            names[result.kind] + (f" ({result.detail})" if result.detail else "")
            for result in account.kinds
            if result.outcome is outcome
        ]
        said += [words + ", ".join(kinds)] if kinds else []
    return "; ".join(said) or "nothing was left to delete"


def _render_counts(accounts: Sequence[AccountDeletion]) -> list[str]:
    words = {
        KindOutcome.DELETED: "deleted and re-read",
        KindOutcome.ALREADY_ABSENT: "with nothing to delete",
        KindOutcome.SKIPPED: "skipped",
        KindOutcome.FAILED: "failed",
    }
    begun = [account for account in accounts if account.was_begun]
    counts = {outcome: sum(account.outcome is outcome for account in begun) for outcome in words}
    not_begun = [f"{len(accounts) - len(begun):,} not begun"] if len(begun) < len(accounts) else []
    spoken = [f"{counts[outcome]:,} {text}" for outcome, text in words.items() if counts[outcome]]
    return [*spoken, *not_begun] or ["nothing done"]


def render_waves(rules: WaveRules, targets: int) -> list[str]:
    """Render the order of accounts; empty if all are begun at once."""
    if rules.is_plain or not targets:
        return []
    canaries = min(rules.canary, targets)
    rest = targets - canaries
    parts = [f"first {counted(canaries, 'canary account')}, which must all succeed"] if canaries else []
    if rest:
        begin = "then " if canaries else ""
        if rules.size is None or rules.size >= rest:
            parts.append(f"{begin}{counted(rest, 'account')} at once")
        else:
            waves = -(-rest // rules.size)
            parts.append(f"{begin}{counted(rest, 'account')}, {rules.size} at a time in {waves} waves")
    has_several = bool(canaries) or (rules.size is not None and rules.size < rest)
    if rules.pause_seconds and rest and has_several:
        parts.append(f"with a pause of {rules.pause_seconds} s between waves")
    lines = [f"Order: {', '.join(parts)}."]
    if rules.canary and not rest:
        there = "there is 1 account" if targets == 1 else f"there are {targets} accounts"
        lines.append(f"Every account is a canary: --canary is {rules.canary}, and {there}.")
    if rules.stop_after_failures is not None:
        lines.append(f"No more accounts are begun after {counted(rules.stop_after_failures, 'failure')}.")
    return lines


_COLUMNS = (
    TableColumn("Account", "account_id", keeps_whole=True),
    TableColumn(
        "In force",
        lambda record: "yes" if record["in_force"] else "no, ended",
        style=lambda record: "green" if record["in_force"] else "dim",
    ),
    TableColumn("Until", "until"),
    TableColumn("Owner", "owner"),
    TableColumn("Reason", "reason"),
    TableColumn("Added by", "added_by"),
)


def show_exceptions(
    exceptions: Sequence[DeletionException], output: OutputFormat, terminal: Terminal, now: datetime
) -> None:
    records = [exception_to_record(exception, now) for exception in exceptions]
    show_listing(Listing("exceptions", records, _COLUMNS, empty="No exceptions."), output, terminal)
