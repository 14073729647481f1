"""Root e-mail addresses: the list, attestations, and the result of a change."""

from __future__ import annotations

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import Listing, Record, TableColumn, counted, mark_column, show_listing
from rootkeeper.cli.terminal import Terminal
from rootkeeper.root_emails.records import (
    AttestationRecord,
    EmailChangeRecord,
    EmailsDocument,
    email_to_record,
    rules_to_record,
)
from rootkeeper.root_emails.rules import (
    EXPLANATIONS,
    EmailAttestation,
    EmailReason,
    EmailVerdict,
    GroupBasis,
    count_verdicts,
)
from rootkeeper.root_emails.service import SOURCE, EmailReport
from rootkeeper.shapes import fill_record
from rootkeeper.values import json_time

_WORDS = {
    EmailVerdict.PASS: ("✓ Pass", "green"),
    EmailVerdict.FAIL: ("✗ Fail", "bold red"),
    EmailVerdict.UNKNOWN: ("? Unknown", "bold magenta"),
    EmailVerdict.NOT_APPLICABLE: ("· Not applicable", "dim"),
}


def show_emails(report: EmailReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write the list to stdout, and remarks to stderr."""
    columns = (
        TableColumn("Account", "account_id", keeps_whole=True),
        TableColumn("Name", "name"),
        TableColumn("Root e-mail address", lambda record: record["email"] or "?", importance=1),
        mark_column("Verdict", "verdict", _WORDS, importance=1),
        TableColumn("Read by a group", _render_group),
        TableColumn("Why", _render_reasons, importance=1),
    )
    document = fill_record(
        EmailsDocument,
        report,
        source=SOURCE,
        rules=rules_to_record(report.rules),
        accounts=[email_to_record(email) for email in report.emails],
        summary=count_verdicts(report.emails),
    )
    listing = Listing("accounts", document["accounts"], columns, document, empty="No account is selected.")
    show_listing(listing, output, terminal)
    if output is OutputFormat.TABLE:
        from rich.text import Text

        counts, known = count_verdicts(report.emails), len(report.inventory.accounts)
        parts = [
            f"{counts[verdict.value]:,} {words.partition(' ')[2].lower()}"
            for verdict, (words, _) in _WORDS.items()
            if counts[verdict.value]
        ]
        of_all = "" if counts["accounts"] == known else f" of {known:,} in the organization"
        source = f"Addresses from {SOURCE} at {json_time(report.inventory.listed_at)}."
        terminal.show(
            Text(),
            Text(f"{counted(counts['accounts'], 'account')}{of_all}: {', '.join(parts)}."),
            Text(source, style="dim"),
        )
    for remark in report.remarks:
        terminal.remark(render_hint(remark) or "")


def _render_group(record: Record) -> str:
    if record["group"] == GroupBasis.ATTESTATION.value:
        return f"{record['attested_by']}, until {record['attested_until'][:10]}"
    if record["group"] == GroupBasis.SETTINGS.value:
        return "settings"
    return ""


def _render_reasons(record: Record) -> str:
    others = ", ".join(record["shared_with"])
    return "; ".join(
        f"{EXPLANATIONS[reason]} ({others})" if reason is EmailReason.DUPLICATE else EXPLANATIONS[reason]
        for reason in map(EmailReason, record["reasons"])
    )


def show_attestation(kept: EmailAttestation, output: OutputFormat, terminal: Terminal) -> None:
    record = fill_record(AttestationRecord, kept)
    columns = (
        TableColumn("Address", "address"),
        TableColumn("Attested by", "attested_by"),
        TableColumn("Until", "until"),
        TableColumn("Recorded by", "recorded_by"),
    )
    show_listing(Listing("attestations", [record], columns), output, terminal)


_OUTCOME_WORDS = {
    "changed": ("✓ Changed", "green"),
    "unneeded": ("✓ No change needed", "green"),
    "started": ("… Waiting for the one-time password", "bold yellow"),
    "not_proven": ("? Not proven yet", "bold magenta"),
    "failed": ("✗ Failed", "bold red"),
}


def show_email_change(change: EmailChangeRecord, output: OutputFormat, terminal: Terminal) -> None:
    """Write the result of a change to stdout, and a sentence to stderr."""
    explanation = render_hint(change["explanation"]) or ""
    record = {**change, "explanation": explanation}
    columns = (
        TableColumn("Account", "account_id", keeps_whole=True),
        TableColumn("Before", "email_before"),
        TableColumn("New", "email"),
        mark_column("Outcome", "outcome", _OUTCOME_WORDS, importance=1),
    )
    show_listing(Listing("changes", [record], columns), output, terminal)
    terminal.remark(explanation)
