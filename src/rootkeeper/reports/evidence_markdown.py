"""The evidence report as Markdown, with GitHub's tables; every cell is escaped."""

from __future__ import annotations

from collections.abc import Iterator

from rootkeeper.controls.assessment import list_assessments
from rootkeeper.controls.records import CHECK_NAMES, list_open_accounts, render_check, render_control_verdict
from rootkeeper.evidence.records import (
    CHANGE_TITLES,
    CHANGES_REMARK,
    GAP_TITLES,
    KIND_NAMES,
    NO_GAPS,
    VERDICTS,
    render_change,
    render_closing,
    render_gap,
    render_presence,
    render_setup,
    render_status,
    render_timestamp,
    render_verdict,
)
from rootkeeper.evidence.rules import CENTRALIZED_CONTROL
from rootkeeper.evidence.service import EvidenceReport, list_method_letters, list_methods
from rootkeeper.untrusted_text import markdown_table, markdown_text
from rootkeeper.values import render_duration


def render(report: EvidenceReport) -> Iterator[bytes]:
    period, ledger = report.period, report.ledger
    lines = [f"# Root access of organization {markdown_text(report.organization_id)}", ""]
    if report.is_sandbox:
        lines += [f"**{markdown_text(report.endpoint)}: this is play, not evidence of an AWS organization.**", ""]
    facts = [
        ("Period", f"{render_timestamp(period.start)} to {render_timestamp(period.end)}"),
        ("Stale after", render_duration(period.stale_after)),
        ("Endpoint", ", ".join(report.endpoints) or "unknown"),
        ("Callers", ", ".join(report.history.caller_arns) or "unknown"),
        ("Management account", report.management_account_id),
        ("Accounts listed", render_timestamp(report.listed_at)),
    ]
    lines += markdown_table(("", ""), facts)
    gaps = [(gap.subject.replace("_", " "), gap.account_id or "", gap.reason, gap.what) for gap in report.gaps]
    ledger_facts = [
        ("Entries", f"{ledger.entries:,}, of which {report.history.entries:,} in the period"),
        ("Verified", "intact" if ledger.is_intact else f"NOT INTACT: {ledger.problem}"),
        ("Head", f"entry {ledger.head_sequence}, {ledger.head_hash}"),
    ]
    for title, section in (
        ("Verdicts", _render_verdicts(report)),
        *((("Controls", _render_controls(report)),) if list_assessments(report) else ()),
        ("Changes within the period", _render_changes(report)),
        ("Gaps", markdown_table(("Of", "Account", "Reason", "What isn't known"), gaps)),
        ("Root logins that are kept", _render_kept(report)),
        ("Accounts", _render_accounts(report)),
        ("Recovery windows", _render_windows(report)),
        ("Exceptions from deletion", _render_exceptions(report)),
        ("Deletions", _render_deletions(report)),
        ("Set-up and drift", _render_setup(report)),
        ("Ledger", markdown_table(("", ""), ledger_facts)),
    ):
        lines += ["", f"## {title}", "", *section]
    yield ("\n".join(lines) + "\n").encode()


def _render_verdicts(report: EvidenceReport) -> Iterator[str]:
    verdicts = {
        f"Centralized ({CENTRALIZED_CONTROL})": report.centralized,
        "No root credentials, at the period's end": report.no_root_credentials,
        "No root credentials in the period": report.credentials_in_period,
    }
    yield from (f"**{report.root_logins_left.headline}**", "")
    rows = [(name, render_verdict(found), " ".join(found.reasons)) for name, found in verdicts.items()]
    yield from markdown_table(("Verdict", "", "Why"), rows)
    yield ""
    yield (
        "The first is a setting, and removes nothing by itself. The second is what it is for, at the period's end. The "
        "third judges every reading of the period."
    )


def _render_changes(report: EvidenceReport) -> Iterator[str]:
    yield from (CHANGES_REMARK, "")
    yield from markdown_table(CHANGE_TITLES, [render_change(change, report) for change in report.changes])
    yield from ("", "### Days without a complete audit", "")
    yield from markdown_table(GAP_TITLES, [render_gap(gap) for gap in report.shown_gaps], empty=NO_GAPS)


