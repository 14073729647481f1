"""Runs the preflight, and finds the policy behind a denial in a root session.

It uses only reading calls with the caller's own credentials, and opens no root session. FullAWSAccess is attached to
everything, so that listing its targets takes as many pages as the organization has; it is read only for accounts that
no explicit Deny explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from rootkeeper.aws.organizations import PAGE_SIZE
from rootkeeper.aws.policies import PolicyReader
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.removal_rules import AccountDeletion, KindReason, KindResult
from rootkeeper.clock import Clock
from rootkeeper.errors import AwsAccessDeniedError, AwsError, DenialCause, Hint, InputError, SelectionEmptyError
from rootkeeper.guardrails.rules import PreflightEvaluator, PreflightRow
from rootkeeper.guardrails.tasks import Task, list_impossible_tasks
from rootkeeper.inventory.listing import InventoryReader, select_accounts
from rootkeeper.organization.accounts import (
    POLICY_ID,
    Account,
    Caller,
    Endpoint,
    Inventory,
    Organization,
    ServiceControlPolicies,
    find_credentials_obstacle,
    find_sign_in_obstacle,
)
from rootkeeper.organization.progress import Progress, StopSignal
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest, require_request
from rootkeeper.organization.statuses import AccountStatus, StatusReason
from rootkeeper.organization.threads import begin_in_thread
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import CONTROL_KINDS, AccessVerdict, PolicyListing, PolicyTree, build_tree

_LOOK_SECONDS = 0.2
"""How long to wait before checking for a request to stop."""


@dataclass(frozen=True, slots=True)
class PolicyTreeReader:
    """Reads policies with the fewest calls."""

    reader: PolicyReader

    def read_evaluator_over(self, accounts: Iterable[Account], inventory: Inventory) -> PreflightEvaluator:
        """Read the policies over these accounts; those that can't be read make results unknown.

        Without permission to list the policies of accounts, every policy is read, which takes longer.

        :raises AwsCredentialsError, AwsUnreachableError: if no call to AWS is possible.
        """
        listing: PolicyListing | None = None
        accounts = tuple(accounts)
        if self.is_short(accounts, inventory):
            listing = self.reader.list_policies_over(_list_targets(accounts, inventory))
        if listing is None or listing.problems:
            listing = self.reader.list_policies()
        return _make_evaluator(build_tree(listing), inventory)

    def read_denial_evaluator(self, inventory: Inventory) -> PreflightEvaluator:
        """Read the data needed to find explicit Denies over any account, as if FullAWSAccess were attached everywhere.

        A result that is blocked by a Deny is right; an allowed result may lack an Allow.

        :raises AwsCredentialsError, AwsUnreachableError: if no call to AWS is possible.
        """
        return _make_evaluator(build_tree(self.reader.list_policies_under_full_access()), inventory)

    def is_short(self, accounts: Iterable[Account], inventory: Inventory) -> bool:
        """Whether listing the policies of these accounts takes fewer calls than listing the targets of policies."""
        pages = (len(inventory.accounts) + len(inventory.organizational_units)) / PAGE_SIZE
        return len(CONTROL_KINDS) * len(_list_targets(accounts, inventory)) < pages


class BackgroundPolicyRead:
    """Reads the policies of the whole organization in a thread; its calls change nothing, so the program may end."""

    def __init__(self, reader: PolicyReader) -> None:
        self._threads = begin_in_thread("policies", reader.list_policies)
        self._found: list[PolicyListing] = []

    def is_done(self) -> bool:
        """Whether ``finish`` doesn't have to wait.

        :raises AwsCredentialsError, AwsUnreachableError: if no call to AWS was possible.
        """
        self._wait(0)
        return bool(self._found)

    def finish(self, inventory: Inventory) -> PreflightEvaluator:
        """Wait for the policies; the evaluator can evaluate any account.

        :raises AwsCredentialsError, AwsUnreachableError: if no call to AWS was possible.
        """
        while not self._found:
            self._wait(_LOOK_SECONDS)
        return _make_evaluator(build_tree(self._found[0]), inventory)

    def _wait(self, seconds: float) -> None:
        if not self._found:
            self._found = self._threads.take_done(seconds)


def _make_evaluator(tree: PolicyTree, inventory: Inventory) -> PreflightEvaluator:
    return PreflightEvaluator(inventory.organization, tree, _find_delegates(inventory))


def _list_targets(accounts: Iterable[Account], inventory: Inventory) -> frozenset[str]:
    """List the accounts, those of the callers, and every place above them."""
    evaluated = (*accounts, *(_find_delegates(inventory) or ()))
    return frozenset(target for account in evaluated for target in (*account.ou_ids, account.account_id))


def _find_delegates(inventory: Inventory) -> tuple[Account, ...] | None:
    ids = inventory.delegated_administrator_ids
    return None if ids is None else tuple(account for account in inventory.accounts if account.account_id in ids)


@dataclass(frozen=True, slots=True)
class PreflightReport:
    """The results of a preflight."""

    inventory: Inventory
    caller: Caller
    endpoint: Endpoint
    observed_at: datetime
    accounts: tuple[Account, ...]
    """The accounts that have rows, in the order of the inventory."""
    skipped: tuple[Account, ...]
    """Selected accounts without rows: the management account, and those that aren't ACTIVE."""
    rows: tuple[PreflightRow, ...]
    """Account by account, in the order of the tasks."""
    evaluations: int
    """Number of groups that were evaluated."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """Evaluates SCPs and RCPs for accounts."""

    inventory: InventoryReader
    policies: PolicyReader
    clock: Clock

    def run(self, progress: Progress, request: SelectionRequest = EVERYTHING) -> PreflightReport:
        """Evaluate the selected accounts.

        The policies of a whole organization are read while its accounts are listed, because the two have different
        quotas.

        :raises InputError: if the selection is wrong, or selects by status, which only a root session shows.
        :raises SelectionEmptyError: if it contains no ACTIVE member account.
        :raises OrganizationIncompleteError: if the listing of accounts isn't complete.
        :raises AwsError: if a call to AWS fails; denied readings make rows unknown instead.
        """
        _require_answerable(request, self.inventory.organization)
        underway = self._begin(request, progress)
        inventory = self.inventory.read(progress)
        selected = select_accounts(request, inventory, self.inventory.reader).included
        evaluator = self._read_evaluator(selected, inventory, underway, progress)
        if (disabled := _find_disabled_remark(evaluator, inventory)) is not None:
            progress.remark(disabled)
        if impossible := list_impossible_tasks(inventory.organization.partition):
            progress.remark(
                f"Not applicable, so without a row: {', '.join(impossible)}."
                f" {find_sign_in_obstacle(inventory.organization.partition)}"
                f" {find_credentials_obstacle(inventory.organization.partition)} AWS doesn't document which other"
                " tasks work in this partition; policies are evaluated as in the partition aws."
            )
        if inventory.delegated_administrator_ids == frozenset():
            progress.remark("No delegated administrator for IAM is registered, so there is no row AssumeRoot.")
        evaluated = tuple(account for account in selected if evaluator.is_evaluated(account))
        if not evaluated:
            raise SelectionEmptyError(
                "The selection contains no ACTIVE member account. Root sessions are possible only in those.",
                hint=Hint("Run an audit to see the states of the accounts.", "audit.accounts"),
            )
        rows = tuple(row for account in evaluated for row in evaluator.evaluate(account))
        return PreflightReport(
            inventory=inventory,
            caller=self.inventory.caller,
            endpoint=self.inventory.reader.endpoint,
            observed_at=self.clock.now(),
            accounts=evaluated,
            skipped=tuple(account for account in selected if not evaluator.is_evaluated(account)),
            rows=rows,
            evaluations=evaluator.evaluations,
        )

    def _begin(self, request: SelectionRequest, progress: Progress) -> BackgroundPolicyRead | None:
        """Start to read all policies; ``None`` if the policies of few accounts are read after the listing.

        Even of the whole organization, tags and states may leave few accounts.
        """
        if not request.everything or request.tags or request.account_states:
            return None
        progress.remark("Reading service and resource control policies while accounts are listed.")
        return BackgroundPolicyRead(self.policies)

    def _read_evaluator(
        self,
        selected: tuple[Account, ...],
        inventory: Inventory,
        underway: BackgroundPolicyRead | None,
        progress: Progress,
    ) -> PreflightEvaluator:
        if underway is None:
            progress.remark("Reading service and resource control policies.")
            return PolicyTreeReader(self.policies).read_evaluator_over(selected, inventory)
        if not underway.is_done():
            progress.remark("The accounts are listed; policies are still being read.")
        return underway.finish(inventory)


def _find_disabled_remark(evaluator: PreflightEvaluator, inventory: Inventory) -> str | None:
    is_enabled = PolicyKind.SERVICE_CONTROL in evaluator.tree.enabled_kinds
    root_id = next((unit.ou_id for unit in inventory.organizational_units if unit.parent_id is None), "ROOT_ID")
    return ServiceControlPolicies(root_id, is_enabled).remark


def _require_answerable(request: SelectionRequest, organization: Organization) -> None:
    require_request(request)
    if request.statuses:
        raise InputError(
            "A preflight opens no root session, so it can't select by the status of root user credentials.",
            hint=Hint("Select by account, organizational unit, tag or account state.", "preflight.selection"),
        )
    if organization.partition == "aws-cn":
        raise InputError("The partition aws-cn has no root users.", hint="A preflight isn't needed there.")


_UNEXPLAINED = (
    "No policy of the organization explains it. The cause may be a VPC endpoint policy or a recent change of a policy."
)
_POLICIES_OF_THE_ORGANIZATION = (None, DenialCause.SERVICE_CONTROL_POLICY, DenialCause.RESOURCE_CONTROL_POLICY)

_Sentences = dict[str, str]
"""By account id."""


def lacks_policy(status: AccountStatus) -> bool:
    """Whether a policy blocked the last attempt to read the account, and isn't known yet."""
    denial = status.failed_attempt or status
    return denial.reason is StatusReason.BLOCKED_BY_POLICY and not _names_policy(denial.detail)


