"""Reads, plans and changes the policy of a bucket or queue in a root session.

A policy that can't be read is unknown, and a Region that can't be read is named; neither counts as open. A change is
planned, with everything read and checked, before a person confirms it. Its steps are: lock, save, session, re-read,
intent, call, re-read, outcome. No change is sent before the old policy is on disk with its hash in the ledger. Only a
re-read that shows the new policy proves the change, not AWS's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rootkeeper.acting import Acting
from rootkeeper.aws.resources import ResourcePlaces, ResourcePolicies
from rootkeeper.aws.rules import Resource, ResourceKind, is_protected, require_resource_name, require_unprotected
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.errors import AwsAccessDeniedError, AwsError, Hint, InputError, PolicyChangedError, PolicyDocumentError
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import Account, AccountId, Caller
from rootkeeper.organization.progress import Progress
from rootkeeper.unlock.changes import PolicyRewrite, find_policy
from rootkeeper.unlock.rules import (
    ChangeKind,
    Lockout,
    LockoutVerdict,
    PolicyChange,
    correct_policy,
    evaluate_policy,
    hash_policy,
    require_policy_text,
    require_replacement,
)
from rootkeeper.unlock.store import SavedPolicyFiles, describe_saved, was_saved


def choose_regions(
    places: ResourcePlaces,
    caller: Caller,
    account_id: AccountId,
    kind: ResourceKind,
    wanted: Sequence[str],
    progress: Progress,
) -> tuple[str, ...]:
    """Choose the Regions: those wanted, else those enabled in the account, else all known Regions.

    At most one call: account:ListRegions with the operator's credentials.

    :raises InputError: if a Region isn't known.
    """
    if kind is ResourceKind.BUCKET:
        return (places.region,)
    known = places.list_known_regions(kind)
    for region in wanted:
        if region not in known:
            raise InputError(
                f"{region!r} is not a Region of this partition with queues.",
                hint=Hint(
                    f"Name Regions such as {' and '.join(known[:2])}.", "unlock.regions", regions=",".join(known[:2])
                ),
            )
    if wanted:
        return tuple(dict.fromkeys(wanted))
    try:
        enabled = places.list_enabled_regions(None if account_id == caller.account_id else account_id)
    except AwsAccessDeniedError as error:
        progress.remark(f"The enabled Regions of account {account_id} are unknown: {error.reason}")
        progress.remark(
            f"All {len(known)} Regions that Rootkeeper knows are read instead; disabled Regions answer with an error. "
            "To avoid this, name the Regions, or enable trusted access for account.amazonaws.com and use the "
            "management account or its delegated administrator."
        )
        return known
    return tuple(enabled)


WORKERS = 16
"""Concurrent calls. They count against the member account's limits only."""


@dataclass(frozen=True, slots=True)
class ResourcePolicyState:
    """A bucket or queue, its policy, and the effect of that policy."""

    resource: Resource
    policy: str | None
    """``None`` if there is none, or it couldn't be read."""
    lockout: Lockout
    is_protected: bool
    """Whether the settings forbid a change."""


@dataclass(frozen=True, slots=True)
class UnreadRegion:
    """A Region with queues that couldn't be listed."""

    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResourceListing:
    """The buckets or queues that were found in an account."""

    account: Account
    kind: ResourceKind
    resource_states: tuple[ResourcePolicyState, ...]
    unread_regions: tuple[UnreadRegion, ...]
    unknown: str | None = None
    """Why nothing could be read, and who could read it."""

    @property
    def has_unknown(self) -> bool:
        return self.unknown is not None or any(
            state.lockout.verdict is LockoutVerdict.UNKNOWN for state in self.resource_states
        )


