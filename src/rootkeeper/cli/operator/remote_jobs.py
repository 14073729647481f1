"""The jobs of a server, and the commands' own reports made from its answers.

An answer that can't be understood raises a ServerUnreachableError.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import click

from rootkeeper.audit.records import head_from_record
from rootkeeper.audit.service import AuditReport
from rootkeeper.cli.outputs import ExitStatus
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.cli.terminal import StopRequests, Terminal
from rootkeeper.errors import (
    Hint,
    InputError,
    JobConflictError,
    NotFoundError,
    ServerUnreachableError,
    UnprovenChangeError,
)
from rootkeeper.failsafe.rules import Check
from rootkeeper.failsafe.service import FailsafeReport
from rootkeeper.guardrails.records import row_from_record
from rootkeeper.guardrails.service import PreflightReport
from rootkeeper.jobs.records import job_from_record
from rootkeeper.jobs.rules import RESUMABLE_KINDS, Job, JobKind, JobState
from rootkeeper.organization.accounts import (
    AccountId,
    Caller,
    Endpoint,
    Inventory,
    Organization,
    OrganizationalUnit,
    parse_account_id,
)
from rootkeeper.organization.records import account_from_record, parse_selection
from rootkeeper.organization.selection import (
    EVERYTHING,
    SelectionRequest,
    narrow_by_tags,
    require_not_empty,
    select_before_tags,
)
from rootkeeper.organization.statuses import AccountStatus
from rootkeeper.remote.connections import PAGE, Connection, error_of, segment
from rootkeeper.remote.server import JobFollower
from rootkeeper.root_emails.rules import RootEmail, parse_rules
from rootkeeper.root_emails.service import EmailReport
from rootkeeper.shapes import parse_facts

if TYPE_CHECKING:
    from rootkeeper.organization.progress import StopSignal


_LOOK_SECONDS = 0.5
_ENDING_SECONDS = 90.0
"""An account in progress ends with a re-read, which is repeated for a while."""


@dataclass(frozen=True, slots=True)
class RemoteJobs:
    """Asks a server for jobs.

    :raises RootkeeperError: the server's refusal, as its own error.
    """

    connection: Connection
    terminal: Terminal

    def request(self, resource: str, body: Mapping[str, Any]) -> Job:
        """Request long work, such as ``audits``; the job that does it."""
        return self.connection.change(job_from_record, resource, body)

    def get(self, job_id: str) -> Job:
        """:raises InputError: if there is no such job."""
        return self.connection.read(job_from_record, f"jobs/{segment(job_id)}")

    def list_jobs(self, *, unfinished: bool, limit: int | None) -> tuple[Job, ...]:
        query = {"unfinished": unfinished, "limit": PAGE if limit is None else min(limit, PAGE)}
        records = islice(self.connection.list_pages("jobs", "jobs", query), limit)
        return tuple(self.connection.parse_answer(job_from_record, record) for record in records)

    def cancel(self, job_id: str) -> Job:
        """:raises InputError: if there is no such job, or it has ended."""
        return self.connection.change(job_from_record, f"jobs/{segment(job_id)}/cancel")

    def resume(self, job_id: str, *, retry_failed: bool) -> Job:
        """:raises InputError: if there is no such job, it runs, or it has ended."""
        return self.connection.change(job_from_record, f"jobs/{segment(job_id)}/resume", {"retry_failed": retry_failed})

    def list_results(self, job_id: str) -> dict[AccountId, Mapping[str, Any]]:
        """List the record of each account so far."""
        with self.connection.parsing():
            pages = self.connection.list_pages(f"jobs/{segment(job_id)}/results", "results")
            return {AccountId(record["account_id"]): record for record in pages}

    def read_outcome(self, job_id: str) -> Any:
        """Read the job's outcome.

        :raises NotFoundError: if there is none.
        """
        return self.connection.get(f"jobs/{segment(job_id)}/outcome")

    def find_outcome(self, job_id: str) -> Any:
        """Read the job's outcome; ``None`` if there is none."""
        try:
            return self.read_outcome(job_id)
        except NotFoundError:
            return None

    def find_document(self, job_id: str) -> str:
        """Read the job's document, such as a deletion's plan file.

        :raises InputError: if it has no document.
        """
        return json.dumps(self.connection.get(f"jobs/{segment(job_id)}/document"))

    def perform(self, resource: str, body: Mapping[str, Any]) -> Any:
        """Request the work, wait, and return its outcome; end the command if it isn't done."""
        job = self.follow(self.request(resource, body))
        if job.state is not JobState.DONE:
            raise self.end_unfinished(job)
        return self.read_outcome(job.job_id)

    def perform_recorded(self, resource: str, body: Mapping[str, Any]) -> Record:
        """Request the work, wait, and return its record, which names the failures: a failed job has a record, too."""
        job = self.follow(self.request(resource, body))
        outcome = self.find_outcome(job.job_id) if job.is_over else None
        if job.state in {JobState.DONE, JobState.FAILED} and isinstance(outcome, Mapping) and "problem" not in outcome:
            return dict(outcome)
        raise self.end_unfinished(job)

    def follow(self, job: Job, stop: StopSignal | None = None) -> Job:
        """Return the job at its end, or as it is when the person presses Ctrl-C.

        Ctrl-C cancels a deletion and waits for it, as without a server. Any other job continues on the server.

        :param stop: counts Ctrl-C; a new counter by default.
        :raises ServerUnreachableError: if the server doesn't answer for long.
        """
        if stop is None:
            with StopRequests() as own:
                return self.follow(job, own)
        job = JobFollower(self.get, open_progress(self.terminal), stop, time.monotonic).follow(job)
        if job.is_over or job.kind is not JobKind.DELETION:
            return job
        if job.state is JobState.INTERRUPTED and not stop.asked_once():
            return job
        return self._cancel_and_wait(job)

    def end_unfinished(self, job: Job) -> Exception:
        """Show how an unfinished job continues; return the error that ends the command."""
        outcome = self.find_outcome(job.job_id) if job.is_over else None
        problem = outcome.get("problem") if isinstance(outcome, Mapping) else None
        if problem is not None:  # the error that a command without a server would raise
            return error_of(422, problem, url=self.connection.url)
        remark = self.terminal.remark
        status = ExitStatus.INTERRUPTED
        if job.state is JobState.CANCELLED:
            remark(f"Job {job.job_id} was cancelled. {job.remark or ''}".strip(), style="bold")
        elif job.state is JobState.FAILED:
            remark(f"error: Job {job.job_id} failed: {job.remark or 'no reason is given.'}", style="bold red")
            status = ExitStatus.REFUSED
        elif job.state is JobState.INTERRUPTED:
            remark(f"Job {job.job_id} is interrupted: {job.remark or 'its process ended.'}", style="bold")
            is_resumable = job.kind in RESUMABLE_KINDS
            how = f"Resume the rest: rootkeeper jobs resume {job.job_id}" if is_resumable else "Run the command again."
            remark(how, style="bold")
        else:
            remark(f"Job {job.job_id} continues on the server. See it: rootkeeper jobs show {job.job_id}", style="bold")
            remark(f"End it: rootkeeper jobs cancel {job.job_id}", style="bold")
        return click.exceptions.Exit(int(status))

    def _cancel_and_wait(self, job: Job) -> Job:
        """Cancel it, and wait until the accounts in progress are finished."""
        self.terminal.remark("Stopping: accounts in progress are finished, and no more are begun.", style="bold")
        was_interrupted = job.state is JobState.INTERRUPTED
        try:
            job = self.cancel(job.job_id)
        except JobConflictError:
            return self.get(job.job_id)  # it ended meanwhile
        except (ServerUnreachableError, UnprovenChangeError) as error:
            self.terminal.remark(
                f"ALERT: deletion {job.job_id} may continue, because the server didn't get the request to stop: "
                f"{error.message} When it answers again: rootkeeper jobs cancel {job.job_id}",
                style="bold red",
            )
            raise
        # Only the server knows whether it had begun: the last look may be from before.
        had_begun = job.owner is not None and not was_interrupted
        gives_up_at = time.monotonic() + _ENDING_SECONDS
        while had_begun and time.monotonic() < gives_up_at:
            outcome = self.find_outcome(job.job_id)
            if isinstance(outcome, Mapping) and ("ended_at" in outcome or "problem" in outcome):
                return self.get(job.job_id)
            time.sleep(_LOOK_SECONDS)
        if had_begun:
            self.terminal.remark(
                f"Accounts may still be in progress. See: rootkeeper jobs show {job.job_id}", style="bold red"
            )
        return self.get(job.job_id)


