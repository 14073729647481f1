"""Plans and applies deletions. Planning only reads, so that a plan is also the dry run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from rootkeeper.audit.reading import AccountReaderTools, read_accounts
from rootkeeper.changes.removal import Removal
from rootkeeper.clock import Clock
from rootkeeper.deletion.execution import (
    DeletionJob,
    DeletionResults,
    DeletionRun,
    ProtectionReader,
    StopReasons,
    TargetDeletion,
    describe_job,
    list_outcomes,
)
from rootkeeper.deletion.records import derive_plan_id, render_plan, require_valid_here
from rootkeeper.deletion.rules import (
    RECENT_READING,
    RECENT_USE,
    DeletionOptions,
    DeletionPlan,
    DeletionReport,
    WaveRules,
    choose_validity,
    is_recent_reading,
    plan_account,
    plan_skipped,
    require_guarded,
)
from rootkeeper.errors import AwsAccessDeniedError, Hint, InputError, TargetRefusedError
from rootkeeper.guardrails.service import BlockingPolicyFinder
from rootkeeper.inventory.listing import InventoryReader, select_accounts
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.jobs.rules import JobKind
from rootkeeper.jobs.service import JobService
from rootkeeper.ledger.owners import AccountLocks
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import Account, AccountId, Inventory, Organization, find_credentials_obstacle
from rootkeeper.organization.progress import NullStopSignal, Progress, StopSignal
from rootkeeper.organization.selection import (
    NamedAccount,
    SelectedAccount,
    Selection,
    SelectionRequest,
    Skip,
    find_account,
    find_skip,
    require_none_refused,
    require_request,
)
from rootkeeper.organization.statuses import AccountRole, AccountStatus, classify_account_role
from rootkeeper.windows.rules import RecoveryWindow

RECENT_INVENTORY = timedelta(minutes=2)
"""A younger inventory isn't read again."""


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan, and the inventory and statuses that were read for it."""

    plan: DeletionPlan
    inventory: Inventory
    statuses: tuple[AccountStatus, ...]
    """Of the accounts that were read."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """Plans and applies deletions."""

    inventory: InventoryReader
    tools: AccountReaderTools
    protections: ProtectionReader
    locks: AccountLocks
    removal: Removal
    store: InventoryStore
    jobs: JobService
    ledger_reader: LedgerReader
    clock: Clock
    created_by: str
    """The actor's name, for the plan."""
    workers: int = 16
    recent: timedelta = RECENT_USE
    """How long a use counts as recent when a plan is applied."""

    def plan(self, request: SelectionRequest, options: DeletionOptions, progress: Progress) -> PlanReport:
        """Read the selected accounts now, in audit sessions only, and plan. This is also the dry run.

        With ``options.uses_recent_readings``, accounts that were read within the hour aren't read again. A deletion
        reads each account again anyway, and skips an account that has more than the plan. It doesn't check units, so a
        selection by unit always lists the organization now.

        :raises SelectionEmptyError: if nothing is selected.
        :raises TargetRefusedError: if an account that may not be touched was named, or the partition has no central
            management of root user credentials; nothing was sent then.
        :raises InputError: if the selection or an option is wrong, or ``only`` leaves a password or key without its
            MFA.
        :raises AwsAccessDeniedError: if the delegated administrators can't be read: the failsafe must be known.
        """
        require_request(request)
        _require_manageable(self.inventory.organization)
        if not options.only:
            raise InputError("No kind of credentials is selected.")
        if any(not reason.strip() for reason in options.allowed_uses.values()):
            raise InputError(
                "Deleting a recently used credential needs a reason.", hint=Hint("Give the reason.", "deletion.reason")
            )
        not_before, not_after = choose_validity(self.clock.now(), options.not_before, options.not_after)
        can_use_known_list = options.uses_recent_readings and not (request.organizational_units or request.excluded)
        inventory = (
            self.inventory.read_within(RECENT_READING, progress)
            if can_use_known_list
            else self.inventory.read(progress)
        )
        _require_failsafe_known(inventory)
        selection = select_accounts(request, inventory, self.inventory.reader)
        skips = self._find_skips(selection, request, inventory)
        # By account id. An id outside the organization is ignored, as is any id outside the selection.
        allowed_uses = {
            AccountId(text)
            if text.isdigit()
            else find_account(NamedAccount(text), inventory.accounts).account_id: reason
            for text, reason in options.allowed_uses.items()
        }
        to_read = [selected.account for selected in selection.accounts if selected.account.account_id not in skips]
        roles = [(account, classify_account_role(account.account_id, inventory)) for account in to_read]
        read = self._find_recent_readings(roles) if options.uses_recent_readings else {}
        left = [(account, role) for account, role in roles if account.account_id not in read]
        if left:
            read |= read_accounts(self.tools, left, progress, details=True)
        wanted = [
            read[account.account_id]
            for account in to_read
            if not request.statuses or read[account.account_id].status in request.statuses
        ]
        statuses = BlockingPolicyFinder(self.tools.policies, inventory).explain_statuses(wanted)
        require_guarded(statuses, options.only)
        now = self.clock.now()
        planned = {
            status.account.account_id: plan_account(
                status, only=options.only, allowed_uses=allowed_uses, now=now, recent=options.recent
            )
            for status in statuses
        }
        accounts = {selected.account.account_id: selected.account for selected in selection.accounts}
        planned |= {account_id: plan_skipped(accounts[account_id], skip) for account_id, skip in skips.items()}
        plan = DeletionPlan(
            plan_id="",
            organization_id=self.inventory.organization.organization_id,
            endpoint=self.inventory.reader.endpoint.label,
            created_by=self.created_by,
            caller_arn=self.inventory.caller.arn,
            created_at=now,
            not_before=not_before,
            not_after=not_after,
            selection=selection.words,
            only=options.only,
            included_failsafes=request.included_failsafes,
            accounts=tuple(planned[account_id] for account_id in accounts if account_id in planned),
        )
        return PlanReport(replace(plan, plan_id=derive_plan_id(plan)), inventory, statuses)

    def apply(
        self,
        plan: DeletionPlan,
        progress: Progress,
        inventory: Inventory | None = None,
        *,
        rules: WaveRules | None = None,
        stop: StopSignal | None = None,
    ) -> DeletionReport:
        """Do exactly the plan, as a job. An account that changed since is skipped and counts as a failure.

        :param inventory: the inventory that was read for the plan; read again if it is older than two minutes.
        :param rules: the waves; by default all accounts at once.
        :raises PlanInvalidError: if the plan isn't valid here and now.
        :raises LedgerUnavailableError: if the ledger can't be written and no change was sent yet.
        :raises AwsCredentialsError: if the operator's credentials are no good and no change was sent yet.
        """
        self.require_valid_here(plan)
        if not plan.targets:
            now = self.clock.now()
            return DeletionReport(plan, self.inventory.caller.arn, now, now, list_outcomes(plan, {}))
        rules = rules or WaveRules()
        job = self.jobs.begin(
            JobKind.DELETION, describe_job(plan, rules), total=len(plan.targets), document=render_plan(plan)
        )
        return self._run(DeletionJob(plan, rules, job), progress, inventory, stop)

    def continue_job(
        self,
        deletion: DeletionJob,
        progress: Progress,
        inventory: Inventory | None = None,
        *,
        stop: StopSignal | None = None,
    ) -> DeletionReport:
        """Do the rest of a job that this process has taken over; the report covers the whole plan.

        :raises PlanInvalidError: if the plan isn't valid here and now.
        :raises LedgerUnavailableError: if the ledger can't be written and no change was sent yet.
        :raises AwsCredentialsError: if the operator's credentials are no good and no change was sent yet.
        """
        self.require_valid_here(deletion.plan)
        return self._run(deletion, progress, inventory, stop)

    def require_valid_here(self, plan: DeletionPlan) -> None:
        """:raises PlanInvalidError: if the plan is of another organization or endpoint, expired, or not valid yet."""
        require_valid_here(
            plan,
            organization_id=self.inventory.organization.organization_id,
            endpoint=self.inventory.reader.endpoint.label,
            now=self.clock.now(),
        )

    def _run(
        self, deletion: DeletionJob, progress: Progress, inventory: Inventory | None, stop: StopSignal | None
    ) -> DeletionReport:
        plan, job, started_at = deletion.plan, deletion.job, self.clock.now()
        reasons = StopReasons(
            stop or NullStopSignal(self.clock), job, deletion.rules.stop_after_failures, failures=deletion.failures
        )
        results = DeletionResults(plan, job, self.store, progress, reasons, dict(deletion.earlier))
        targets = TargetDeletion(
            plan=plan,
            inventory=self.choose_inventory(inventory, progress),
            protections=self.protections,
            locks=self.locks,
            removal=self.removal,
            clock=self.clock,
            context={"plan_id": plan.plan_id, "job_id": job.job_id},
            is_stopped=lambda: reasons.is_broken_off,
            remark=progress.remark,
            ledger_reader=self.ledger_reader if deletion.is_resumed else None,
            recent=self.recent,
        )
        DeletionRun(deletion.rules, targets, results, reasons, self.clock, progress, self.workers).perform()
        if reasons.obstacle is not None and not reasons.has_sent_changes:
            progress.remark(
                Hint(f"Job {job.job_id} is interrupted. Resume it to continue.", "job.interrupted", job_id=job.job_id)
            )
            raise reasons.obstacle
        policy_finder = BlockingPolicyFinder(self.tools.policies, targets.inventory, reasons.signal)
        report = DeletionReport(
            plan=plan,
            caller_arn=self.inventory.caller.arn,
            started_at=started_at,
            ended_at=self.clock.now(),
            accounts=policy_finder.explain_deletions(list_outcomes(plan, results.found)),
            job_id=job.job_id,
        )
        if not report.has_rest:
            return report  # the request to stop came too late
        return replace(
            report,
            stopped_by=reasons.explain(),
            met_obstacle=reasons.obstacle is not None,
            was_interrupted=reasons.signal.asked_once(),
            is_cancelled=job.is_cancelled,
        )

    def choose_inventory(self, inventory: Inventory | None, progress: Progress) -> Inventory:
        """Return the given inventory if it is at most two minutes old, otherwise read it again.

        :raises AwsAccessDeniedError: if the delegated administrators can't be read: the failsafe must be known.
        """
        if inventory is not None and self.clock.now() - inventory.listed_at <= RECENT_INVENTORY:
            return inventory
        inventory = self.inventory.read(progress)
        _require_failsafe_known(inventory)
        return inventory

    def _find_recent_readings(self, wanted: list[tuple[Account, AccountRole]]) -> dict[AccountId, AccountStatus]:
        """Find the stored statuses that count as read now. No AWS call."""
        stored = self.store.find_statuses([account.account_id for account, _ in wanted])
        windows: dict[AccountId, list[RecoveryWindow]] = {}
        for window in self.tools.windows.list_windows():
            windows.setdefault(window.account_id, []).append(window)
        now = self.clock.now()
        return {
            account.account_id: replace(status, account=account)
            for account, role in wanted
            if (status := stored.get(account.account_id)) is not None
            and is_recent_reading(status, account, role, windows.get(account.account_id, ()), now)
        }

    def _find_skips(
        self, selection: Selection, request: SelectionRequest, inventory: Inventory
    ) -> dict[AccountId, Skip]:
        """Find the accounts that may not be touched; refuse the whole request if any of them was named."""
        protections = self.protections.read(request.included_failsafes)
        obstacle = find_credentials_obstacle(inventory.organization.partition)
        found: list[tuple[SelectedAccount, Skip]] = []
        for selected in selection.accounts:
            role = classify_account_role(selected.account.account_id, inventory)
            skip = find_skip(selected, role, obstacle, protections)
            if skip is not None:
                found.append((selected, skip))
        require_none_refused(found)
        return {selected.account.account_id: skip for selected, skip in found}


def _require_manageable(organization: Organization) -> None:
    obstacle = find_credentials_obstacle(organization.partition)
    if obstacle is not None:
        raise TargetRefusedError(
            f"Root user credentials can't be deleted in the partition {organization.partition}. {obstacle} Nothing was"
            " changed.",
            hint="AWS Support can delete them. Where root sessions are possible, they unlock buckets and queues.",
        )


def _require_failsafe_known(inventory: Inventory) -> None:
    if inventory.delegated_administrator_ids is None:
        raise AwsAccessDeniedError(
            "The delegated administrators can't be read, so the failsafe account isn't known. Nothing was deleted.",
            hint="Allow organizations:ListDelegatedAdministrators.",
            operation="organizations:ListDelegatedAdministrators",
        )