@dataclass(frozen=True, slots=True)
class UnlockReader:
    """Reads policies in root sessions of an unlock task; changes nothing."""

    acting: Acting

    @property
    def protect(self) -> tuple[str, ...]:
        return self.acting.settings.unlock.protect

    def list_all(
        self, account: Account, kind: ResourceKind, regions: Sequence[str], progress: Progress
    ) -> ResourceListing:
        """Find every bucket, or every queue of the Regions, and read its policy.

        sts:AssumeRoot and sts:GetCallerIdentity; s3:ListBuckets and s3:GetBucketPolicy for each; account:ListRegions,
        sqs:ListQueues for each Region and sqs:GetQueueAttributes for each queue.

        If this caller can't open a session but another caller could, the listing is unknown and names that caller.

        :raises AwsError: if the session can't be opened for another reason, or none of the lists can be read.
        :raises InputError: if a Region isn't known.
        """
        try:
            sessions, where = self._begin(account, kind, regions, progress)
        except AwsAccessDeniedError as error:
            return ResourceListing(account, kind, (), (), unknown=_describe_permitted_caller(error))
        answers = _ask(sessions, kind, where, lambda policies, region: policies.list_resources(region))
        _require_some_answer(answers)
        resources = [resource for answer in answers for resource in answer.resources]
        progress.start("Reading policies", len(resources))
        with ThreadPoolExecutor(WORKERS) as pool:
            resource_states = tuple(pool.map(lambda resource: self._read(sessions, resource, progress), resources))
        unread = tuple(
            UnreadRegion(answer.region, answer.error.message) for answer in answers if answer.error is not None
        )
        return ResourceListing(account, kind, resource_states, unread)

    def show_one(
        self, account: Account, kind: ResourceKind, name: str, regions: Sequence[str], progress: Progress
    ) -> ResourcePolicyState:
        """Call ``find_one``; if only another caller could open the session, return unknown and name that caller."""
        try:
            return self.find_one(account, kind, name, regions, progress)
        except AwsAccessDeniedError as error:
            lockout = Lockout(LockoutVerdict.UNKNOWN, reason=_describe_permitted_caller(error))
            resource = Resource(kind, account.account_id, name, "", self.acting.organization.partition)
            return ResourcePolicyState(resource, None, lockout, is_protected(name, self.protect))

    def find_one(
        self, account: Account, kind: ResourceKind, name: str, regions: Sequence[str], progress: Progress
    ) -> ResourcePolicyState:
        """Find a bucket or queue and read its policy.

        :raises InputError: if the account has none of that name, or queues of it in several Regions.
        :raises AwsError: if it can't be read.
        """
        require_resource_name(kind, name)
        sessions, where = self._begin(account, kind, regions, progress)

        def find(policies: ResourcePolicies, region: str) -> tuple[Resource, ...]:
            resource = policies.find_resource(name, region)
            return () if resource is None else (resource,)

        answers = _ask(sessions, kind, where, find)
        found = [resource for answer in answers for resource in answer.resources]
        if len(found) != 1:
            _require_some_answer(answers)
            raise _not_one(found, answers, account, kind, name)
        return self.evaluate(found[0], find_policy(sessions, found[0]))

    def get_sessions(self, account_id: AccountId, lock: AccountLock | None = None) -> AccountSessions:
        """Return an account's sessions; none is open yet.

        :param lock: for a change.
        """
        return AccountSessions(self.acting.aws, self.acting.ledger, self.acting.clock, account_id, lock)

    def evaluate(self, resource: Resource, policy: str | None) -> ResourcePolicyState:
        lockout = evaluate_policy(policy, resource, self.acting.organization.organization_id)
        return ResourcePolicyState(resource, policy, lockout, is_protected(resource.name, self.protect))

    def _begin(
        self, account: Account, kind: ResourceKind, regions: Sequence[str], progress: Progress
    ) -> tuple[AccountSessions, tuple[str, ...]]:
        """Open the session first, so that its refusal is a single error, not an error for each Region."""
        self.acting.aws.require_same_place(kind)
        where = choose_regions(self.acting.aws, self.acting.caller, account.account_id, kind, regions, progress)
        sessions = self.get_sessions(account.account_id)
        sessions.get(kind.task_policy)
        return sessions, where

    def _read(self, sessions: AccountSessions, resource: Resource, progress: Progress) -> ResourcePolicyState:
        try:
            resource_state = self.evaluate(resource, find_policy(sessions, resource))
        except AwsError as error:
            unknown = Lockout(LockoutVerdict.UNKNOWN, reason=error.message)
            resource_state = ResourcePolicyState(resource, None, unknown, is_protected(resource.name, self.protect))
        progress.advance(unknown=int(resource_state.lockout.verdict is LockoutVerdict.UNKNOWN))
        return resource_state


@dataclass(frozen=True, slots=True)
class _RegionResult:
    """The result of a Region."""

    region: str
    resources: tuple[Resource, ...] = ()
    error: AwsError | None = None


def _describe_permitted_caller(error: AwsAccessDeniedError) -> str:
    """Describe the caller that could; raises ``error`` if there is none."""
    if error.needs is None:
        raise error
    return error.reason


