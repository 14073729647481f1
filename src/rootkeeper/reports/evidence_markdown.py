"""Evidence as Markdown: GitHub's tables, for a ticket, a wiki or a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rootkeeper.domain.evidence.accounts import AccountEvidence, KindEvidence
from rootkeeper.domain.evidence.methods import list_methods
from rootkeeper.domain.evidence.reports import EvidenceReport
from rootkeeper.domain.evidence.verdicts import CENTRALIZED_CONTROL, ControlResult
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.reports.evidence_words import (
    KIND_NAMES,
    VERDICTS,
    render_kind,
    render_length,
    render_presence,
    render_setup,
    render_status,
    render_timestamp,
)
from rootkeeper.reports.untrusted_text import markdown_text


def render_markdown(report: EvidenceReport) -> str:
    """The same report gives the same bytes."""
    return "\n".join([*_render_head(report), *_render_sections(report)]) + "\n"


def _render_head(report: EvidenceReport) -> Iterator[str]:
    period = report.period
    yield f"# Root access of organization {markdown_text(report.organization_id)}"
    yield ""
    if report.is_sandbox:
        yield f"**{markdown_text(report.endpoint)}: this is play, not evidence of an AWS organization.**"
        yield ""
    yield from _table(
        ("", ""),
        [
            ("Period", f"{render_timestamp(period.start)} to {render_timestamp(period.end)}"),
            ("Stale after", render_length(period.stale_after)),
            ("Endpoint", ", ".join(report.endpoints) or "unknown"),
            ("Callers", ", ".join(report.caller_arns) or "unknown"),
            ("Management account", report.management_account_id),
            ("Accounts listed", render_timestamp(report.listed_at)),
        ],
    )


def _render_sections(report: EvidenceReport) -> Iterator[str]:
    yield from _section("Verdicts", _render_verdicts(report))
    yield from _section("Gaps", _render_gaps(report))
    yield from _section("Root logins that are kept", _render_kept(report))
    yield from _section("Accounts", _render_accounts(report))
    yield from _section("Recovery windows", _render_windows(report))
    yield from _section("Exceptions from deletion", _render_exceptions(report))
    yield from _section("Deletions", _render_deletions(report))
    yield from _section("Set-up and drift", _render_setup(report))
    yield from _section("Ledger", _render_ledger(report))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from lines


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], empty: str = "None.") -> Iterator[str]:
    """A table whose cells are all escaped here, so that no caller can forget it."""
    found = [f"| {' | '.join(markdown_text(cell) for cell in row)} |" for row in rows]
    if not found:
        yield empty
        return
    yield f"| {' | '.join(titles)} |"
    yield f"|{'|'.join('---' for _ in titles)}|"
    yield from found


def _render_verdicts(report: EvidenceReport) -> Iterator[str]:
    yield from _table(
        ("Verdict", "", "Why"),
        [
            _verdict_row(f"Centralized ({CENTRALIZED_CONTROL})", report.centralized),
            _verdict_row("No root credentials", report.no_root_credentials),
        ],
    )
    yield from ("", "The first is a setting, and removes nothing by itself; the second is what it is for.")


def _verdict_row(name: str, assessment: ControlResult) -> tuple[str, ...]:
    return name, VERDICTS[assessment.verdict], " ".join(assessment.reasons)


def _render_gaps(report: EvidenceReport) -> Iterator[str]:
    rows = [(gap.subject.replace("_", " "), gap.account_id or "", gap.reason, gap.what) for gap in report.gaps]
    yield from _table(("Of", "Account", "Reason", "What isn't known"), rows)


def _render_kept(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            kept.evidence.account.account_id,
            kept.evidence.account.name,
            kept.evidence.role.value,
            check.name.replace("_", " "),
            check.verdict.value,
            check.evidence,
            render_timestamp(kept.evidence.read_at),
        )
        for kept in report.kept_logins
        for check in kept.checks
    ]
    yield from _table(("Account", "Name", "Role", "Check", "", "Evidence", "Read at"), rows)


def _render_accounts(report: EvidenceReport) -> Iterator[str]:
    methods = list_methods(report)
    titles = ("Account", "Name", "Place", *KIND_NAMES.values(), "Status", "Read at", "Method", "Remark")
    yield from _table(titles, (_account_row(account, methods) for account in report.accounts))
    if methods:
        yield ""
        yield from (f"- Method {letter}: `{method}`" for method, letter in methods.items())


def _account_row(account: AccountEvidence, methods: dict[str, str]) -> tuple[str, ...]:
    return (
        account.account.account_id,
        account.account.name,
        account.account.ou_path,
        *(render_presence(kind) for kind in account.kinds),
        render_status(account),
        render_timestamp(account.read_at),
        _letters(account.kinds, methods),
        account.detail or "",
    )


def _letters(kinds: Iterable[KindEvidence], methods: dict[str, str]) -> str:
    return ", ".join(sorted({methods[kind.method] for kind in kinds if kind.method is not None}))


def _render_windows(report: EvidenceReport) -> Iterator[str]:
    titles = ("Window", "Account", "State", "Requested", "Approved by", "Opened", "Closed", "Reason")
    yield from _table(titles, (_window_row(window) for window in report.windows))


def _window_row(window: RecoveryWindow) -> tuple[str, ...]:
    return (
        window.window_id,
        window.account_id,
        window.state.value,
        f"{window.requested_by}, {render_timestamp(window.requested_at)}",
        ", ".join(window.approved_by) or "unapproved",
        render_timestamp(window.opened_at),
        render_timestamp(window.closed_at),
        f"{window.reason} ({window.ticket})" if window.ticket else window.reason,
    )


def _render_exceptions(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            one.account_id,
            one.owner,
            one.reason,
            one.added_by,
            render_timestamp(one.added_at),
            render_timestamp(one.until),
        )
        for one in report.exceptions
    ]
    ended = [
        (one.account_id, one.owner, one.reason, "", "", f"ended by {one.ended_by}, {render_timestamp(one.ended_at)}")
        for one in report.history.ended_exceptions
    ]
    yield from _table(("Account", "Owner", "Reason", "Added by", "Added", "Until"), [*rows, *ended])


def _render_deletions(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            render_timestamp(one.at),
            one.account_id,
            render_kind(one.kind),
            one.target or "",
            one.result.value,
            one.actor.name,
            one.cause or "",
            str(one.sequence),
        )
        for one in report.history.deletions
    ]
    yield from _table(("At", "Account", "Kind", "What", "Result", "By", "For", "Ledger entry"), rows)


def _render_setup(report: EvidenceReport) -> Iterator[str]:
    yield from _table(("Part", "State"), render_setup(report.setup))
    drift = report.setup.drift
    yield ""
    rows = [(one.what, " ".join(one.could_be)) for one in drift.differences]
    rows += [(sentence, "") for sentence in drift.unknown]
    yield from _table(("Drift", "Could be"), rows, empty=_drift_words(report))


def _drift_words(report: EvidenceReport) -> str:
    accepted = report.setup.drift.accepted
    if accepted is None:
        return "No set-up was accepted, so nothing shows whether it drifted."
    by, at = markdown_text(accepted.accepted_by), render_timestamp(accepted.accepted_at)
    return f"No drift from what {by} accepted at {at} (ledger entry {accepted.ledger_sequence})."


def _render_ledger(report: EvidenceReport) -> Iterator[str]:
    ledger = report.ledger
    yield from _table(
        ("", ""),
        [
            ("Entries", f"{ledger.entries:,}, of which {report.history.entries:,} in the period"),
            ("Verified", "intact" if ledger.is_intact else f"NOT INTACT: {ledger.problem}"),
            ("Head", f"entry {ledger.head_sequence}, {ledger.head_hash}"),
        ],
    )