def read_audit(connection: Connection, outcome: Any, job: Job) -> AuditReport:
    """Read the report of the job's audit, in the order of the organization's tree."""
    statuses = list_statuses(connection, f"audits/{segment(job.job_id)}")
    with connection.parsing():
        head, request = head_from_record(outcome), parse_selection(cast("Any", job.parameters["selection"]))
        is_whole = request == replace(EVERYTHING, statuses=request.statuses)
        inventory = read_inventory(connection, statuses if is_whole else None)
        return AuditReport(
            inventory=replace(inventory, listed_at=head.listed_at),
            caller=parse_caller(head.caller_arn),
            endpoint=Endpoint(head.endpoint),
            started_at=head.started_at,
            ended_at=head.ended_at,
            accounts=tuple(status for status in statuses if not request.statuses or status.status in request.statuses),
            drift=head.drift,
            is_inventory_complete=head.is_inventory_complete,
        )


def read_preflight(connection: Connection, record: Any) -> PreflightReport:
    """Read the report of a preflight."""
    inventory = read_inventory(connection)
    with connection.parsing():
        by_id = {account.account_id: account for account in inventory.accounts}
        rows = tuple(row_from_record(row, by_id) for row in record["rows"])
        evaluated = tuple({row.account.account_id: row.account for row in rows}.values())
        others = tuple(account for account in inventory.accounts if account not in evaluated)
        return PreflightReport(
            inventory=inventory,
            caller=parse_caller(record["caller_arn"]),
            endpoint=Endpoint(record["endpoint"]),
            observed_at=datetime.fromisoformat(record["observed_at"]),
            accounts=evaluated,
            skipped=others[: record["summary"]["skipped"]],
            rows=rows,
            evaluations=0,
        )


