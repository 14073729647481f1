"""Jobs, ledger entries, and the verification of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    render_age,
    render_findings,
    render_timestamp,
    show_facts,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.jobs.records import ListedJobRecord
from rootkeeper.jobs.rules import Job, JobProgress, JobState
from rootkeeper.ledger.records import LedgerVerificationDocument
from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification, Result, render_entry
from rootkeeper.shapes import fill_record
from rootkeeper.untrusted_text import printable

if TYPE_CHECKING:
    from rootkeeper.changes.removal_rules import AccountDeletion

_STYLES = {
    JobState.DONE: "green",
    JobState.FAILED: "bold red",
    JobState.INTERRUPTED: "bold yellow",
    JobState.RUNNING: "bold cyan",
}
_LONGEST_SELECTION = 120


def job_record(job: Job) -> ListedJobRecord:
    """The job as the command line shows it."""
    return fill_record(ListedJobRecord, job)


def show_jobs(jobs: Sequence[Job], output: OutputFormat, terminal: Terminal, now: datetime) -> None:
    columns = (
        TableColumn("Job", lambda job: job.job_id, keeps_whole=True),
        TableColumn("Kind", lambda job: job.kind.value),
        TableColumn("State", lambda job: job.state.value, lambda job: _STYLES.get(job.state, "dim"), importance=1),
        TableColumn("Done", lambda job: render_progress(job.progress)),
        TableColumn("Begun", lambda job: render_age(job.created_at, now)),
        TableColumn("By", lambda job: job.created_by),
        TableColumn("Remark", lambda job: render_remark(job, now), importance=1),
    )
    records = [job_record(job) for job in jobs]
    show_listing(Listing("jobs", records, columns, empty="No jobs.", rows=jobs), output, terminal)


def show_job(
    job: Job, results: Sequence[AccountDeletion], output: OutputFormat, terminal: Terminal, now: datetime
) -> None:
    from rootkeeper.cli.rendering.deletions import deletion_listing, deletion_record

    if output is not OutputFormat.TABLE:
        show_record({**job_record(job), "accounts": [deletion_record(result) for result in results]}, output, terminal)
        return
    selection = job.parameters.get("selection")  # a deletion stores it as text
    if not isinstance(selection, str):
        selection = ""
    elif len(selection) > _LONGEST_SELECTION:
        selection = f"{selection[:_LONGEST_SELECTION]} …"
    facts = {
        "Job": job.job_id,
        "Kind": job.kind.value,
        "State": job.state.value,
        "Organization": job.organization_id,
        "Endpoint": job.endpoint,
        "Begun": f"{render_timestamp(job.created_at)} ({render_age(job.created_at, now)}) by {job.created_by}",
        "Last update": render_timestamp(job.updated_at),
        "Ended": render_timestamp(job.ended_at) if job.ended_at else "",
        "Process": job.owner or "",
        "Done": render_progress(job.progress),
        "Selection": selection,
        "Plan": str(job.parameters.get("plan_id", "")),
        "Remark": render_remark(job, now),
    }
    show_facts({name: value for name, value in facts.items() if value}, terminal)
    if results:
        terminal.show("")
        show_listing(deletion_listing(results), output, terminal)


def render_progress(progress: JobProgress) -> str:
    """Such as ``5 of 12, 1 present``."""
    parts = [f"{progress.done:,}" if progress.total is None else f"{progress.done:,} of {progress.total:,}"]
    if progress.total is None and progress.listed:
        parts.append(f"{progress.listed:,} listed")
    findings = render_findings(progress.present, progress.unknown, progress.unread)
    return ", ".join([*parts, findings] if findings else parts)


def render_remark(job: Job, now: datetime) -> str:
    """Why it stopped, and how to continue."""
    next_step = render_next_step(job, now) if job.can_be_resumed else ""
    return " ".join(part for part in (job.remark or "", next_step) if part)


def render_next_step(job: Job, now: datetime) -> str:
    """Render the next step for an interrupted job."""
    if job.has_expired(now):
        return f"Its plan has expired. End it: rootkeeper jobs cancel {job.job_id}"
    return f"Resume it: rootkeeper jobs resume {job.job_id}"


_RESULT_STYLES = {Result.DONE.value: "green", Result.FAILED.value: "bold red", Result.UNKNOWN.value: "bold magenta"}
_COLUMNS = (
    TableColumn("Entry", "sequence", is_number=True, keeps_whole=True),
    TableColumn("At", lambda entry: f"{entry['at'][:19]}Z", keeps_whole=True),
    TableColumn("Account", "account_id", keeps_whole=True),
    TableColumn("Action", "action"),
    TableColumn("Phase", "phase"),
    TableColumn("Result", "result", style=lambda entry: _RESULT_STYLES.get(entry["result"] or "", ""), importance=1),
    TableColumn("Actor", lambda entry: entry["actor"]["name"]),
)


def show_entries(entries: Iterable[LedgerEntry], output: OutputFormat, terminal: Terminal) -> None:
    """Write entries to stdout; JSON Lines are streamed, so that a long ledger needs little memory."""
    records: Iterator[Record] = (json.loads(render_entry(entry)) for entry in entries)  # as it is hashed
    if output is OutputFormat.JSONL:
        for record in records:
            show_record(record, output, terminal)
        return
    listing = Listing("entries", list(records), _COLUMNS, empty="The ledger has no such entries.")
    show_listing(listing, output, terminal)


def show_verification(verification: LedgerVerification, output: OutputFormat, terminal: Terminal) -> None:
    if output is OutputFormat.JSON:
        show_record(fill_record(LedgerVerificationDocument, verification), output, terminal)
        return
    if verification.is_intact:
        head = printable(verification.head_hash)
        terminal.show(f"✓ The ledger is intact: {verification.entries:,} entries, head {head}.")
    else:
        where = f", entry {verification.first_bad_sequence}" if verification.first_bad_sequence else ""
        terminal.show(f"✗ The ledger is NOT intact{where}: {printable(verification.problem or '')}")
        for problem in verification.further_problems:
            terminal.show(f"✗ {printable(problem)}")
        if verification.shows_loss:
            terminal.remark("To record the loss of a copy and begin it again: rootkeeper ledger adopt")
    if verification.missing_memory is not None:
        terminal.remark(printable(verification.missing_memory), style="bold")
    anchored = verification.anchored_sequence
    if anchored:
        terminal.show(f"Anchored up to entry {anchored}.")
    elif verification.is_intact:
        terminal.show("Nothing is anchored yet.")