def _render_controls(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            assessment.control.key,
            assessment.control.title,
            render_control_verdict(assessment),
            " ".join([*map(render_check, assessment.checks), *assessment.reasons]),
        )
        for assessment in list_assessments(report)
    ]
    yield from markdown_table(("Control", "Asks for", "Verdict", "Why"), rows)
    accounts = [
        (
            CHECK_NAMES[check],
            found.account_id,
            found.name,
            VERDICTS[found.verdict],
            found.reason,
            render_timestamp(found.read_at),
        )
        for check, found in list_open_accounts(report)
    ]
    yield from ("", "### Accounts behind the verdicts", "")
    titles = ("Check", "Account", "Name", "", "Why", "Read at")
    yield from markdown_table(titles, accounts, empty="No account fails, is unknown, or needs a person's judgement.")


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
    return markdown_table(("Account", "Name", "Role", "Check", "", "Evidence", "Read at"), rows)


def _render_accounts(report: EvidenceReport) -> Iterator[str]:
    methods = list_methods(report)
    titles = ("Account", "Name", "Place", *KIND_NAMES.values(), "Status", "Read at", "Method", "Remark")
    rows = [
        (
            account.account.account_id,
            account.account.name,
            account.account.ou_path,
            *(render_presence(kind) for kind in account.kinds),
            render_status(account),
            render_timestamp(account.read_at),
            ", ".join(list_method_letters(account, methods)),
            account.detail or "",
        )
        for account in report.accounts
    ]
    yield from markdown_table(titles, rows)
    if methods:
        yield ""
        yield from (f"- Method {letter}: `{method}`" for method, letter in methods.items())


def _render_windows(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            window.window_id,
            window.account_id,
            window.state.value,
            f"{window.requested_by}, {render_timestamp(window.requested_at)}",
            ", ".join(window.approved_by) or "unapproved",
            render_timestamp(window.opened_at),
            render_closing(window),
            window.full_reason,
        )
        for window in report.windows
    ]
    titles = ("Window", "Account", "State", "Requested", "Approved by", "Opened", "Closed", "Reason")
    return markdown_table(titles, rows)


def _render_exceptions(report: EvidenceReport) -> Iterator[str]:
    time = render_timestamp
    rows = [
        (
            exception.account_id,
            exception.owner,
            exception.reason,
            exception.added_by,
            time(exception.added_at),
            time(exception.until),
        )
        for exception in report.exceptions
    ]
    rows += [
        (
            exception.account_id,
            exception.owner,
            exception.reason,
            "",
            "",
            f"ended by {exception.ended_by}, {time(exception.ended_at)}",
        )
        for exception in report.history.ended_exceptions
    ]
    return markdown_table(("Account", "Owner", "Reason", "Added by", "Added", "Until"), rows)


def _render_deletions(report: EvidenceReport) -> Iterator[str]:
    rows = [
        (
            render_timestamp(deletion.at),
            deletion.account_id,
            KIND_NAMES[deletion.kind],
            deletion.target or "",
            deletion.result.value,
            deletion.actor.name,
            deletion.cause or "",
            str(deletion.sequence),
        )
        for deletion in report.history.deletions
    ]
    return markdown_table(("At", "Account", "Kind", "What", "Result", "By", "For", "Ledger entry"), rows)


def _render_setup(report: EvidenceReport) -> Iterator[str]:
    yield from markdown_table(("Part", "State"), render_setup(report.setup))
    yield ""
    drift = report.setup.drift
    none = "No set-up was accepted, so nothing shows whether it drifted."
    if drift.accepted is not None:
        by, at = markdown_text(drift.accepted.accepted_by), render_timestamp(drift.accepted.accepted_at)
        none = f"No drift from what {by} accepted at {at} (ledger entry {drift.accepted.ledger_sequence})."
    rows = [(difference.what, " ".join(difference.could_be)) for difference in drift.differences]
    rows += [(sentence, "") for sentence in drift.unknown]
    yield from markdown_table(("Drift", "Could be"), rows, empty=none)