@dataclass(frozen=True, slots=True)
class BlockingPolicyFinder:
    """Finds the policy behind a denial. Failed readings are described in the result, not raised.

    AWS's message names at most one policy, often none. Without a denial, no policies are read.
    """

    policies: PolicyReader
    inventory: Inventory
    stop: StopSignal | None = None
    """Ends the reading early."""

    def explain_statuses(self, statuses: Sequence[AccountStatus]) -> tuple[AccountStatus, ...]:
        """Add the blocking policy to the detail of each status, or failed attempt, that is ``blocked_by_policy``."""
        named = self.name([status.account for status in statuses if lacks_policy(status)], TaskPolicy.AUDIT)
        return tuple(
            _explain_status(status, named[status.account.account_id]) if lacks_policy(status) else status
            for status in statuses
        )

    def explain_deletions(self, deletions: Sequence[AccountDeletion]) -> tuple[AccountDeletion, ...]:
        """Add the blocking policy to the detail of each kind that is ``blocked_by_policy``."""
        accounts = {account.account_id: account for account in self.inventory.accounts}
        blocked = [
            accounts[deletion.account_id]
            for deletion in deletions
            if deletion.account_id in accounts and any(map(_lacks_policy, deletion.kinds))
        ]
        named = self.name(blocked, TaskPolicy.DELETE)
        return tuple(
            replace(deletion, kinds=tuple(_explain_kind(kind, named[deletion.account_id]) for kind in deletion.kinds))
            if deletion.account_id in named
            else deletion
            for deletion in deletions
        )

    def explain(self, error: AwsAccessDeniedError, account: Account, task_policy: TaskPolicy) -> AwsAccessDeniedError:
        """Add the blocking policy to the denial of a call in a root session of that task.

        A denial outside of the session, such as of AssumeRoot itself, is returned unchanged.
        """
        services = {action.partition(":")[0] for action in task_policy.actions}
        is_inside = error.operation.partition(":")[0] in services
        if error.policy_id is not None or error.denied_by not in _POLICIES_OF_THE_ORGANIZATION or not is_inside:
            return error
        sentence = self.name([account], task_policy)[account.account_id]
        named = POLICY_ID.search(sentence)
        return AwsAccessDeniedError(
            _join(error.message, sentence),
            hint=error.hint,
            operation=error.operation,
            aws_code=error.aws_code,
            request_id=error.request_id,
            denied_by=error.denied_by,
            policy_id=named.group() if named else None,
        )

    @contextmanager
    def explaining_refusals(self, account: Account, task_policy: TaskPolicy) -> Iterator[None]:
        try:
            yield
        except AwsAccessDeniedError as error:
            explained = self.explain(error, account, task_policy)
            if explained is error:
                raise
            raise explained from error

    def name(self, blocked: Iterable[Account], task_policy: TaskPolicy) -> _Sentences:
        """Explain for each account, in a sentence, why a root session of that task was denied its call."""
        accounts, task, reading = tuple(blocked), Task(task_policy.value), PolicyTreeReader(self.policies)
        named: _Sentences = {}
        # By explicit Denies, unless reading the policies of these accounts takes fewer calls.
        if not reading.is_short(accounts, self.inventory):
            named = self._explain_blocked(
                accounts, task, lambda: reading.read_denial_evaluator(self.inventory), is_answer=_is_sure
            )
        left = tuple(account for account in accounts if account.account_id not in named)
        return named | self._explain_blocked(
            left, task, lambda: reading.read_evaluator_over(left, self.inventory), is_answer=lambda _: True
        )

    def _explain_blocked(
        self,
        accounts: tuple[Account, ...],
        task: Task,
        read: Callable[[], PreflightEvaluator],
        is_answer: Callable[[PreflightRow | None], bool],
    ) -> _Sentences:
        if not accounts:
            return {}
        try:
            evaluator = self._wait_for(read)
        except AwsError as error:
            unread = f"The policies couldn't be read: {error.message.rstrip('.')}."
            return dict.fromkeys((account.account_id for account in accounts), unread)
        if evaluator is None:
            return dict.fromkeys((account.account_id for account in accounts), "The policies weren't read.")
        found: _Sentences = {}
        for account in accounts:
            row = next((evaluated for evaluated in evaluator.evaluate(account) if evaluated.task is task), None)
            if not is_answer(row):
                continue
            if row is None or row.verdict is AccessVerdict.ALLOWED:
                found[account.account_id] = _UNEXPLAINED
            else:
                fix = f"For the fix, run a preflight of account {account.account_id}."
                found[account.account_id] = f"{row.explanation} {fix}"
        return found

    def _wait_for(self, read: Callable[[], PreflightEvaluator]) -> PreflightEvaluator | None:
        """Wait for a reading; ``None`` if asked to stop before its end."""
        if self.stop is None:
            return read()
        threads = begin_in_thread("policies", read)
        while True:
            if found := threads.take_done(_LOOK_SECONDS):
                return found[0]
            if self.stop.asked_once():
                return None


