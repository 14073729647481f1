"""The organization: its tree, its features, and how accounts join and leave.

After a delegate or trusted access is removed, AWS opens root sessions for up to three minutes, and a feature takes a
second to change. ``Eligibility`` imitates this as a function of the sandbox's clock, so that tests can step through
it.

Source: aws-facts B8, single observations without a promise: after deregistration denied at 0 s, allowed at 15 s,
denied at 60 s; after trust had gone allowed at 0, 15 and 60 s, denied at 180 s; features about a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper_sandbox.state.accounts import Account, AccountState, LoginProfile, make_access_role
from rootkeeper_sandbox.state.policies import PolicyStore


class Feature(StrEnum):
    """The centralized root access features, in the order in which IAM was seen to list them."""

    ROOT_SESSIONS = "RootSessions"
    ROOT_CREDENTIALS_MANAGEMENT = "RootCredentialsManagement"


@dataclass(frozen=True, slots=True)
class PropagationDelays:
    """When STS still uses the old state: seconds after a change, from the first bound to before the second."""

    deregistration: tuple[float, float] = (0, 0)
    trust_removal: tuple[float, float] = (0, 0)
    feature_change: tuple[float, float] = (0, 0)
    queue_policy_change: tuple[float, float] = (0, 0)
    """SQS's, not STS's. Source: SQS SetQueueAttributes, API version 2012-11-05: up to 60 seconds."""


IMMEDIATE = PropagationDelays()

AWS_PROPAGATION_DELAYS = PropagationDelays(
    deregistration=(5, 45), trust_removal=(0, 120), feature_change=(0, 1), queue_policy_change=(0, 60)
)

PROPAGATION_DELAYS = {"immediate": IMMEDIATE, "aws": AWS_PROPAGATION_DELAYS}
"""The values of ``--consistency``. The bounds between the observed moments are assumed."""


@dataclass
class Eligibility:
    """The last changes to delegates, trust and features of iam.amazonaws.com, as STS remembers them."""

    propagation_delays: PropagationDelays = field(default=IMMEDIATE, metadata={"is_kept": False})
    deregistered_at: dict[str, datetime] = field(default_factory=dict)
    """By account id: when a delegate was deregistered last."""
    untrusted_at: datetime | None = None
    feature_changes: dict[Feature, datetime] = field(default_factory=dict)
    """When each feature was switched on or off last."""

    def was_delegate_until_lately(self, account_id: str, now: datetime) -> bool:
        return _is_within(self.deregistered_at.get(account_id), self.propagation_delays.deregistration, now)

    def was_trusted_until_lately(self, now: datetime) -> bool:
        return _is_within(self.untrusted_at, self.propagation_delays.trust_removal, now)

    def has_feature_changed_lately(self, feature: Feature, now: datetime) -> bool:
        return _is_within(self.feature_changes.get(feature), self.propagation_delays.feature_change, now)


def _is_within(changed_at: datetime | None, propagation_delay: tuple[float, float], now: datetime) -> bool:
    if changed_at is None:
        return False
    return propagation_delay[0] <= (now - changed_at).total_seconds() < propagation_delay[1]


CREATION_TIME = timedelta(seconds=3)
"""How long CreateAccount stays in progress. AWS takes about a minute; a choice for people who wait."""
CLOSURE_TIME = timedelta(seconds=60)
"""How long an account is PENDING_CLOSURE: "a few minutes" on AWS."""
INVITATION_LIFETIME = timedelta(days=15)
"""Source: Organizations User Guide, "Inviting an AWS account to join your organization"."""
SHOWN_AFTER_END = timedelta(days=30)
"""How long ended handshakes are listed. Source: Organizations Handshake, API version 2016-11-28."""


class RequestState(StrEnum):
    """``State`` of a CreateAccount request."""

    FAILED = "FAILED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True, slots=True)
class AccountRequest:
    """A CreateAccount request; a changed request is another object."""

    request_id: str
    account_id: str
    """Which the account gets, if it comes to be."""
    name: str
    email: str
    role_name: str
    requested_at: datetime
    is_recoverable: bool
    """Whether its root user can be recovered by mail: not once RootCredentialsManagement is on."""
    tags: dict[str, str] = field(default_factory=dict)
    state: RequestState = RequestState.IN_PROGRESS
    completed_at: datetime | None = None
    failure_reason: str | None = None

    @property
    def due_at(self) -> datetime:
        return self.requested_at + CREATION_TIME

    def succeed(self) -> AccountRequest:
        return replace(self, state=RequestState.SUCCEEDED, completed_at=self.due_at)

    def fail(self, reason: str) -> AccountRequest:
        return replace(self, state=RequestState.FAILED, completed_at=self.due_at, failure_reason=reason)


class HandshakeState(StrEnum):
    """``State`` of a handshake; an invitation is never OPEN."""

    ACCEPTED = "ACCEPTED"
    CANCELED = "CANCELED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    REQUESTED = "REQUESTED"


@dataclass(frozen=True, slots=True)
class Handshake:
    """An invitation to an account outside the organization; a changed invitation is another object."""

    handshake_id: str
    account_id: str
    target_id: str
    """The account id or e-mail address that was invited."""
    requested_at: datetime
    notes: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    ended_state: HandshakeState | None = None
    ended_at: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        return self.requested_at + INVITATION_LIFETIME

    def state(self, now: datetime) -> HandshakeState:
        if self.ended_state:
            return self.ended_state
        return HandshakeState.REQUESTED if now < self.expires_at else HandshakeState.EXPIRED

    def is_shown(self, now: datetime) -> bool:
        return now < (self.ended_at or self.expires_at) + SHOWN_AFTER_END

    def end(self, state: HandshakeState, now: datetime) -> Handshake:
        return replace(self, ended_state=state, ended_at=now)


IAM_SERVICE_PRINCIPAL = "iam.amazonaws.com"
_DERIVED = {"is_kept": False}
"""Marks fields that follow from other fields and aren't written to a state file."""


