"""Checks the failsafes: opens an audit session in each, and reads the policies over it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rootkeeper.audit.reading import read_accounts
from rootkeeper.audit.service import Audit
from rootkeeper.aws.policies import PolicyReader
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsCredentialsError,
    AwsError,
    Hint,
    RootAccessOffError,
)
from rootkeeper.failsafe.rules import (
    Check,
    Drill,
    FailsafeFacts,
    PolicyFinding,
    check_failsafe,
    failed,
    find_drills,
    unknown,
)
from rootkeeper.guardrails.rules import PreflightEvaluator
from rootkeeper.guardrails.tasks import Task
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import Account, AccountId, Caller, Endpoint, Inventory, find_sign_in_obstacle
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.statuses import AccountRole, evaluate_failure
from rootkeeper.policy_language.evaluation import AccessVerdict, PolicyTree, build_tree
from rootkeeper.root_emails.rules import EmailRules, RootEmail
from rootkeeper.root_emails.statements import EmailAttestationStore, read_evaluator
from rootkeeper.windows.store import RecoveryWindowStore


@dataclass(frozen=True, slots=True)
class FailsafeReport:
    """Every failsafe of the organization, with its checks."""

    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    observed_at: datetime
    failsafes: tuple[Account, ...]
    """The delegated administrator accounts for IAM; none also if they couldn't be read."""
    checks: tuple[Check, ...]
    facts: tuple[FailsafeFacts, ...] = ()
    """The facts that were checked; empty if a server checked them."""
    policies: PolicyTree | None = None
    """The policies over the failsafes; ``None`` if they couldn't be read or weren't needed."""


@dataclass(frozen=True, slots=True)
class FailsafeChecker:
    """Checks each delegated administrator account for IAM."""

    audit: Audit
    policies: PolicyReader
    ledger_reader: LedgerReader
    windows: RecoveryWindowStore
    attestations: EmailAttestationStore
    rules: EmailRules
    clock: Clock

    def check(self, progress: Progress) -> FailsafeReport:
        """List the organization and check. Opens an audit session for each failsafe, and reads the policies over it.

        :raises OrganizationIncompleteError: if the listing of accounts isn't complete.
        :raises LedgerUnavailableError: if the ledger can't be written; no session was opened.
        """
        return self.check_known(self.audit.inventory.read(progress), progress)

    def check_known(self, inventory: Inventory, progress: Progress) -> FailsafeReport:
        """Check with an inventory that was just read."""
        accounts = list_failsafes(inventory)
        policies: PolicyTree | None = None
        facts: tuple[FailsafeFacts, ...] = ()
        if accounts:
            policies, problem = self._read_policies(accounts)
            findings = _evaluate_policies(inventory, accounts, policies, problem)
            facts = tuple(self._read_facts(inventory, accounts, findings, progress))
        now = self.clock.now()
        checks = tuple(check for account_facts in facts for check in check_failsafe(account_facts, now))
        return FailsafeReport(
            inventory=inventory,
            caller=self.audit.inventory.caller,
            endpoint=self.audit.inventory.reader.endpoint,
            observed_at=now,
            failsafes=accounts,
            checks=(*_check_registration(inventory), *checks),
            facts=facts,
            policies=policies,
        )

    def evaluate_emails(self, inventory: Inventory) -> tuple[RootEmail, ...]:
        """Check every account's root e-mail address; no AWS call."""
        return read_evaluator(self.attestations, self.rules, self.clock.now()).evaluate_all(inventory)

    def list_drills(self, inventory: Inventory) -> tuple[Drill, ...]:
        """List the recorded drills of this organization, the latest held first; no AWS call."""
        endpoint = self.audit.inventory.reader.endpoint
        return find_drills(
            self.ledger_reader.list_entries(), inventory.organization.organization_id, in_sandbox=endpoint.is_sandbox
        )

    def _read_facts(
        self,
        inventory: Inventory,
        accounts: tuple[Account, ...],
        policies: Mapping[AccountId, PolicyFinding],
        progress: Progress,
    ) -> Iterator[FailsafeFacts]:
        targets = [(account, AccountRole.FAILSAFE) for account in accounts]
        try:
            statuses = read_accounts(self.audit.tools, targets, progress, details=True)
        except RootAccessOffError as error:
            now = self.clock.now()
            statuses = {
                account.account_id: evaluate_failure(account, role, error, observed_at=now) for account, role in targets
            }
        emails = {email.account.account_id: email for email in self.evaluate_emails(inventory)}
        drills = self.list_drills(inventory)
        for account in accounts:
            yield FailsafeFacts(
                account=account,
                status=statuses[account.account_id],
                email=emails[account.account_id],
                drills=tuple(drill for drill in drills if drill.account_id == account.account_id),
                root_sign_in=policies[account.account_id],
                window=self.windows.find_unfinished(account.account_id),
                sign_in_obstacle=find_sign_in_obstacle(inventory.organization.partition),
            )

    def _read_policies(self, accounts: tuple[Account, ...]) -> tuple[PolicyTree | None, str | None]:
        """Read the policies over the failsafes, or return why they couldn't be read."""
        targets = {target for account in accounts for target in (*account.ou_ids, account.account_id)}
        try:
            return build_tree(self.policies.list_policies_over(targets)), None
        except AwsCredentialsError:
            raise
        except AwsError as error:
            return None, error.message


def _evaluate_policies(
    inventory: Inventory, accounts: tuple[Account, ...], policies: PolicyTree | None, problem: str | None
) -> dict[AccountId, PolicyFinding]:
    if policies is None:
        return {
            account.account_id: PolicyFinding(AccessVerdict.UNKNOWN, problem or "Not read.") for account in accounts
        }
    evaluator = PreflightEvaluator(inventory.organization, policies, accounts)
    found: dict[AccountId, PolicyFinding] = {}
    for account in accounts:
        row = next((result for result in evaluator.evaluate(account) if result.task is Task.ROOT_USER_SIGN_IN), None)
        found[account.account_id] = (
            PolicyFinding(AccessVerdict.UNKNOWN, "The account isn't ACTIVE, so its policies weren't evaluated.")
            if row is None
            else PolicyFinding(row.verdict, row.explanation or "No SCP blocks a signed-in root user.")
        )
    return found


def list_failsafes(inventory: Inventory) -> tuple[Account, ...]:
    """List the delegated administrator accounts for IAM; empty also if they couldn't be read."""
    delegates = inventory.delegated_administrator_ids or frozenset()
    return tuple(account for account in inventory.accounts if account.account_id in delegates)


def _check_registration(inventory: Inventory) -> tuple[Check, ...]:
    if inventory.delegated_administrator_ids is None:
        needed = f"an identity of the management account {inventory.organization.management_account_id}"
        return (unknown("failsafe", f"The failsafes couldn't be read: needs {needed}."),)
    if not inventory.delegated_administrator_ids:
        hint = Hint("Register a delegated administrator for IAM.", "failsafe.register")
        return (failed("failsafe", "No failsafe: no delegated administrator for IAM is registered.", hint),)
    return ()
