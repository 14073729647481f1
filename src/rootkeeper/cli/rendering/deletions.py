"""Plans, results and waves of a deletion, and exceptions from deletion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    cause_lines,
    counted,
    render_age,
    show_listing,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.deletion.rules import DeletionPlan, DeletionReport, PlannedAccount, WaveRules
from rootkeeper.exceptions.rules import DeletionException, exception_to_record
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind
from rootkeeper.removal.rules import AccountDeletion, KindOutcome
from rootkeeper.values import json_time

KIND_WORDS = {
    CredentialKind.ACCESS_KEYS: ("access key", "access keys"),
    CredentialKind.SIGNING_CERTIFICATES: ("signing certificate", "signing certificates"),
    CredentialKind.PASSWORD: ("password", "passwords"),
    CredentialKind.MFA_DEVICES: ("MFA device", "MFA devices"),
}


_KIND_NAMES = {
    CredentialKind.ACCESS_KEYS: "access keys",
    CredentialKind.SIGNING_CERTIFICATES: "signing certificates",
    CredentialKind.PASSWORD: "password",
    CredentialKind.MFA_DEVICES: "MFA devices",
}


_OUTCOME_STYLES = {
    KindOutcome.DELETED: "green",
    KindOutcome.ALREADY_ABSENT: "green",
    KindOutcome.FAILED: "bold red",
    KindOutcome.SKIPPED: "dim",
}


_OUTCOME_WORDS = {
    KindOutcome.DELETED: "✓ Deleted",
    KindOutcome.ALREADY_ABSENT: "✓ Already absent",
    KindOutcome.FAILED: "✗ Failed",
    KindOutcome.SKIPPED: "· Skipped",
}


_HELD_BACK = (
    "Recently used passwords and keys were held back. To delete them too: --allow-recently-used ACCOUNT --reason TEXT"
)


def planned_record(account: PlannedAccount) -> dict[str, Any]:
    """One account of a plan, for ``plan`` and dry runs."""
    found = account.found
    return {
        "account_id": account.account_id,
        "name": account.name,
        "ou_path": account.ou_path,
        "delete": {kind.value: sum(call.kind is kind for call in account.calls) for kind in CredentialKind},
        "last_used_at": json_time(found.last_used_at) if found else None,
        "reason": account.skip.reason.value if account.skip else None,
        "detail": account.skip.detail if account.skip else None,
        "allowed_use": account.allowed_use,
    }


def plan_listing(plan: DeletionPlan, now: datetime) -> Listing:
    """List every account of the plan: what is deleted, or why nothing is."""
    by_id = {account.account_id: account for account in plan.accounts}
    return Listing(
        name="accounts",
        records=[planned_record(account) for account in plan.accounts],
        columns=_plan_columns(by_id, now),
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


def _plan_columns(by_id: dict[Any, PlannedAccount], now: datetime) -> tuple[TableColumn, ...]:
    def account_of(record: Record) -> PlannedAccount:
        return by_id[record["account_id"]]

    return (
        TableColumn("Account", lambda record: record["account_id"], keeps_whole=True),
        TableColumn("Name", lambda record: record["name"]),
        TableColumn(
            "Will be deleted",
            lambda record: render_calls(account_of(record)) or "nothing",
            style=lambda record: "bold red" if account_of(record).calls else "dim",
        ),
        TableColumn("Last used", lambda record: render_last_use(account_of(record), now)),
        TableColumn("Remark", lambda record: render_remark(account_of(record))),
    )


def render_remark(account: PlannedAccount) -> str:
    """Why nothing is deleted, or why it is despite recent use; causes of unknowns are below the table."""
    if account.skip is not None:
        return "Unknown, see below." if account.skip.reason is SkipReason.UNKNOWN else account.skip.detail
    return f"Recently used; allowed: {account.allowed_use}" if account.allowed_use else ""


def unknown_lines(plan: DeletionPlan) -> list[str]:
    """Render why accounts couldn't be read."""
    return cause_lines(_list_unknown((account.account_id, account.skip) for account in plan.accounts))


def _list_unknown(skips: Iterable[tuple[AccountId, Skip | None]]) -> list[tuple[str, str]]:
    return [(account_id, skip.detail) for account_id, skip in skips if skip and skip.reason is SkipReason.UNKNOWN]


def without_clean_accounts(plan: DeletionPlan) -> DeletionPlan:
    """Leave out accounts that have nothing to delete."""
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


def deletion_record(account: AccountDeletion) -> dict[str, Any]:
    """One account's result, with that of each kind."""
    return {
        "account_id": account.account_id,
        "name": account.name,
        "ou_path": account.ou_path,
        "outcome": account.outcome.value,
        "reason": account.skip.reason.value if account.skip else None,
        "detail": account.skip.detail if account.skip else None,
        "status": account.status.value if account.status else None,
        "kinds": {
            result.kind.value: {
                "outcome": result.outcome.value,
                "reason": result.reason.value if result.reason else None,
                "detail": result.detail,
            }
            for result in account.kinds
        },
    }


