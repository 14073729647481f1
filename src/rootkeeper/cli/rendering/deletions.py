"""Plans, results and waves of a deletion, and exceptions from deletion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from rootkeeper.changes.removal_rules import AccountDeletion, KindOutcome, KindReason
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    EXAMPLES_SHOWN,
    Listing,
    TableColumn,
    cause_lines,
    counted,
    name_some,
    render_age,
    show_listing,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.deletion.records import (
    DeletedAccountRecord,
    DeletionDocument,
    KindOutcomeRecord,
    PlanDocument,
    PlannedDeletionRecord,
)
from rootkeeper.deletion.rules import DeletionPlan, DeletionReport, PlannedAccount, WaveRules
from rootkeeper.exceptions.rules import DeletionException, exception_to_record
from rootkeeper.organization.accounts import POLICY_ID
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import CredentialKind
from rootkeeper.shapes import fill_record

KIND_WORDS = {
    CredentialKind.ACCESS_KEYS: ("access key", "access keys"),
    CredentialKind.SIGNING_CERTIFICATES: ("signing certificate", "signing certificates"),
    CredentialKind.PASSWORD: ("password", "passwords"),
    CredentialKind.MFA_DEVICES: ("MFA device", "MFA devices"),
}


class OutcomeWord(StrEnum):
    """The word for a fact of a plan or a deletion, in every text. The glossary explains each."""

    DELETED = "Deleted"
    ALREADY_ABSENT = "Already absent"
    HELD_BACK = "Held back"
    SKIPPED = "Skipped"
    UNKNOWN = "Unknown"
    FAILED = "Failed"
    NOT_BEGUN = "Not begun"


_OUTCOME_MARKS = {
    OutcomeWord.DELETED: ("✓", "green"),
    OutcomeWord.ALREADY_ABSENT: ("✓", "green"),
    OutcomeWord.HELD_BACK: ("·", "yellow"),
    OutcomeWord.SKIPPED: ("·", "dim"),
    OutcomeWord.UNKNOWN: ("?", "bold magenta"),
    OutcomeWord.FAILED: ("✗", "bold red"),
    OutcomeWord.NOT_BEGUN: ("·", "dim"),
}
_SKIP_WORDS = {
    SkipReason.NOTHING_TO_DELETE: OutcomeWord.ALREADY_ABSENT,
    SkipReason.RECENTLY_USED: OutcomeWord.HELD_BACK,
    SkipReason.STOPPED: OutcomeWord.NOT_BEGUN,
    SkipReason.UNKNOWN: OutcomeWord.UNKNOWN,
}
"""Every other reason is ``Skipped``."""
_KIND_WORDS = {
    KindOutcome.DELETED: OutcomeWord.DELETED,
    KindOutcome.ALREADY_ABSENT: OutcomeWord.ALREADY_ABSENT,
    KindOutcome.SKIPPED: OutcomeWord.SKIPPED,
    KindOutcome.FAILED: OutcomeWord.FAILED,
}


def choose_planned_word(account: PlannedAccount) -> OutcomeWord | None:
    """Choose the word for an account in which a plan deletes nothing; ``None`` if it deletes something."""
    return None if account.skip is None else _SKIP_WORDS.get(account.skip.reason, OutcomeWord.SKIPPED)


def choose_outcome_word(account: AccountDeletion) -> OutcomeWord:
    """Choose the word for the result of an account: for the same fact, the plan's word."""
    if account.skip is not None and account.skip.reason in _SKIP_WORDS:
        return _SKIP_WORDS[account.skip.reason]
    if account.is_failure:
        return OutcomeWord.FAILED
    return OutcomeWord.SKIPPED if account.skip is not None else _KIND_WORDS[account.outcome]


def _is_folded(account: PlannedAccount | AccountDeletion) -> bool:
    """Whether a table leaves the account out: it had nothing to delete when it was planned."""
    return account.skip is not None and account.skip.reason is SkipReason.NOTHING_TO_DELETE


def _describe_folded(accounts: Sequence[PlannedAccount | AccountDeletion]) -> str:
    count = sum(map(_is_folded, accounts))
    return f"{OutcomeWord.ALREADY_ABSENT}: {counted(count, 'account')}, not shown here." if count else ""


def planned_record(account: PlannedAccount) -> PlannedDeletionRecord:
    """Make the record of a planned account, for ``plan`` and dry runs."""
    return fill_record(
        PlannedDeletionRecord,
        account,
        delete={kind.value: sum(call.kind is kind for call in account.calls) for kind in CredentialKind},
    )


def plan_listing(plan: DeletionPlan, now: datetime) -> Listing:
    """List every account of the plan: its deletions, or why it has none."""
    columns = (
        TableColumn("Account", lambda account: account.account_id, keeps_whole=True),
        TableColumn("Name", lambda account: account.name),
        TableColumn(
            "Will be deleted",
            lambda account: render_calls(account) or choose_planned_word(account) or "",
            style=lambda account: "bold red" if account.calls else "dim",
            importance=1,
        ),
        TableColumn("Last used", lambda account: render_last_use(account, now)),
        TableColumn("Remark", render_remark, importance=1),
    )
    document = fill_record(
        PlanDocument,
        plan,
        accounts=[planned_record(account) for account in plan.accounts],
        summary={"accounts": len(plan.accounts), "to_delete": len(plan.targets)},
    )
    return Listing(
        name="accounts",
        records=document["accounts"],
        rows=[account for account in plan.accounts if not _is_folded(account)],
        rest=_describe_folded(plan.accounts),
        columns=columns,
        head=document,
        empty="The plan has no accounts.",
    )