def read_failsafe_checks(connection: Connection, record: Any) -> FailsafeReport:
    """Read the report of a server's check of the failsafes."""
    inventory = read_inventory(connection)
    with connection.parsing():
        by_id = {account.account_id: account for account in inventory.accounts}
        return FailsafeReport(
            inventory=inventory,
            caller=parse_caller(record["caller_arn"]),
            endpoint=Endpoint(record["endpoint"]),
            observed_at=datetime.fromisoformat(record["observed_at"]),
            failsafes=tuple(by_id[account_id] for account_id in record["failsafe_account_ids"]),
            checks=tuple(
                parse_facts(Check, {**check, "name": check["check"], "hint": _parse_hint(check)})
                for check in record["checks"]
            ),
        )


def _parse_hint(check: Mapping[str, Any]) -> str | None:
    hint: str | None = check["hint"]
    return hint if hint is None or check["hint_code"] is None else Hint(hint, check["hint_code"], **check["hint_facts"])


def read_root_emails(connection: Connection, request: SelectionRequest) -> EmailReport:
    """Read the root e-mail addresses of the selected accounts, as the server's last listing has them.

    :raises InputError: if the organization was never listed, or the selection is wrong.
    """
    page = connection.get("root-emails", {"limit": 1})
    with connection.parsing():
        if page["listed_at"] is None:
            raise InputError(
                "The organization hasn't been listed yet.", hint=Hint("Run an audit first.", "evidence.audit")
            )
        statuses = list_statuses(connection)
        inventory = read_inventory(connection, statuses)
        selected = _select(request, inventory, statuses)
        records = {record["account_id"]: record for record in connection.list_pages("root-emails", "accounts")}
        rules = page["rules"]
        return EmailReport(
            inventory=inventory,
            endpoint=Endpoint(page["endpoint"]),
            rules=parse_rules(rules["allowed_domains"], rules["approved_pattern"] or "", rules["groups"]),
            emails=tuple(
                parse_facts(RootEmail, {**record, "account": account, "group_basis": record["group"]})
                for account in inventory.accounts
                if account.account_id in selected
                for record in [records[account.account_id]]
            ),
            remarks=tuple(page["remarks"]),
        )


def _select(request: SelectionRequest, inventory: Inventory, statuses: list[AccountStatus]) -> frozenset[AccountId]:
    """Select as on this machine, but by the tags that the server has read."""
    selection = select_before_tags(request, inventory)
    if request.tags:
        known = {account.account_id: account.tags for account in inventory.accounts if account.tags is not None}
        if any(chosen.account.account_id not in known for chosen in selection.accounts):
            raise InputError(
                "The server hasn't read the tags of every account.",
                hint=Hint("An audit with this selection reads them.", "emails.read_tags"),
            )
        selection = narrow_by_tags(selection, request.tags, known)
    require_not_empty(selection)
    fitting = {row.account.account_id for row in statuses if not request.statuses or row.status in request.statuses}
    return frozenset(account.account_id for account in selection.included if account.account_id in fitting)


def read_inventory(connection: Connection, known: Sequence[AccountStatus] | None = None) -> Inventory:
    """Read the organization's tree as the server listed it last.

    :param known: its accounts, if they are known; otherwise the server is asked.
    """
    page = connection.get("organizations")
    statuses = list_statuses(connection) if known is None else known
    with connection.parsing():
        record = page["organizations"][0]
        return Inventory(
            parse_facts(Organization, record),
            tuple(status.account for status in statuses),
            tuple(parse_facts(OrganizationalUnit, unit) for unit in record["organizational_units"]),
            listed_at=datetime.fromisoformat(record["listed_at"]),
        )


def list_statuses(connection: Connection, path: str = "accounts") -> list[AccountStatus]:
    """List accounts as the server read them last, or as an audit did, in the order of the tree."""
    with connection.parsing():
        return sorted(
            map(account_from_record, connection.list_pages(path, "accounts")),
            key=lambda status: (status.account.ou_path.split("/"), status.account.name, status.account.account_id),
        )


def parse_caller(arn: str) -> Caller:
    """:raises ValueError: if it isn't an ARN."""
    _, partition, _, _, account_id, _ = arn.split(":", 5)
    return Caller(parse_account_id(account_id), arn, partition)
