"""Planning a deletion of root user credentials: by reading only, so that a plan is also the dry run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rootkeeper.domain.deletion import ALL_KINDS, RECENT_USE, DeletionPlan, DeletionReport, PlannedAccount
from rootkeeper.domain.deletion_planning import (
    choose_validity,
    ensure_guarded,
    plan_account,
    plan_skipped,
)
from rootkeeper.domain.organizations import AccountId, Inventory
from rootkeeper.domain.plan_files import derive_plan_id
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.selection import (
    NamedAccount,
    SelectedAccount,
    Selection,
    SelectionRequest,
    Skip,
    ensure_none_refused,
    ensure_request,
    find_account,
    find_skip,
)
from rootkeeper.domain.statuses import AccountStatus, judge_role
from rootkeeper.errors import AwsAccessDeniedError, InputError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.locks import AccountLocks
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.audit import Audit
from rootkeeper.workflows.deletion_run import DeletionRun
from rootkeeper.workflows.inventory import InventoryReading
from rootkeeper.workflows.removal import Removal
from rootkeeper.workflows.targets import GuardReading, select_accounts


@dataclass(frozen=True, slots=True)
class DeletionOptions:
    """What a deletion may do, beside the selection."""

    only: frozenset[CredentialKind] = ALL_KINDS
    allowed_uses: Mapping[str, str] = field(default_factory=dict)
    """Account id or name → reason why its recently used password or key shall go."""
    recent: timedelta = RECENT_USE
    not_before: datetime | None = None
    """``None``: now."""
    not_after: datetime | None = None
    """``None``: 24 hours from ``not_before`` on; at most 7 days."""


@dataclass(frozen=True, slots=True)
class PlanReading:
    """A plan, and the reading that it rests on."""

    plan: DeletionPlan
    inventory: Inventory
    statuses: tuple[AccountStatus, ...]
    """Of the accounts that were read."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """Plans and applies deletions."""

    inventory: InventoryReading
    audit: Audit
    guards: GuardReading
    locks: AccountLocks
    removal: Removal
    store: InventoryStore
    clock: Clock
    created_by: str
    """The actor's name, as the plan keeps it."""
    workers: int = 16

    def plan(self, request: SelectionRequest, options: DeletionOptions, progress: Progress) -> PlanReading:
        """Read the selected accounts now, in audit sessions only, and plan. This is also the dry run.

        :raises SelectionEmptyError: if nothing is selected.
        :raises TargetRefusedError: if an account that may not be touched was named.
        :raises InputError: if the selection or an option is wrong, or ``only`` would leave a password or key without
            its MFA.
        :raises AwsAccessDeniedError: if the delegated administrators can't be read: the failsafe must be known.
        """
        ensure_request(request)
        _ensure_options(options)
        validity = choose_validity(self.clock.now(), options.not_before, options.not_after)
        inventory = self.inventory.read(progress)
        _ensure_failsafe_known(inventory)
        selection = select_accounts(request, inventory, self.inventory.reader)
        skips = self._find_skips(selection, request, inventory)
        allowed_uses = _resolve_allowed_uses(options, inventory)
        to_read = [one.account for one in selection.accounts if one.account.account_id not in skips]
        roles = [(account, judge_role(account.account_id, inventory)) for account in to_read]
        read = self.audit.read_accounts(roles, progress, details=True)
        statuses = tuple(
            read[account.account_id]
            for account in to_read
            if not request.statuses or read[account.account_id].status in request.statuses
        )
        ensure_guarded(statuses, options.only)
        accounts = self._plan_accounts(selection, skips, statuses, options, allowed_uses)
        plan = self._make_plan(selection, request, options, validity, accounts)
        return PlanReading(plan, inventory, statuses)

    def apply(self, plan: DeletionPlan, progress: Progress, inventory: Inventory | None = None) -> DeletionReport:
        """Do exactly the plan, account by account; what changed since is left alone and counts as a failure.

        :param inventory: of the plan's own reading; read anew unless it is at most two minutes old.
        :raises PlanInvalidError: if the plan isn't valid here and now.
        :raises LedgerUnavailableError: if the ledger can't be written and no change was sent yet.
        :raises AwsCredentialsError: if the operator's credentials are no good and no change was sent yet.
        """
        return DeletionRun(
            inventory=self.inventory,
            guards=self.guards,
            locks=self.locks,
            removal=self.removal,
            store=self.store,
            clock=self.clock,
            workers=self.workers,
            plan=plan,
            progress=progress,
        ).perform(inventory)

    def _find_skips(
        self, selection: Selection, request: SelectionRequest, inventory: Inventory
    ) -> dict[AccountId, Skip]:
        """Why accounts may not be touched; refuses the whole command if one of them was named."""
        guards = self.guards.read(request.included_failsafes)
        found: list[tuple[SelectedAccount, Skip]] = []
        for selected in selection.accounts:
            role = judge_role(selected.account.account_id, inventory)
            skip = find_skip(selected, role, inventory.organization.partition, guards)
            if skip is not None:
                found.append((selected, skip))
        ensure_none_refused(found)
        return {selected.account.account_id: skip for selected, skip in found}

    def _plan_accounts(
        self,
        selection: Selection,
        skips: Mapping[AccountId, Skip],
        statuses: tuple[AccountStatus, ...],
        options: DeletionOptions,
        allowed_uses: Mapping[AccountId, str],
    ) -> tuple[PlannedAccount, ...]:
        now = self.clock.now()
        planned = {
            status.account.account_id: plan_account(
                status, only=options.only, allowed_uses=allowed_uses, now=now, recent=options.recent
            )
            for status in statuses
        }
        accounts = [selected.account for selected in selection.accounts]
        planned |= {
            account.account_id: plan_skipped(account, skips[account.account_id])
            for account in accounts
            if account.account_id in skips
        }
        return tuple(planned[account.account_id] for account in accounts if account.account_id in planned)

    def _make_plan(
        self,
        selection: Selection,
        request: SelectionRequest,
        options: DeletionOptions,
        validity: tuple[datetime, datetime],
        accounts: tuple[PlannedAccount, ...],
    ) -> DeletionPlan:
        plan = DeletionPlan(
            plan_id="",
            organization_id=self.inventory.organization.organization_id,
            endpoint=self.inventory.reader.endpoint.label,
            created_by=self.created_by,
            caller_arn=self.inventory.caller.arn,
            created_at=self.clock.now(),
            not_before=validity[0],
            not_after=validity[1],
            selection=selection.words,
            only=options.only,
            included_failsafes=request.included_failsafes,
            accounts=accounts,
        )
        return replace(plan, plan_id=derive_plan_id(plan))


def _ensure_options(options: DeletionOptions) -> None:
    if not options.only:
        raise InputError("--only names no kind.")
    if any(not reason.strip() for reason in options.allowed_uses.values()):
        raise InputError("--allow-recently-used needs a reason.", hint="Add --reason: why it shall go.")


def _ensure_failsafe_known(inventory: Inventory) -> None:
    if inventory.delegated_administrator_ids is None:
        raise AwsAccessDeniedError(
            "The delegated administrators can't be read, so the failsafe isn't known; nothing was done.",
            hint="Allow organizations:ListDelegatedAdministrators.",
            operation="organizations:ListDelegatedAdministrators",
        )


def _resolve_allowed_uses(options: DeletionOptions, inventory: Inventory) -> dict[AccountId, str]:
    """By account id; an id that the organization doesn't have is ignored like any other outside the selection."""
    return {
        AccountId(text) if text.isdigit() else find_account(NamedAccount(text), inventory.accounts).account_id: reason
        for text, reason in options.allowed_uses.items()
    }