def render_remark(account: PlannedAccount) -> str:
    """Why nothing is deleted, or why it is despite recent use; causes of unknowns are below the table."""
    if account.skip is not None:
        return _describe_skip(account.skip)
    return f"Recently used; allowed: {account.allowed_use}" if account.allowed_use else ""


def _describe_skip(skip: Skip) -> str:
    if skip.reason is not SkipReason.UNKNOWN:
        return skip.detail
    policies = ", ".join(dict.fromkeys(POLICY_ID.findall(skip.detail)))
    return f"Blocked by {policies}, see below." if policies else "Unknown, see below."


def remark_unknown(accounts: Iterable[PlannedAccount | AccountDeletion], terminal: Terminal) -> None:
    """Show why accounts couldn't be read, and how to find the policies that block root sessions in them."""
    accounts = tuple(accounts)
    skips = ((account.account_id, account.skip) for account in accounts)
    unknown = [(account_id, skip.detail) for account_id, skip in skips if skip and skip.reason is SkipReason.UNKNOWN]
    for line in cause_lines(unknown):
        terminal.remark(line, style="magenta")
    blocked = [account.account_id for account in accounts if _is_blocked_by_policy(account)]
    if blocked:
        terminal.remark(
            f"Policies block root sessions in {name_some(blocked)}. To see all of these policies, with the fix of "
            f"each: rootkeeper preflight {' '.join(blocked[:EXAMPLES_SHOWN])}"
        )


def _is_blocked_by_policy(account: PlannedAccount | AccountDeletion) -> bool:
    if account.skip is not None:
        return account.skip.reason is SkipReason.UNKNOWN and POLICY_ID.search(account.skip.detail) is not None
    kinds = account.kinds if isinstance(account, AccountDeletion) else ()
    return any(result.reason is KindReason.BLOCKED_BY_POLICY for result in kinds)


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
    """Make the record of a deleted account. A detail that several kinds share is the account's, and is there once."""
    details = Counter(result.detail for result in account.kinds if result.detail)
    shared = next((detail for detail, count in details.most_common(1) if count > 1), None)
    detail = account.skip.detail if account.skip else shared
    kinds = [replace(result, detail=None) if result.detail == detail else result for result in account.kinds]
    return fill_record(
        DeletedAccountRecord,
        account,
        detail=detail,
        kinds={result.kind.value: fill_record(KindOutcomeRecord, result) for result in kinds},
    )


def deletion_listing(accounts: Sequence[AccountDeletion]) -> Listing:
    columns = (
        TableColumn("Account", lambda account: account.account_id, keeps_whole=True),
        TableColumn("Name", lambda account: account.name),
        TableColumn(
            "Outcome",
            lambda account: f"{_OUTCOME_MARKS[choose_outcome_word(account)][0]} {choose_outcome_word(account)}",
            lambda account: _OUTCOME_MARKS[choose_outcome_word(account)][1],
            importance=1,
        ),
        TableColumn("Result", render_results, importance=1),
    )
    return Listing(
        "accounts",
        [deletion_record(account) for account in accounts],
        columns,
        rows=[account for account in accounts if not _is_folded(account)],
        rest=_describe_folded(accounts),
    )


def show_deletion(report: DeletionReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write the results to stdout, and their sum to stderr."""
    accounts = report.accounts
    listing = deletion_listing(accounts)
    document = fill_record(
        DeletionDocument,
        report,
        accounts=listing.records,
        summary={"accounts": len(accounts), **report.counts, "not_begun": report.not_begun},
    )
    listing = replace(listing, head=document)
    show_listing(listing, output, terminal)
    remark_unknown(accounts, terminal)
    counts = Counter(map(choose_outcome_word, accounts))
    words = ", ".join(f"{counts[word]:,} {word.lower()}" for word in OutcomeWord if counts[word])
    terminal.remark(f"{counted(len(accounts), 'account')}: {words or 'none'}.")
    if report.stopped_by:
        terminal.remark(f"Stopped early: {report.stopped_by}", style="bold red")
    if any(account.is_failure for account in accounts):
        terminal.remark("Not every deletion is proven. Read the accounts again: rootkeeper audit --details")
    if any(account.is_blocked for account in accounts):
        terminal.remark(
            "Held back: passwords or keys that were used recently. To delete them too: --allow-recently-used ACCOUNT "
            "--reason TEXT"
        )


def render_results(account: AccountDeletion) -> str:
    """Render the deleted, failed and skipped kinds in a line."""
    if account.skip is not None:
        return _describe_skip(account.skip)
    names = {kind: one if kind is CredentialKind.PASSWORD else many for kind, (one, many) in KIND_WORDS.items()}
    said: list[str] = []
    for outcome in (KindOutcome.DELETED, KindOutcome.FAILED, KindOutcome.SKIPPED):
        kinds: dict[str, list[str]] = {}
        for result in account.kinds:
            if result.outcome is outcome:
                kinds.setdefault(result.detail or "", []).append(names[result.kind])
        parts = [", ".join(named) + (f" ({detail})" if detail else "") for detail, named in kinds.items()]
        said += [f"{_KIND_WORDS[outcome]}: {', '.join(parts)}"] if parts else []
    return "; ".join(said)


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