def _ask(
    sessions: AccountSessions,
    kind: ResourceKind,
    regions: Sequence[str],
    ask: Callable[[ResourcePolicies, str], tuple[Resource, ...]],
) -> list[_RegionResult]:
    def ask_one(region: str) -> _RegionResult:
        try:
            # Not ``sessions.read``: a disabled Region answers as if the session had ended.
            return _RegionResult(region, ask(sessions.get(kind.task_policy).resource_policies, region))
        except AwsError as error:
            return _RegionResult(region, error=error)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(ask_one, regions))


def _require_some_answer(answers: Sequence[_RegionResult]) -> None:
    """Raise the first error if every Region refuses."""
    errors = [answer.error for answer in answers if answer.error is not None]
    if errors and len(errors) == len(answers):
        raise errors[0]


def _not_one(
    found: Sequence[Resource], answers: Sequence[_RegionResult], account: Account, kind: ResourceKind, name: str
) -> InputError:
    owner = f"account {account.account_id} ({account.name})"
    if found:
        regions = ", ".join(resource.region for resource in found)
        hint = Hint("Choose one Region.", "unlock.one_region")
        return InputError(f"{owner} has {kind.noun}s named {name} in {regions}.", hint=hint)
    unread = [answer.region for answer in answers if answer.error is not None]
    missing = f" These Regions answered with an error: {', '.join(unread)}." if unread else ""
    text = f"List the {kind.noun}s of the account."
    return InputError(
        f"There is no {kind.noun} {name} in {owner}.{missing}",
        hint=Hint(text, "unlock.list_account", service=kind.value, account_id=account.account_id),
    )


@dataclass(frozen=True, slots=True)
class PolicyChangeRequest:
    """A person's request for a change."""

    account: Account
    kind: ResourceKind
    name: str
    change: ChangeKind
    regions: tuple[str, ...] = ()
    text: str | None = None
    """The new policy, from a file."""
    source: str = ""
    """The file's path."""

    @property
    def source_name(self) -> str:
        return f"The policy in {self.source}"


@dataclass(frozen=True, slots=True)
class UnlockPlan:
    """A change that passed every check."""

    request: PolicyChangeRequest
    resource_state: ResourcePolicyState
    """The current state, as the person sees it."""
    change: PolicyChange
    outcome: Lockout
    """The effect of the new policy."""
    obstacle: str | None = None
    """Why there is nothing to do; a sentence."""


@dataclass(frozen=True, slots=True)
class UnlockPlanner:
    """Checks a request, and reads the current policy."""

    reading: UnlockReader

    def check(self, request: PolicyChangeRequest) -> None:
        """Check everything that needs no root session.

        :raises TargetRefusedError: if the name is protected.
        :raises InputError: if the name isn't valid.
        :raises PolicyDocumentError: if the file has no valid policy, or no saved copy that the ledger records.
        """
        require_resource_name(request.kind, request.name)
        require_unprotected(request.kind, request.name, self.reading.protect)
        if request.text is None:
            return
        require_policy_text(request.kind, request.text, request.source_name)
        account_id, organization_id = request.account.account_id, self.reading.acting.organization.organization_id
        if request.change is ChangeKind.RESTORE and not was_saved(
            self.reading.acting.ledger_reader.list_entries(account_id=account_id),
            organization_id,
            account_id,
            request.kind,
            request.name,
            request.text,
        ):
            raise PolicyDocumentError(
                f"{request.source_name} isn't a saved copy of the policy of {request.kind.noun} {request.name} in the "
                "ledger, or it was edited.",
                hint=Hint("Replace the policy instead; then it may be any policy.", "unlock.replace"),
            )

    def plan(self, request: PolicyChangeRequest, progress: Progress) -> UnlockPlan:
        """Read the current policy, and plan the new policy.

        :raises PolicyDocumentError: if the policy can't be corrected, or a replacement isn't acceptable.
        :raises InputError: if there is no such bucket or queue.
        :raises AwsError: if it can't be read.
        """
        self.check(request)
        resource_state = self.reading.find_one(request.account, request.kind, request.name, request.regions, progress)
        resource, before, after = resource_state.resource, resource_state.policy, request.text
        if request.change is ChangeKind.CORRECTED and before is not None:
            after = correct_policy(before, resource_state.lockout, resource)
        if request.change is ChangeKind.REPLACE and after is not None:
            organization_id = self.reading.acting.organization.organization_id
            outcome = require_replacement(after, resource, organization_id, request.source_name)
        else:
            outcome = self.reading.evaluate(resource, after).lockout
        change = PolicyChange(resource, before, after)
        obstacle = None
        if before is None and after is None:
            obstacle = f"There is no policy on {resource}. Nothing to do."
        elif request.change is ChangeKind.CORRECTED and resource_state.lockout.verdict is LockoutVerdict.OPEN:
            obstacle = f"No statement of the policy of {resource} locks everyone out. Nothing to correct."
        elif change.is_needless:
            obstacle = f"{resource} already has this policy. Nothing to do."
        return UnlockPlan(request, resource_state, change, outcome, obstacle)