def deletion_listing(accounts: Sequence[AccountDeletion]) -> Listing:
    """List accounts with their results."""
    by_id = {account.account_id: account for account in accounts}
    return Listing("accounts", [deletion_record(account) for account in accounts], _deletion_columns(by_id))


def show_deletion(report: DeletionReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write the results to stdout."""
    plan = report.plan
    listing = replace(
        deletion_listing(report.accounts),
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
            "summary": {"accounts": len(report.accounts), **report.counts, "not_begun": report.not_begun},
            "stopped_by": report.stopped_by,
        },
    )
    show_listing(listing, output, terminal)
    _remark_end(report, terminal)


def _deletion_columns(by_id: dict[Any, AccountDeletion]) -> tuple[TableColumn, ...]:
    def account_of(record: Record) -> AccountDeletion:
        return by_id[record["account_id"]]

    return (
        TableColumn("Account", lambda record: record["account_id"], keeps_whole=True),
        TableColumn("Name", lambda record: record["name"]),
        TableColumn(
            "Outcome",
            lambda record: _OUTCOME_WORDS[account_of(record).outcome],
            style=lambda record: _OUTCOME_STYLES[account_of(record).outcome],
        ),
        TableColumn("Result", lambda record: render_results(account_of(record))),
    )


def render_results(account: AccountDeletion) -> str:
    """Render in one line what was deleted and what wasn't."""
    if account.skip is not None:
        return "Unknown, see below." if account.skip.reason is SkipReason.UNKNOWN else account.skip.detail
    said: list[str] = []
    for outcome, words in (
        (KindOutcome.DELETED, "deleted: "),
        (KindOutcome.FAILED, "failed: "),
        (KindOutcome.SKIPPED, "left alone: "),
    ):
        kinds = [
            _KIND_NAMES[result.kind] + (f" ({result.detail})" if result.detail else "")
            for result in account.kinds
            if result.outcome is outcome
        ]
        said += [words + ", ".join(kinds)] if kinds else []
    return "; ".join(said) or "nothing was left to delete"


def _remark_end(report: DeletionReport, terminal: Terminal) -> None:
    for line in cause_lines(_list_unknown((account.account_id, account.skip) for account in report.accounts)):
        terminal.remark(line, style="magenta")
    counts = ", ".join(_render_counts(report.accounts))
    terminal.remark(f"{counted(len(report.accounts), 'account')}: {counts}.")
    if report.stopped_by:
        terminal.remark(f"Stopped early: {report.stopped_by}", style="bold red")
    if any(account.is_failure for account in report.accounts):
        terminal.remark("Not every deletion is proven. Read the accounts again: rootkeeper audit --details")
    if any(account.is_blocked for account in report.accounts):
        terminal.remark(_HELD_BACK)


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
        parts.append(_render_rest(rules, rest, is_first=not canaries))
    has_several = bool(canaries) or (rules.size is not None and rules.size < rest)
    if rules.pause_seconds and rest and has_several:
        parts.append(f"with a pause of {rules.pause_seconds} s between waves")
    lines = [f"Order: {', '.join(parts)}."]
    if rules.canary and not rest:
        lines.append(f"Every account is a canary: --canary is {rules.canary}, and there {_render_targets(targets)}.")
    if rules.stop_after_failures is not None:
        lines.append(f"No more accounts are begun after {counted(rules.stop_after_failures, 'failure')}.")
    return lines


def _render_rest(rules: WaveRules, rest: int, *, is_first: bool) -> str:
    begin = "" if is_first else "then "
    if rules.size is None or rules.size >= rest:
        return f"{begin}{counted(rest, 'account')} at once"
    waves = -(-rest // rules.size)
    return f"{begin}{counted(rest, 'account')}, {rules.size} at a time in {waves} waves"


def _render_targets(targets: int) -> str:
    return "is 1 account" if targets == 1 else f"are {targets} accounts"


_COLUMNS = (
    TableColumn("Account", lambda record: record["account_id"], keeps_whole=True),
    TableColumn(
        "In force",
        lambda record: "yes" if record["in_force"] else "no, ended",
        style=lambda record: "green" if record["in_force"] else "dim",
    ),
    TableColumn("Until", lambda record: record["until"]),
    TableColumn("Owner", lambda record: record["owner"]),
    TableColumn("Reason", lambda record: record["reason"]),
    TableColumn("Added by", lambda record: record["added_by"]),
)


def show_exceptions(
    exceptions: Sequence[DeletionException], output: OutputFormat, terminal: Terminal, now: datetime
) -> None:
    """Write the list to stdout."""
    records = [exception_to_record(exception, now) for exception in exceptions]
    show_listing(Listing("exceptions", records, _COLUMNS, empty="No exceptions."), output, terminal)
