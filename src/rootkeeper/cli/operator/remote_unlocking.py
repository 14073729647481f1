"""Has a server read and change policies of buckets and queues.

The policy is shown first; its fingerprint goes with the change, so that no other one is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rootkeeper.cli.operator.interface import Unlocking
from rootkeeper.cli.operator.remote_jobs import RemoteJobs
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.cli.rendering.unlocks import describe_verdict
from rootkeeper.domain.job_requests import UnlockRequest, unlock_to_parameters
from rootkeeper.domain.jobs import JobState
from rootkeeper.domain.resource_policies.changes import ChangeKind

_CHANGE_TEXTS = {
    ChangeKind.CORRECTED: "take the statements that lock everyone out out of it",
    ChangeKind.REMOVE: "remove it",
    ChangeKind.REPLACE: "put the policy of your file in its place",
    ChangeKind.RESTORE: "put the saved copy of your file back",
}


class RemoteUnlocking(Unlocking):
    """One account's bucket or queue, or all of them; the server opens the root sessions."""

    def __init__(self, jobs: RemoteJobs, request: UnlockRequest, policy: str | None) -> None:
        self._jobs, self._request, self._policy = jobs, request, policy

    def describe(self) -> Sequence[str]:
        request, kind = self._request, self._request.kind
        what = f"{kind.noun} {request.resource}" if request.resource else f"every {kind.noun}"
        deed = f", save it and {_CHANGE_TEXTS[request.change]}" if request.change else ""
        task = f"with the task {kind.task_policy.value}"
        return [
            f"The server opens a root session on account {request.account} {task}, to read the policy of {what}{deed}.",
            "A dry run opens no root session, so it doesn't read the policy.",
        ]

    def read(self) -> Record:
        return self._perform(self._request, self._policy)

    def plan(self) -> tuple[Sequence[str], Record | None]:
        change = self._request.change
        assert change is not None  # noqa: S101 - the caller asked
        seen = self._perform(replace(self._request, change=None), None)
        self._request = replace(self._request, shown_sha256=seen["sha256"])
        policy = "none" if seen["sha256"] is None else f"SHA-256 {seen['sha256']}"
        verdict = f"{describe_verdict(seen['verdict'])} {seen['explanation']}"
        return [
            f"The policy of {self._request.kind.noun} {seen['name']} in account {seen['account_id']}: {verdict}",
            f"Save it on the server and {_CHANGE_TEXTS[change]}. What is there now: {policy}.",
        ], None

    def change(self) -> tuple[Record, str | None]:
        done = self._perform(self._request, self._policy)
        if done["saved"] is not None:
            self._jobs.terminal.remark("The saved copy is on the server's machine.")
        return done, describe_verdict(done["verdict_after"])

    def _perform(self, request: UnlockRequest, policy: str | None) -> Record:
        """The record of what came of it. A change that failed has one too."""
        body = unlock_to_parameters(request) | ({} if policy is None else {"policy": policy})
        job = self._jobs.follow(self._jobs.request("unlocks", body))
        outcome = self._jobs.find_outcome(job.job_id) if job.is_over else None
        if job.state in {JobState.DONE, JobState.FAILED} and isinstance(outcome, Mapping) and "problem" not in outcome:
            return dict(outcome)
        raise self._jobs.end_unfinished(job)