@dataclass(slots=True)
class OrganizationalUnit:
    ou_id: str
    name: str
    parent_id: str


@dataclass
class Organization:
    """An organization, from its root to its accounts."""

    organization_id: str
    organization_root_id: str
    management_account_id: str
    partition: str = "aws"
    has_all_features: bool = True
    accounts: dict[str, Account] = field(default_factory=dict)
    organizational_units: dict[str, OrganizationalUnit] = field(default_factory=dict)
    policy_book: PolicyStore = field(default_factory=PolicyStore)
    features: set[Feature] = field(default_factory=set)
    """Kept over switching trusted access off and on."""
    trusted_services: dict[str, datetime] = field(default_factory=dict)
    """By service principal: since when."""
    delegations: dict[str, dict[str, datetime]] = field(default_factory=dict)
    """By service principal, then by account id: since when."""
    eligibility: Eligibility = field(default_factory=Eligibility)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of organizational units, the root and policies, by their id; accounts hold their own."""
    account_requests: dict[str, AccountRequest] = field(default_factory=dict)
    closures: dict[str, datetime] = field(default_factory=dict)
    """By account id: when its closure was asked for."""
    handshakes: dict[str, Handshake] = field(default_factory=dict)
    _accounts_below: dict[str, dict[str, None]] = field(default_factory=dict, metadata=_DERIVED)
    _units_below: dict[str, dict[str, None]] = field(default_factory=dict, metadata=_DERIVED)
    _places: dict[int, str] = field(default_factory=dict, metadata=_DERIVED)
    _next_place: int = field(default=0, metadata=_DERIVED)
    _unsettled: set[str] = field(default_factory=set, metadata=_DERIVED)
    """Ids of account requests and of accounts under closure whose time hasn't come."""

    def __post_init__(self) -> None:
        for unit in self.organizational_units.values():
            self._units_below.setdefault(unit.parent_id, {})[unit.ou_id] = None
        for account in self.accounts.values():
            self._accounts_below.setdefault(account.parent_id or "", {})[account.account_id] = None
            self._give_place(account.account_id)
        in_progress = (r.request_id for r in self.account_requests.values() if r.state is RequestState.IN_PROGRESS)
        self._unsettled.update(in_progress, self._account_ids_under_closure())

    def add_organizational_unit(self, unit: OrganizationalUnit) -> None:
        self.organizational_units[unit.ou_id] = unit
        self._units_below.setdefault(unit.parent_id, {})[unit.ou_id] = None

    def remove_organizational_unit(self, ou_id: str) -> None:
        """Remove an empty unit, with its tags and policy attachments."""
        unit = self.organizational_units.pop(ou_id)
        del self._units_below[unit.parent_id][ou_id]
        self.tags.pop(ou_id, None)
        self.policy_book.forget_target(ou_id)

    def add_account(self, account: Account, parent_id: str) -> None:
        if account.account_id not in self.accounts:
            self._give_place(account.account_id)
        account.parent_id = parent_id
        self.accounts[account.account_id] = account
        self._accounts_below.setdefault(parent_id, {})[account.account_id] = None

    def _give_place(self, account_id: str) -> None:
        self._places[self._next_place] = account_id
        self._next_place += 1

    @property
    def places(self) -> range:
        """The places of accounts in the order of joining. An account that leaves makes a gap, and no other moves."""
        return range(self._next_place)

    def find_account_id_at(self, place: int) -> str | None:
        return self._places.get(place)

    def move_account(self, account_id: str, parent_id: str) -> None:
        account = self.accounts[account_id]
        del self._accounts_below[account.parent_id or ""][account_id]
        self.add_account(account, parent_id)

    def remove_account(self, account_id: str) -> Account:
        """Take an account out, without its tags and policy attachments."""
        account = self.accounts.pop(account_id)
        self._places = {place: held_by for place, held_by in self._places.items() if held_by != account_id}
        del self._accounts_below[account.parent_id or ""][account_id]
        account.parent_id = None
        account.tags = {}
        self.policy_book.forget_target(account_id)
        return account

    def add_account_request(self, request: AccountRequest) -> None:
        self.account_requests[request.request_id] = request
        self._unsettled.add(request.request_id)

    def begin_closure(self, account_id: str, now: datetime) -> None:
        self.accounts[account_id].state = AccountState.PENDING_CLOSURE
        self.closures[account_id] = now
        self._unsettled.add(account_id)

    def take_due_requests(self, now: datetime) -> list[AccountRequest]:
        """Give the requests whose time has come, in the order of their coming; they don't come again."""
        if not self._unsettled:
            return []
        found = [self.account_requests[i] for i in self._unsettled if i in self.account_requests]
        due = sorted((request for request in found if request.due_at <= now), key=lambda request: request.due_at)
        self._unsettled.difference_update(request.request_id for request in due)
        return due

    def finish_closures(self, now: datetime) -> None:
        """Close the accounts whose time has come."""
        if not self._unsettled:
            return
        for account_id in self._account_ids_under_closure():
            if self.closures[account_id] + CLOSURE_TIME <= now:
                account = self.accounts[account_id]
                account.state = AccountState.CLOSED
                self.accounts[account_id] = account
                self._unsettled.discard(account_id)

    def _account_ids_under_closure(self) -> list[str]:
        return [
            account_id
            for account_id in self.closures
            if account_id in self.accounts and self.accounts[account_id].state is AccountState.PENDING_CLOSURE
        ]

    def has_parent(self, parent_id: str) -> bool:
        """Return whether the id is the organization root's or an organizational unit's."""
        return parent_id == self.organization_root_id or parent_id in self.organizational_units

    def has_target(self, target_id: str) -> bool:
        """Return whether a policy can be attached to the id."""
        return self.has_parent(target_id) or target_id in self.accounts

    def target_ids(self) -> Iterator[str]:
        """Give the id of everything that a policy can be attached to."""
        yield self.organization_root_id
        yield from self.organizational_units
        yield from self.accounts

    def account_ids_below(self, parent_id: str) -> list[str]:
        """List direct children only."""
        return list(self._accounts_below.get(parent_id, ()))

    def ou_ids_below(self, parent_id: str) -> list[str]:
        """List direct children only."""
        return list(self._units_below.get(parent_id, ()))

    def find_parent_id(self, child_id: str) -> str | None:
        """Find the parent of an account or organizational unit."""
        child = self.accounts.get(child_id) or self.organizational_units.get(child_id)
        return child.parent_id if child else None

    def ancestor_ids(self, child_id: str) -> list[str]:
        """List the ids from the organization root down to the parent of the account or organizational unit."""
        ids: list[str] = []
        parent_id = self.find_parent_id(child_id)
        while parent_id is not None:
            ids.append(parent_id)
            parent_id = self.find_parent_id(parent_id)
        return ids[::-1]

    def path(self, child_id: str) -> str:
        """Spell the place of an account or organizational unit, itself included: ``o-…/r-…/ou-…/111122223333/``."""
        return "/".join((self.organization_id, *self.ancestor_ids(child_id), child_id, ""))

    def readable_path(self, parent_id: str) -> str:
        """Spell an organizational unit as people do: ``Root/Workloads/Prod``."""
        names = ["Root"]
        names += [self.organizational_units[i].name for i in (*self.ancestor_ids(parent_id), parent_id)[1:]]
        return "/".join(names)

    def trust(self, service_principal: str, now: datetime) -> None:
        """Switch trusted access of a service on; a second time changes nothing."""
        self.trusted_services.setdefault(service_principal, now)

    def withdraw_trust(self, service_principal: str, now: datetime) -> None:
        """Switch trusted access of a service off; a second time changes nothing."""
        if self.trusted_services.pop(service_principal, None) and service_principal == IAM_SERVICE_PRINCIPAL:
            self.eligibility.untrusted_at = now

    def is_trusted(self, service_principal: str) -> bool:
        return service_principal in self.trusted_services

    def switch_feature(self, feature: Feature, now: datetime, *, is_on: bool) -> None:
        """Switch a feature on or off; a second time changes nothing."""
        if (feature in self.features) is not is_on:
            self.features.symmetric_difference_update({feature})
            self.eligibility.feature_changes[feature] = now

    def register_delegate(self, account_id: str, service_principal: str, now: datetime) -> None:
        self.delegations.setdefault(service_principal, {})[account_id] = now

    def deregister_delegate(self, account_id: str, service_principal: str, now: datetime) -> None:
        del self.delegations[service_principal][account_id]
        if service_principal == IAM_SERVICE_PRINCIPAL:
            self.eligibility.deregistered_at[account_id] = now

    def is_delegated_administrator(self, account_id: str, service_principal: str) -> bool:
        return account_id in self.delegations.get(service_principal, {})

    def delegated_account_ids(self) -> Iterator[str]:
        """Give each account once that is a delegated administrator of any service."""
        return iter(dict.fromkeys(account_id for accounts in self.delegations.values() for account_id in accounts))

    def may_open_root_sessions(self, account_id: str, now: datetime) -> bool:
        """Return whether STS takes the account as the management account or the delegate of IAM."""
        return (
            account_id == self.management_account_id
            or self.is_delegated_administrator(account_id, IAM_SERVICE_PRINCIPAL)
            or (account_id in self.accounts and self.eligibility.was_delegate_until_lately(account_id, now))
        )

    def is_trusted_by_sts(self, now: datetime) -> bool:
        """Return whether STS takes trusted access of IAM as switched on."""
        return self.is_trusted(IAM_SERVICE_PRINCIPAL) or self.eligibility.was_trusted_until_lately(now)

    def is_feature_on_for_sts(self, feature: Feature, now: datetime) -> bool:
        """Return whether STS takes a feature as switched on."""
        return (feature in self.features) is not self.eligibility.has_feature_changed_lately(feature, now)

    def arn(self, resource: str) -> str:
        """Spell the ARN of a resource of the organization, such as ``account/o-…/111122223333``."""
        return f"arn:{self.partition}:organizations::{self.management_account_id}:{resource}"


def open_account(request: AccountRequest, management_account_id: str, partition: str) -> Account:
    """Make the account that was asked for, outside the tree.

    Its root user has no credentials; where RootCredentialsManagement wasn't on, its password can be set by mail.
    """
    account = Account(
        account_id=request.account_id,
        name=request.name,
        email=request.email,
        joined_at=request.due_at,
        tags=dict(request.tags),
    )
    if request.is_recoverable:
        account.root_user.login_profile = LoginProfile(request.due_at)
    trusted = f"arn:{partition}:iam::{management_account_id}:root"
    role = make_access_role(request.account_id, request.role_name, request.due_at, trusted)
    account.identities.roles[request.role_name] = role
    return account