def describe_plan(plan: UnlockPlan, folder: str) -> list[str]:
    request, resource = plan.request, plan.resource_state.resource
    target = f"{resource.kind.noun} {resource.name} ({resource.region})"
    target += f" of account {resource.account_id} ({request.account.name})"
    then = f"Then: {plan.outcome.explanation}"
    if plan.resource_state.policy is None:
        return [f"Put a policy on {target}, which has none.", then]
    verb = "Remove" if plan.change.after is None else "Replace"
    return [
        f"{verb} the policy of {target}.",
        f"Now: {plan.resource_state.lockout.explanation}",
        then,
        f"The current policy is saved first, to {folder}.",
    ]


@dataclass(frozen=True, slots=True)
class SavedCopy:
    """The file of the saved policy."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class UnlockOutcome:
    """The result of a change."""

    plan: UnlockPlan
    result: Result
    explanation: str
    saved: SavedCopy | None
    """``None`` if there was no policy."""
    found: Lockout | None
    """The effect of the policy that a re-read shows; ``None`` if it couldn't be re-read."""


@dataclass(frozen=True, slots=True)
class UnlockRun:
    """Applies plans."""

    reading: UnlockReader
    saved_policies: SavedPolicyFiles
    queue_pauses_seconds: tuple[float, ...]
    """Before each further re-read while AWS still shows the old policy."""

    def apply(self, plan: UnlockPlan, progress: Progress) -> UnlockOutcome:
        """Execute a plan under the account's lock.

        Saves the policy; sts:AssumeRoot, sts:GetCallerIdentity, a re-read, and a changing call:
        s3:DeleteBucketPolicy, s3:PutBucketPolicy or sqs:SetQueueAttributes.

        :raises AccountBusyError: if another owner holds the account; nothing was done.
        :raises PolicyNotSavedError: if the policy can't be saved; nothing was changed.
        :raises PolicyChangedError: if the policy changed since it was shown; nothing was changed.
        :raises AwsError: if AWS refuses the session, the re-read or the change; nothing was changed.
        :raises LedgerUnavailableError: if the ledger can't be written.
        :raises LockLostError: if the lock is lost; nothing was changed.
        """
        resource, reading = plan.resource_state.resource, self.reading
        with self.reading.acting.locks.hold(resource.account_id, f"unlock {resource.name}") as lock:
            saved = self._save(plan)
            sessions = reading.get_sessions(resource.account_id, lock)
            if find_policy(sessions, resource) != plan.resource_state.policy:
                raise PolicyChangedError(
                    f"The policy of {resource} isn't the one that was shown; it has changed since. Nothing was done.",
                    hint="Read the policy again, then repeat the change.",
                )
            is_queue = resource.kind is ResourceKind.QUEUE
            rewrite = PolicyRewrite.of(
                sessions,
                plan.change,
                plan.request.change,
                saved_path=None if saved is None else saved.path,
                pauses_seconds=self.queue_pauses_seconds if is_queue else self.reading.acting.reread_pauses,
            )
            wait = "AWS still shows the old policy. Reading it again in {:g} s."
            runner = ChangeRunner.in_account(sessions, lambda pause: progress.remark(wait.format(pause)))
            made = runner.make(rewrite)
        explanation = made.explanation + ("" if made.answer.is_success else f" AWS answered: {made.answer.text}.")
        was_reread = made.evaluation.result is not None
        found = reading.evaluate(resource, made.shown).lockout if was_reread else None
        return UnlockOutcome(plan, made.result, explanation, saved, found)

    def _save(self, plan: UnlockPlan) -> SavedCopy | None:
        resource, policy = plan.resource_state.resource, plan.resource_state.policy
        if policy is None:
            return None
        path = str(self.saved_policies.save(resource, policy, self.reading.acting.clock.now()))
        self.reading.acting.ledger.append_fact(
            resource.kind.save_action,
            account_id=resource.account_id,
            parameters=describe_saved(resource, policy, path),
        )
        return SavedCopy(path, hash_policy(policy))
