"""``unlock --server``: the server opens the root sessions; what it changes is the policy that the person was shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.on_server.confirming import open_confirmation
from rootkeeper.cli.on_server.following import end_unfinished, follow
from rootkeeper.cli.rendering.unlocks import (
    describe_verdict,
    show_listing_record,
    show_outcome_record,
    show_standing_record,
    show_unneeded_record,
)
from rootkeeper.domain.access import Permission
from rootkeeper.domain.job_requests import UnlockRequest, unlock_to_parameters
from rootkeeper.domain.jobs import JobState
from rootkeeper.domain.ledger import Result
from rootkeeper.domain.resource_policies.changes import ChangeKind
from rootkeeper.domain.resource_policies.lockouts import Verdict

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer

_DEEDS = {
    ChangeKind.CORRECTED: "take the statements that lock everyone out out of it",
    ChangeKind.REMOVE: "remove it",
    ChangeKind.REPLACE: "put the policy of your file in its place",
    ChangeKind.RESTORE: "put the saved copy of your file back",
}


@dataclass(frozen=True, slots=True)
class UnlockErrand:
    """What somebody wants of a server."""

    request: UnlockRequest
    policy: str | None
    """What is put in the place of the one that is there."""
    output: OutputFormat


def unlock(invocation: Invocation, server: RemoteServer, change: ChangeOptions, errand: UnlockErrand) -> int:
    """List, show or change; the exit status."""
    request = errand.request
    if change.dry_run:
        open_confirmation(invocation, server, change, errand.output, Permission.POLICIES_UNLOCK).show_context()
        return _tell_dry_run(invocation, request)
    if request.change is None:
        return _show(invocation, server, errand)
    return _change(invocation, server, change, errand)


def _tell_dry_run(invocation: Invocation, request: UnlockRequest) -> int:
    kind = request.kind
    what = f"{kind.noun} {request.resource}" if request.resource else f"every {kind.noun}"
    deed = f", save it and {_DEEDS[request.change]}" if request.change else ""
    invocation.terminal.remark(
        f"The server opens a root session on account {request.account} with the task {kind.task_policy.value}, to read "
        f"the policy of {what}{deed}."
    )
    invocation.terminal.remark("A dry run opens no root session, so it doesn't read the policy.")
    return ExitStatus.GOOD


def _show(invocation: Invocation, server: RemoteServer, errand: UnlockErrand) -> int:
    found = _perform(invocation, server, errand)
    if isinstance(found, int):
        return found
    if errand.request.resource is not None:
        show_standing_record(found, errand.output, invocation.terminal)
        return ExitStatus.BAD if found["verdict"] == Verdict.UNKNOWN else ExitStatus.GOOD
    show_listing_record(found, errand.request.account, errand.output, invocation.terminal)
    listed = found[f"{errand.request.kind.noun}s"]
    has_unknown = found["unknown"] or any(one["verdict"] == Verdict.UNKNOWN for one in listed)
    return ExitStatus.BAD if has_unknown else ExitStatus.GOOD


def _change(invocation: Invocation, server: RemoteServer, change: ChangeOptions, errand: UnlockErrand) -> int:
    """The policy is shown first; its fingerprint goes with the change, so that no other one is changed."""
    confirmation = open_confirmation(invocation, server, change, errand.output, Permission.POLICIES_UNLOCK)
    look = replace(errand, request=replace(errand.request, change=None), policy=None)
    seen = _perform(invocation, server, look)
    if isinstance(seen, int):
        return seen
    confirmation.ensure(_statement(seen, errand.request))
    agreed = replace(errand, request=replace(errand.request, shown_sha256=seen["sha256"]))
    done = _perform(invocation, server, agreed)
    if isinstance(done, int):
        return done
    if done["result"] == "unchanged":
        show_unneeded_record(done, errand.output, invocation.terminal)
        return ExitStatus.GOOD
    show_outcome_record(done, describe_verdict(done["verdict_after"]), errand.output, invocation.terminal)
    if done["saved"] is not None:
        invocation.terminal.remark("The saved copy lies on the server's machine.")
    return ExitStatus.GOOD if done["result"] == Result.DONE else ExitStatus.INCOMPLETE


def _statement(seen: Mapping[str, Any], request: UnlockRequest) -> list[str]:
    assert request.change is not None  # noqa: S101 - the caller asked
    policy = "none" if seen["sha256"] is None else f"SHA-256 {seen['sha256']}"
    return [
        (
            f"The policy of {request.kind.noun} {seen['name']} in account {seen['account_id']}: "
            f"{describe_verdict(seen['verdict'])} {seen['explanation']}"
        ),
        f"Save it on the server and {_DEEDS[request.change]}. What is there now: {policy}.",
    ]


def _perform(invocation: Invocation, server: RemoteServer, errand: UnlockErrand) -> Any:
    """The record of what came of it; the exit status where nothing did."""
    body = unlock_to_parameters(errand.request) | ({} if errand.policy is None else {"policy": errand.policy})
    job = follow(server, server.jobs.request("unlocks", body), invocation.terminal)
    outcome = server.jobs.find_outcome(job.job_id) if job.is_over else None
    is_told = isinstance(outcome, Mapping) and "problem" not in outcome
    if job.state not in {JobState.DONE, JobState.FAILED} or not is_told:
        return end_unfinished(server, job, invocation.terminal)
    return outcome
