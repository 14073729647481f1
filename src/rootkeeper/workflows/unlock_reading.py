"""Reading the policies of one account's buckets or queues: which there are, and whom each locks out.

Nothing is changed. A policy that can't be read is unknown, and a Region that can't be asked is named: neither is taken
for "open".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rootkeeper.domain.organizations import Account, Caller, Organization
from rootkeeper.domain.resource_policies.lockouts import Lockout, LockoutVerdict, evaluate_policy
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind, is_protected, require_resource_name
from rootkeeper.errors import AwsAccessDeniedError, AwsError, InputError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.resource_policies import ResourcePlaces, ResourcePolicies
from rootkeeper.ports.root_sessions import RootSessions
from rootkeeper.workflows.unlock_access import UnlockAccess
from rootkeeper.workflows.unlock_regions import choose_regions

WORKERS = 16
"""Calls at the same time; each is charged to the member account, which is asked about nothing else."""


@dataclass(frozen=True, slots=True)
class ResourcePolicyState:
    """One bucket or queue, its policy, and what that does."""

    resource: Resource
    policy: str | None
    """``None`` if there is none, or it couldn't be read."""
    lockout: Lockout
    is_protected: bool
    """Whether the settings keep it from being changed."""


@dataclass(frozen=True, slots=True)
class UnreadRegion:
    """A Region whose queues couldn't be listed."""

    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResourceListing:
    """Every bucket or queue that was found in an account."""

    account: Account
    kind: ResourceKind
    resource_states: tuple[ResourcePolicyState, ...]
    unread_regions: tuple[UnreadRegion, ...]
    unknown: str | None = None
    """Why nothing could be asked at all: who could ask."""

    @property
    def has_unknown(self) -> bool:
        """Whether of any policy it isn't known what it does."""
        return self.unknown is not None or any(
            one.lockout.verdict is LockoutVerdict.UNKNOWN for one in self.resource_states
        )


