"""A job as JSON values and back: what the command line, the API and its client show of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rootkeeper.domain.jobs import Job, JobKind, JobProgress, JobState
from rootkeeper.domain.json_times import json_time
from rootkeeper.domain.ledger import ActorKind, JsonValue
from rootkeeper.errors import RootkeeperError


def job_to_record(job: Job) -> dict[str, JsonValue]:
    """The job as every interface shows it; ``docs/reference/jobs.schema.json``."""
    return {
        "job_id": job.job_id,
        "kind": job.kind.value,
        "state": job.state.value,
        "organization_id": job.organization_id,
        "endpoint": job.endpoint,
        "created_by": job.created_by,
        "created_by_kind": job.created_by_kind.value,
        "created_at": json_time(job.created_at),
        "updated_at": json_time(job.updated_at),
        "ended_at": json_time(job.ended_at),
        "owner": job.owner,
        "progress": asdict(job.progress),
        "parameters": dict(job.parameters),
        "remark": job.remark,
        "attempts": job.attempts,
        "next_attempt_at": json_time(job.next_attempt_at),
    }


def job_from_record(record: Mapping[str, Any]) -> Job:
    """The job that ``job_to_record`` wrote; what an older program left out has its default.

    :raises ValueError: if a value is none that a job has.
    :raises KeyError: if something is missing.
    """
    return Job(
        job_id=record["job_id"],
        organization_id=record["organization_id"],
        endpoint=record["endpoint"],
        kind=JobKind(record["kind"]),
        state=JobState(record["state"]),
        created_by=record["created_by"],
        created_at=datetime.fromisoformat(record["created_at"]),
        updated_at=datetime.fromisoformat(record["updated_at"]),
        parameters=dict(record["parameters"]),
        progress=JobProgress(**record["progress"]),
        ended_at=_parse_time(record["ended_at"]),
        remark=record["remark"],
        created_by_kind=ActorKind(record.get("created_by_kind", ActorKind.SELF_ASSERTED.value)),
        owner=record["owner"],
        attempts=record.get("attempts", 0),
        next_attempt_at=_parse_time(record.get("next_attempt_at")),
    )


def problem_to_record(error: RootkeeperError) -> dict[str, JsonValue]:
    """The outcome of a job that an error kept from its work, so that who asked for it meets the same error."""
    return {"problem": {"code": error.code, "detail": error.message, "hint": error.hint}}


def _parse_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
