"""Jobs as lists and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.deletions import deletion_listing, deletion_record
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION, Listing, Record, TableColumn, show_listing
from rootkeeper.cli.rendering.text import json_text, json_time, printable, render_age, render_timestamp
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.deletion import AccountDeletion
from rootkeeper.domain.jobs import Job, JobProgress, JobState

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
    """Write one job to stdout, with the accounts of a deletion that have a result."""
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
        "Last sign": render_timestamp(job.updated_at),
        "Ended": render_timestamp(job.ended_at) if job.ended_at else "",
        "Process": job.owner or "",
        "Done": render_progress(job.progress),
        "Selection": _render_selection(job),
        "Plan": str(job.parameters.get("plan_id", "")),
        "Remark": render_remark(job, now),
    }
    return {name: value for name, value in facts.items() if value}


def _render_selection(job: Job) -> str:
    """A deletion keeps it in words; many accounts named one by one are cut short."""
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
    """Why it stopped, and how it goes on."""
    next_step = render_next_step(job, now) if job.can_be_resumed else ""
    return " ".join(part for part in (job.remark or "", next_step) if part)


def render_next_step(job: Job, now: datetime) -> str:
    """What there is to do about an interrupted job."""
    if job.has_expired(now):
        return f"Its plan has expired. End it: rootkeeper jobs cancel {job.job_id}"
    return f"Go on: rootkeeper jobs resume {job.job_id}"