@dataclass(frozen=True, slots=True)
class UnlockReader:
    """Opens root sessions of an unlock task, and only reads in them."""

    sessions: RootSessions
    ledger: Ledger
    places: ResourcePlaces
    clock: Clock
    organization: Organization
    caller: Caller
    protect: tuple[str, ...] = ()

    def list_all(
        self, account: Account, kind: ResourceKind, regions: Sequence[str], progress: Progress
    ) -> ResourceListing:
        """Find every bucket, or every queue of the Regions, and read its policy.

        sts:AssumeRoot and sts:GetCallerIdentity; s3:ListBuckets and s3:GetBucketPolicy for each; account:ListRegions,
        sqs:ListQueues for each Region and sqs:GetQueueAttributes for each queue.

        A caller who may open no session in the account learns who may: that is unknown, and no error.

        :raises AwsError: if the session can't be opened for another reason, or none of the lists can be read.
        :raises InputError: if a Region isn't known.
        """
        try:
            access, where = self._begin(account, kind, regions, progress)
        except AwsAccessDeniedError as error:
            return ResourceListing(account, kind, (), (), unknown=_describe_permitted_caller(error))
        answers = _ask(access, where, lambda policies, region: policies.list_resources(region))
        _require_some_answer(answers)
        resources = [resource for answer in answers for resource in answer.resources]
        progress.start("Reading policies", len(resources))
        with ThreadPoolExecutor(WORKERS) as pool:
            resource_states = tuple(pool.map(lambda resource: self._read(access, resource, progress), resources))
        unread = tuple(UnreadRegion(one.region, one.error.message) for one in answers if one.error is not None)
        return ResourceListing(account, kind, resource_states, unread)

    def show_one(
        self, account: Account, kind: ResourceKind, name: str, regions: Sequence[str], progress: Progress
    ) -> ResourcePolicyState:
        """As ``find_one``, except that a caller who may open no session in the account learns who may."""
        try:
            return self.find_one(account, kind, name, regions, progress)
        except AwsAccessDeniedError as error:
            lockout = Lockout(LockoutVerdict.UNKNOWN, reason=_describe_permitted_caller(error))
            resource = Resource(kind, account.account_id, name, "", self.organization.partition)
            return ResourcePolicyState(resource, None, lockout, is_protected(name, self.protect))

    def find_one(
        self, account: Account, kind: ResourceKind, name: str, regions: Sequence[str], progress: Progress
    ) -> ResourcePolicyState:
        """Find one bucket or queue and read its policy.

        :raises InputError: if the account has none of that name, or queues of it in several Regions.
        :raises AwsError: if it can't be read.
        """
        require_resource_name(kind, name)
        access, where = self._begin(account, kind, regions, progress)

        def find(policies: ResourcePolicies, region: str) -> tuple[Resource, ...]:
            resource = policies.find_resource(name, region)
            return () if resource is None else (resource,)

        answers = _ask(access, where, find)
        found = [resource for answer in answers for resource in answer.resources]
        if len(found) != 1:
            _require_some_answer(answers)
            raise _not_one(found, answers, account, kind, name)
        return self.evaluate(found[0], access.policies.find_policy(found[0]))

    def evaluate(self, resource: Resource, policy: str | None) -> ResourcePolicyState:
        """What a policy that was read does."""
        lockout = evaluate_policy(policy, resource, self.organization.organization_id)
        return ResourcePolicyState(resource, policy, lockout, is_protected(resource.name, self.protect))

    def _begin(
        self, account: Account, kind: ResourceKind, regions: Sequence[str], progress: Progress
    ) -> tuple[UnlockAccess, tuple[str, ...]]:
        """The session is opened first of all, so that a refusal of it is one error and not one for each Region."""
        self.places.require_same_place(kind)
        where = choose_regions(self.places, self.caller, account.account_id, kind, regions, progress)
        access = UnlockAccess(self.sessions, self.ledger, self.clock, account.account_id, kind)
        access.enter()
        return access, where

    def _read(self, access: UnlockAccess, resource: Resource, progress: Progress) -> ResourcePolicyState:
        try:
            resource_state = self.evaluate(resource, access.policies.find_policy(resource))
        except AwsError as error:
            unknown = Lockout(LockoutVerdict.UNKNOWN, reason=error.message)
            resource_state = ResourcePolicyState(resource, None, unknown, is_protected(resource.name, self.protect))
        progress.advance(unknown=int(resource_state.lockout.verdict is LockoutVerdict.UNKNOWN))
        return resource_state


@dataclass(frozen=True, slots=True)
class _RegionResult:
    """What one Region says."""

    region: str
    resources: tuple[Resource, ...] = ()
    error: AwsError | None = None


def _describe_permitted_caller(error: AwsAccessDeniedError) -> str:
    """:raises AwsAccessDeniedError: itself, if another caller couldn't either."""
    if error.needs is None:
        raise error
    return error.reason


def _ask(
    access: UnlockAccess, regions: Sequence[str], ask: Callable[[ResourcePolicies, str], tuple[Resource, ...]]
) -> list[_RegionResult]:
    def ask_one(region: str) -> _RegionResult:
        try:
            return _RegionResult(region, ask(access.policies, region))
        except AwsError as error:
            return _RegionResult(region, error=error)

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(ask_one, regions))


def _require_some_answer(answers: Sequence[_RegionResult]) -> None:
    """:raises AwsError: the first one, if every Region refuses."""
    errors = [answer.error for answer in answers if answer.error is not None]
    if errors and len(errors) == len(answers):
        raise errors[0]


def _not_one(
    found: Sequence[Resource], answers: Sequence[_RegionResult], account: Account, kind: ResourceKind, name: str
) -> InputError:
    whose = f"account {account.account_id} ({account.name})"
    if found:
        regions = ", ".join(resource.region for resource in found)
        return InputError(f"{whose} has {kind.noun}s named {name} in {regions}.", hint="Choose one with --regions.")
    unread = [answer.region for answer in answers if answer.error is not None]
    missing = f" Not asked, since they answer with an error: {', '.join(unread)}." if unread else ""
    return InputError(
        f"There is no {kind.noun} {name} in {whose}.{missing}",
        hint=f"See what there is: rootkeeper unlock {kind.value} {account.account_id}",
    )
