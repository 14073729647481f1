"""Jobs, ledger entries, and the verification of the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.deletions import deletion_listing, deletion_record
from rootkeeper.cli.rendering.listings import (
    SCHEMA_VERSION,
    Listing,
    Record,
    TableColumn,
    render_age,
    render_timestamp,
    show_listing,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.jobs.rules import Job, JobProgress, JobState
from rootkeeper.ledger.rules import LedgerEntry, LedgerVerification, Result, render_entry
from rootkeeper.removal.rules import AccountDeletion
from rootkeeper.untrusted_text import json_text, printable
from rootkeeper.values import json_time

_STYLES = {
    JobState.DONE: "green",
    JobState.FAILED: "bold red",
    JobState.INTERRUPTED: "bold yellow",
    JobState.RUNNING: "bold cyan",
}


_LONGEST_SELECTION = 120


def job_record(job: Job) -> dict[str, Any]:
    """The job as every interface shows it."""
    progress = job.progress
    return {
        "job_id": job.job_id,
        "kind": job.kind.value,
        "state": job.state.value,
        "organization_id": job.organization_id,
        "endpoint": job.endpoint,
        "created_by": job.created_by,
        "created_at": json_time(job.created_at),
        "updated_at": json_time(job.updated_at),
        "ended_at": json_time(job.ended_at),
        "owner": job.owner,
        "progress": {
            "total": progress.total,
            "done": progress.done,
            "present": progress.present,
            "unknown": progress.unknown,
        },
        "parameters": dict(job.parameters),
        "remark": job.remark,
    }


def show_jobs(jobs: Sequence[Job], output: OutputFormat, terminal: Terminal, now: datetime) -> None:
    """Write a list of jobs to stdout."""
    by_id = {job.job_id: job for job in jobs}

    def job_of(record: Record) -> Job:
        return by_id[record["job_id"]]

    columns = (
        TableColumn("Job", lambda record: record["job_id"], keeps_whole=True),
        TableColumn("Kind", lambda record: record["kind"]),
        TableColumn("State", lambda record: record["state"], lambda record: _STYLES.get(record["state"], "dim")),
        TableColumn("Done", lambda record: render_progress(job_of(record).progress)),
        TableColumn("Begun", lambda record: render_age(job_of(record).created_at, now)),
        TableColumn("By", lambda record: record["created_by"]),
        TableColumn("Remark", lambda record: render_remark(job_of(record), now)),
    )
    show_listing(Listing("jobs", [job_record(job) for job in jobs], columns, empty="No jobs."), output, terminal)


def show_job(
    job: Job, results: Sequence[AccountDeletion], output: OutputFormat, terminal: Terminal, now: datetime
) -> None:
    """Write one job to stdout, with the results of a deletion."""
    if output is not OutputFormat.TABLE:
        head = {"schema_version": SCHEMA_VERSION} if output is OutputFormat.JSON else {}
        indent = 2 if output is OutputFormat.JSON else None
        accounts = [deletion_record(result) for result in results]
        terminal.write(json_text({**head, **job_record(job), "accounts": accounts}, indent=indent) + "\n")
        return
    for name, value in _facts(job, now).items():
        terminal.show(f"{name:<14} {printable(value)}")
    if results:
        terminal.show("")
        show_listing(deletion_listing(results), output, terminal)


def _facts(job: Job, now: datetime) -> dict[str, str]:
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
        "Selection": _render_selection(job),
        "Plan": str(job.parameters.get("plan_id", "")),
        "Remark": render_remark(job, now),
    }
    return {name: value for name, value in facts.items() if value}


def _render_selection(job: Job) -> str:
    """A deletion stores it as text; a long list of accounts is cut."""
    selection = job.parameters.get("selection")
    if not isinstance(selection, str):
        return ""
    return selection if len(selection) <= _LONGEST_SELECTION else f"{selection[:_LONGEST_SELECTION]} …"


def render_progress(progress: JobProgress) -> str:
    """Such as ``5 of 12, 1 present``."""
    done = f"{progress.done:,}" if progress.total is None else f"{progress.done:,} of {progress.total:,}"
    findings = [
        f"{count:,} {name}" for count, name in ((progress.present, "present"), (progress.unknown, "unknown")) if count
    ]
    return ", ".join([done, *findings])


def render_remark(job: Job, now: datetime) -> str:
    """Why it stopped, and how to continue."""
    next_step = render_next_step(job, now) if job.can_be_resumed else ""
    return " ".join(part for part in (job.remark or "", next_step) if part)


def render_next_step(job: Job, now: datetime) -> str:
    """What to do about an interrupted job."""
    if job.has_expired(now):
        return f"Its plan has expired. End it: rootkeeper jobs cancel {job.job_id}"
    return f"Resume it: rootkeeper jobs resume {job.job_id}"


_RESULT_STYLES = {Result.DONE.value: "green", Result.FAILED.value: "bold red", Result.UNKNOWN.value: "bold magenta"}


_COLUMNS = (
    TableColumn("Entry", lambda entry: str(entry["sequence"]), is_number=True, keeps_whole=True),
    TableColumn("At", lambda entry: f"{entry['at'][:19]}Z", keeps_whole=True),
    TableColumn("Account", lambda entry: entry["account_id"] or "", keeps_whole=True),
    TableColumn("Action", lambda entry: entry["action"]),
    TableColumn("Phase", lambda entry: entry["phase"]),
    TableColumn(
        "Result",
        lambda entry: entry["result"] or "",
        style=lambda entry: _RESULT_STYLES.get(entry["result"] or "", ""),
    ),
    TableColumn("Actor", lambda entry: entry["actor"]["name"]),
)


def entry_record(entry: LedgerEntry) -> dict[str, Any]:
    """The entry as it is hashed."""
    record: dict[str, Any] = json.loads(render_entry(entry))
    return record


def show_entries(entries: Iterable[LedgerEntry], output: OutputFormat, terminal: Terminal) -> None:
    """Write entries to stdout; JSON Lines are streamed, so that a long ledger needs little memory."""
    if output is OutputFormat.JSONL:
        for entry in entries:
            terminal.write(json_text(entry_record(entry)) + "\n")
        return
    records = [entry_record(entry) for entry in entries]
    show_listing(Listing("entries", records, _COLUMNS, empty="The ledger has no such entries."), output, terminal)


def show_verification(verification: LedgerVerification, output: OutputFormat, terminal: Terminal) -> None:
    """Write the result to stdout."""
    if output is OutputFormat.JSON:
        terminal.write(json_text({"schema_version": SCHEMA_VERSION, **_record(verification)}, indent=2) + "\n")
        return
    if verification.is_intact:
        head = printable(verification.head_hash)
        terminal.show(f"✓ The ledger is intact: {verification.entries:,} entries, head {head}.")
    else:
        where = f"entry {verification.first_bad_sequence}" if verification.first_bad_sequence else "the ledger"
        terminal.show(f"✗ The ledger is NOT intact, {where}: {printable(verification.problem or '')}")
    anchored = verification.anchored_sequence
    terminal.show(f"Anchored up to entry {anchored}." if anchored else "Nothing is anchored yet.")


def _record(verification: LedgerVerification) -> dict[str, Any]:
    return {
        "intact": verification.is_intact,
        "entry_count": verification.entries,
        "head_sequence": verification.head_sequence,
        "head_hash": verification.head_hash,
        "first_bad_sequence": verification.first_bad_sequence,
        "problem": verification.problem,
        "anchored_sequence": verification.anchored_sequence,
    }
