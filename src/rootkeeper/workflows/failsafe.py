"""Holding the failsafes to what is wanted of them; reading only, in audit sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.checks import Check, failed, unknown
from rootkeeper.domain.drills import (
    AlarmObservation,
    Drill,
    DrillOutcome,
    SignInDevice,
    describe_drill,
    find_drills,
    require_drill,
)
from rootkeeper.domain.failsafe import FailsafeFacts, PolicyFinding, check_failsafe
from rootkeeper.domain.ledger import Action
from rootkeeper.domain.organization_policies import PolicyTree, build_tree
from rootkeeper.domain.organizations import Account, AccountId, Caller, Endpoint, Inventory
from rootkeeper.domain.policies.evaluation import AccessVerdict
from rootkeeper.domain.preflight_judging import PreflightEvaluator
from rootkeeper.domain.preflight_tasks import Task
from rootkeeper.domain.root_emails import EmailRules, RootEmail
from rootkeeper.domain.statuses import AccountRole
from rootkeeper.errors import AwsCredentialsError, AwsError, InputError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger, LedgerReader
from rootkeeper.ports.policies import PolicyReader
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.root_emails import EmailAttestations
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.audit import Audit
from rootkeeper.workflows.emails import read_evaluator

_NO_POLICIES_ROW = PolicyFinding(AccessVerdict.UNKNOWN, "The account isn't ACTIVE: nothing was judged.")


@dataclass(frozen=True, slots=True)
class FailsafeReport:
    """Every failsafe of the organization, and what it is held to."""

    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    observed_at: datetime
    facts: tuple[FailsafeFacts, ...]
    checks: tuple[Check, ...]
    policies: PolicyTree | None
    """Those over the failsafes; ``None`` where they couldn't be read, or weren't needed."""


@dataclass(frozen=True, slots=True)
class FailsafeChecker:
    """Checks each delegated administrator account for IAM."""

    audit: Audit
    policies: PolicyReader
    ledger_reader: LedgerReader
    windows: RecoveryWindows
    attestations: EmailAttestations
    rules: EmailRules
    clock: Clock

    def check(self, progress: Progress) -> FailsafeReport:
        """List the organization and check. For each failsafe one audit session that reads everything in detail, and
        the organization's policies over it.

        :raises OrganizationIncompleteError: if the listing of accounts isn't complete.
        :raises LedgerUnavailableError: if the ledger can't be written; no session was opened.
        """
        return self.check_known(self.audit.inventory.read(progress), progress)

    def check_known(self, inventory: Inventory, progress: Progress) -> FailsafeReport:
        """The same with an inventory that was read just now."""
        accounts = list_failsafes(inventory)
        policies, problem = self._read_policies(accounts) if accounts else (None, None)
        facts = tuple(
            self._read_facts(inventory, accounts, _evaluate_policies(inventory, accounts, policies, problem), progress)
        )
        now = self.clock.now()
        checks = tuple(check for one in facts for check in check_failsafe(one, now))
        return FailsafeReport(
            inventory=inventory,
            caller=self.audit.inventory.caller,
            endpoint=self.audit.inventory.reader.endpoint,
            observed_at=now,
            facts=facts,
            checks=(*_check_registration(inventory), *checks),
            policies=policies,
        )

    def evaluate_emails(self, inventory: Inventory) -> tuple[RootEmail, ...]:
        """Every account's root e-mail address, held to the rules; no AWS call."""
        return read_evaluator(self.attestations, self.rules, self.clock.now()).evaluate_all(inventory)

    def list_drills(self, inventory: Inventory) -> tuple[Drill, ...]:
        """Those recorded of this organization, the latest held first; no AWS call."""
        endpoint = self.audit.inventory.reader.endpoint
        return find_drills(
            self.ledger_reader.list_entries(),
            inventory.organization.organization_id,
            in_sandbox=endpoint.is_sandbox,
        )

    def _read_facts(
        self,
        inventory: Inventory,
        accounts: tuple[Account, ...],
        policies: Mapping[AccountId, PolicyFinding],
        progress: Progress,
    ) -> Iterator[FailsafeFacts]:
        if not accounts:
            return
        statuses = self.audit.read_accounts(
            [(account, AccountRole.FAILSAFE) for account in accounts], progress, details=True
        )
        emails = {one.account.account_id: one for one in self.evaluate_emails(inventory)}
        drills = self.list_drills(inventory)
        for account in accounts:
            yield FailsafeFacts(
                account=account,
                status=statuses[account.account_id],
                email=emails[account.account_id],
                drills=tuple(one for one in drills if one.account_id == account.account_id),
                root_sign_in=policies[account.account_id],
                window=self.windows.find_unfinished(account.account_id),
            )

    def _read_policies(self, accounts: tuple[Account, ...]) -> tuple[PolicyTree | None, str | None]:
        """The policies over the failsafes, or why they couldn't be read."""
        targets = {target for one in accounts for target in (*one.ou_ids, one.account_id)}
        try:
            return build_tree(self.policies.list_policies_over(targets)), None
        except AwsCredentialsError:
            raise
        except AwsError as error:
            return None, error.message