def _is_sure(row: PreflightRow | None) -> bool:
    """Whether the targets of FullAWSAccess can't change the row: an explicit Deny blocks in any case, and failed
    readings stay unknown.
    """
    if row is None or row.verdict is AccessVerdict.UNKNOWN:
        return True
    return row.verdict is AccessVerdict.BLOCKED and all(policy.sid is not None for policy in row.policies)


def _explain_status(status: AccountStatus, sentence: str) -> AccountStatus:
    attempt = status.failed_attempt
    if attempt is None:
        return replace(status, detail=_join(status.detail, sentence))
    return replace(status, failed_attempt=replace(attempt, detail=_join(attempt.detail, sentence)))


def _explain_kind(result: KindResult, sentence: str) -> KindResult:
    return replace(result, detail=_join(result.detail, sentence)) if _lacks_policy(result) else result


def _lacks_policy(result: KindResult) -> bool:
    return result.reason is KindReason.BLOCKED_BY_POLICY and not _names_policy(result.detail)


def _names_policy(detail: str | None) -> bool:
    return detail is not None and POLICY_ID.search(detail) is not None


def _join(detail: str | None, sentence: str) -> str:
    """Append the sentence, unless the detail of an account read before an interruption contains it."""
    if detail is None or sentence in detail:
        return detail or sentence
    return f"{detail if detail.endswith('.') else f'{detail}.'} {sentence}"
