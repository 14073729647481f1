"""The plans that a server made, by their ids.

A server applies no plan that a client sends: its hash has no key, so a client can change anything in it. It applies
only plans that its own jobs made. A plan's id leads to its job, so no signature is needed and every server and worker
on the database knows the plan.
"""

from __future__ import annotations

from typing import Protocol

from rootkeeper.deletion.records import parse_plan
from rootkeeper.deletion.rules import DeletionPlan
from rootkeeper.errors import Hint, InputError, NotFoundError, PlanInvalidError
from rootkeeper.jobs.rules import Job, JobKind, JobState
from rootkeeper.organization.statuses import CredentialKind

_PLAN, _JOB = "plan-", "j-"


class PlanJobs(Protocol):
    """Jobs and their outcomes, from the database."""

    def get(self, job_id: str) -> Job:
        """:raises NotFoundError: if there is no such job."""
        ...

    def find_outcome(self, job_id: str) -> str | None: ...


def make_plan_id(job_id: str) -> str:
    """Make the id of the plan that a server's job makes."""
    return _PLAN + job_id.removeprefix(_JOB)


def make_plan_job_id(plan_id: str) -> str:
    """Make the id of the job that made a server's plan."""
    return _JOB + plan_id.removeprefix(_PLAN)


def refuse_plan(plan_id: str) -> PlanInvalidError:
    """Make the error for a plan that the server didn't make."""
    return PlanInvalidError(
        f"The server didn't make plan {plan_id}, so it doesn't apply it.",
        hint=Hint("Create a new plan on the server.", "plan.on_server"),
    )


def read_made_plan(jobs: PlanJobs, plan_id: str, only: frozenset[CredentialKind] | None = None) -> DeletionPlan:
    """Read a plan that a job made.

    :param only: the kinds of the plan to delete; ``None``: all.
    :raises PlanInvalidError: if no job made that plan.
    :raises InputError: if the plan doesn't delete all these kinds.
    """
    job_id = make_plan_job_id(plan_id)
    try:
        job = jobs.get(job_id)
    except NotFoundError as error:
        raise refuse_plan(plan_id) from error
    made = jobs.find_outcome(job_id) if job.kind is JobKind.PLAN and job.state is JobState.DONE else None
    if made is None:
        raise refuse_plan(plan_id)
    plan = parse_plan(made)
    wanted = plan.only if only is None else only
    if not wanted <= plan.only:
        raise InputError(f"Plan {plan_id} doesn't delete {', '.join(sorted(wanted - plan.only))}.")
    for kind in sorted(plan.only - wanted):
        plan = plan.without(kind)
    return plan