def _evaluate_policies(
    inventory: Inventory, accounts: tuple[Account, ...], policies: PolicyTree | None, problem: str | None
) -> dict[AccountId, PolicyFinding]:
    """Whether SCPs let a signed-in root user work; the audit's own status tells of root sessions."""
    if policies is None:
        return {one.account_id: PolicyFinding(AccessVerdict.UNKNOWN, problem or "Not read.") for one in accounts}
    evaluator = PreflightEvaluator(inventory.organization, policies, accounts)
    return {account.account_id: _find_sign_in(evaluator, account) for account in accounts}


def _find_sign_in(evaluator: PreflightEvaluator, account: Account) -> PolicyFinding:
    row = next((one for one in evaluator.evaluate(account) if one.task is Task.ROOT_USER_SIGN_IN), None)
    if row is None:
        return _NO_POLICIES_ROW
    return PolicyFinding(row.verdict, row.explanation or "No SCP stops a root user who has signed in.")


def list_failsafes(inventory: Inventory) -> tuple[Account, ...]:
    """The delegated administrator accounts for IAM; empty also where they couldn't be read."""
    delegates = inventory.delegated_administrator_ids or frozenset()
    return tuple(account for account in inventory.accounts if account.account_id in delegates)


def _check_registration(inventory: Inventory) -> tuple[Check, ...]:
    if inventory.delegated_administrator_ids is None:
        needed = f"an identity of the management account {inventory.organization.management_account_id}"
        return (unknown("failsafe", f"Which accounts are failsafes couldn't be read: needs {needed}."),)
    if not inventory.delegated_administrator_ids:
        hint = "Register one: rootkeeper enable --delegated-administrator ID"
        return (failed("failsafe", "There is none: no delegated administrator for IAM is registered.", hint),)
    return ()


@dataclass(frozen=True, slots=True)
class DrillRecorder:
    """Keeps somebody's word that a drill was held, in the ledger."""

    ledger: Ledger
    clock: Clock
    actor_name: str

    def prepare(
        self,
        inventory: Inventory,
        account: Account,
        *,
        held_by: str,
        held_at: datetime,
        outcome: DrillOutcome,
        alarm: AlarmObservation | None = None,
        device: SignInDevice | None = None,
    ) -> Drill:
        """What would be recorded.

        :raises InputError: if the account is neither a failsafe nor the management account, nobody held the drill, or
            it lies in the future.
        """
        now = self.clock.now()
        delegates = inventory.delegated_administrator_ids
        is_way_in = account.account_id == inventory.organization.management_account_id
        if not is_way_in and delegates is not None and account.account_id not in delegates:
            raise InputError(
                f"{account.account_id} ({account.name}) is neither a failsafe nor the management account.",
                hint="Name the account whose login was tried.",
            )
        drill = Drill(account.account_id, held_at, held_by.strip(), outcome, self.actor_name, now, alarm, device)
        return require_drill(drill, now)

    def record(self, drill: Drill) -> None:
        """Append it to the ledger.

        :raises LedgerUnavailableError: if it can't be recorded.
        """
        self.ledger.append_fact(Action.FAILSAFE_DRILL, account_id=drill.account_id, parameters=describe_drill(drill))
