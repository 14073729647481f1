"""Reads and changes the organization: tree, accounts, set-up, policies.

Reads root access management's set-up. What can't be read is told, not raised.

Reads the organization: its caller, its tree and its accounts.

Changes root access management's set-up. Each call is sent once, with the receipt of its intent.

Reads the organization's SCPs and RCPs: each policy once, and what it is attached to.

For the whole organization each policy is asked for its targets: asking every account what is attached to it would take
hours at the published rates. For a few accounts it is the other way round.

Source: Organizations ListPolicies, ListTargetsForPolicy, ListPoliciesForTarget and DescribePolicy, API version
2016-11-28.

The organization, its set-up and the operator's own credentials, as AWS answers now.

The organization's own policies, as AWS answers now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeVar

from rootkeeper.aws.clients import AwsClients, ServiceCalls
from rootkeeper.aws.endpoints import find_expiry
from rootkeeper.aws.errors import required
from rootkeeper.aws.pacing import require_intent_fits
from rootkeeper.aws.root_sessions import parse_summary
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    OrganizationIncompleteError,
)
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import (
    IAM_SERVICE_PRINCIPAL,
    Account,
    AccountId,
    AccountState,
    Caller,
    Endpoint,
    Feature,
    Organization,
    OrganizationalUnit,
    Setup,
)
from rootkeeper.organization.statuses import RootCredentialsSummary
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel
from rootkeeper.policy_language.evaluation import CONTROL_KINDS, OrganizationPolicy, PolicyListing

T = TypeVar("T")


_TRUST_IS_OFF = "ServiceAccessNotEnabledException"


def read_setup(organizations: ServiceCalls, iam: ServiceCalls) -> Setup:
    """organizations:ListAWSServiceAccessForOrganization, iam:ListOrganizationsFeatures,
    organizations:ListDelegatedAdministrators.

    :raises AwsCredentialsError: if there are no usable credentials.
    :raises AwsUnreachableError: if no answer came.
    """
    unknown: list[str] = []
    trusted_access = _read_or_note(lambda: _read_trusted_access(organizations), unknown)
    features: frozenset[Feature] | None = None
    try:
        features = _read_or_note(lambda: read_features(iam), unknown)
    except _TrustedAccessDisabledError:
        trusted_access = False
    else:
        # AWS tells the features only while trusted access is on.
        trusted_access = True if trusted_access is None and features is not None else trusted_access
    return Setup(
        trusted_access=trusted_access,
        features=features,
        delegated_administrators=_read_or_note(lambda: _list_delegated_administrators(organizations), unknown),
        unknown=tuple(unknown),
    )


def read_features(iam: ServiceCalls) -> frozenset[Feature]:
    """One call: iam:ListOrganizationsFeatures."""
    try:
        answer = iam.read("ListOrganizationsFeatures")
    except AwsRejectedError as error:
        if error.aws_code == _TRUST_IS_OFF:
            raise _TrustedAccessDisabledError from error
        raise
    return parse_features(required(answer, "EnabledFeatures", "iam:ListOrganizationsFeatures"))


def parse_features(words: list[str]) -> frozenset[Feature]:
    """Features that we don't know don't matter here."""
    return frozenset(Feature(word) for word in words if word in set(Feature))


def _read_trusted_access(organizations: ServiceCalls) -> bool:
    principals = organizations.list_all("ListAWSServiceAccessForOrganization", "EnabledServicePrincipals")
    return IAM_SERVICE_PRINCIPAL in {principal.get("ServicePrincipal") for principal in principals}


def _list_delegated_administrators(organizations: ServiceCalls) -> tuple[AccountId, ...]:
    found = organizations.list_all(
        "ListDelegatedAdministrators", "DelegatedAdministrators", ServicePrincipal=IAM_SERVICE_PRINCIPAL
    )
    return tuple(AccountId(required(one, "Id", "organizations:ListDelegatedAdministrators")) for one in found)


def _read_or_note(read: Callable[[], T], unknown: list[str]) -> T | None:
    try:
        return read()
    except (AwsAccessDeniedError, AwsRejectedError, AwsThrottledError) as error:
        unknown.append(error.reason)
        return None


class _TrustedAccessDisabledError(Exception):
    """AWS keeps the features, and doesn't tell them while trusted access is off."""


PAGE_SIZE = 20
"""The most that Organizations gives. Source: Organizations ListAccounts, API version 2016-11-28."""


_SHORTEST_PATH = 2
"""A path has an organization, a root and an account at least."""


class AwsOrganizationReader:
    """Implements ``ports.organizations.OrganizationReader``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def endpoint(self) -> Endpoint:
        return self._clients.endpoint

    def read_caller(self) -> Caller:
        """One call: sts:GetCallerIdentity."""
        answer = self._clients.sts.read("GetCallerIdentity")
        arn = str(required(answer, "Arn", "sts:GetCallerIdentity"))
        account_id = required(answer, "Account", "sts:GetCallerIdentity")
        return Caller(account_id=AccountId(account_id), arn=arn, partition=_partition_of(arn))

    def read_organization(self) -> Organization:
        """One call: organizations:DescribeOrganization."""
        answer = self._organizations.read("DescribeOrganization")
        found = required(answer, "Organization", "organizations:DescribeOrganization")
        return Organization(
            organization_id=required(found, "Id", "organizations:DescribeOrganization"),
            management_account_id=AccountId(required(found, "MasterAccountId", "organizations:DescribeOrganization")),
            has_all_features=found.get("FeatureSet") == "ALL",
            partition=_partition_of(required(found, "Arn", "organizations:DescribeOrganization")),
        )

    def list_roots(self) -> tuple[OrganizationalUnit, ...]:
        """organizations:ListRoots."""
        return tuple(_parse_unit(root, None) for root in self._organizations.list_all("ListRoots", "Roots"))

    def list_child_units(self, parent_id: str) -> tuple[OrganizationalUnit, ...]:
        """organizations:ListOrganizationalUnitsForParent to the end."""
        children = self._organizations.list_all(
            "ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=parent_id, MaxResults=PAGE_SIZE
        )
        return tuple(_parse_unit(unit, parent_id) for unit in children)

    def list_account_ids_of(self, parent_id: str) -> tuple[AccountId, ...]:
        """organizations:ListAccountsForParent to the end."""
        accounts = self._organizations.list_all(
            "ListAccountsForParent", "Accounts", ParentId=parent_id, MaxResults=PAGE_SIZE
        )
        return tuple(AccountId(required(one, "Id", "organizations:ListAccountsForParent")) for one in accounts)

    def list_account_pages(self) -> Iterator[tuple[Account, ...]]:
        """organizations:ListAccounts page by page.

        :raises OrganizationIncompleteError: if a page is malformed, repeats its token or lacks its list.
        """
        token: str | None = None
        seen: set[str] = set()
        while True:
            following = {} if token is None else {"NextToken": token}
            answer = self._organizations.read("ListAccounts", MaxResults=PAGE_SIZE, **following)
            listed = answer.get("Accounts")
            if listed is None:
                raise _incomplete("a page of ListAccounts has no list of accounts")
            yield tuple(_parse_account(account) for account in listed)
            token = answer.get("NextToken")
            if token is None:
                return
            if not token or token in seen:
                raise _incomplete("ListAccounts repeats a page token")
            seen.add(token)

    def has_account(self, account_id: AccountId) -> bool:
        """One call: organizations:DescribeAccount."""
        return self.find_account_state(account_id) is not None

    def find_account_state(self, account_id: AccountId) -> AccountState | None:
        """One call: organizations:DescribeAccount."""
        try:
            answer = self._organizations.read("DescribeAccount", target=account_id, AccountId=account_id)
        except AwsNotFoundError:
            return None
        account = required(answer, "Account", "organizations:DescribeAccount")
        return _parse_state(account) if account.get("Id") == account_id else None

    def read_tags(self, account_id: AccountId) -> Mapping[str, str]:
        """organizations:ListTagsForResource to the end."""
        tags = self._organizations.list_all("ListTagsForResource", "Tags", target=account_id, ResourceId=account_id)
        return {tag["Key"]: tag["Value"] for tag in tags}

    def read_setup(self) -> Setup:
        """Three calls, see ``setup``."""
        return read_setup(self._organizations, self._clients.iam)

    def read_own_root_summary(self) -> RootCredentialsSummary:
        """One call: iam:GetAccountSummary."""
        return parse_summary(self._clients.iam.read("GetAccountSummary"))

    def find_clock_offset(self) -> timedelta | None:
        """One call: sts:GetCallerIdentity."""
        clock = self._clients.clock
        began_at, began = clock.now(), clock.monotonic()
        answer = self._clients.sts.read("GetCallerIdentity")
        took = timedelta(seconds=clock.monotonic() - began)
        dated_at = parse_date(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"))
        return None if dated_at is None else measure_offset(dated_at, began_at, took)

    def find_credentials_expiry(self) -> datetime | None:
        """No call of its own, but credentials that weren't needed yet are fetched."""
        return find_expiry(self._clients.starting_session)

    @property
    def _organizations(self) -> ServiceCalls:
        return self._clients.organizations


def _parse_unit(answer: Mapping[str, Any], parent_id: str | None) -> OrganizationalUnit:
    ou_id = str(
        required(answer, "Id", f"organizations:{'ListOrganizationalUnitsForParent' if parent_id else 'ListRoots'}")
    )
    return OrganizationalUnit(ou_id=ou_id, name=str(answer.get("Name") or ou_id), parent_id=parent_id)


def _parse_account(answer: Mapping[str, Any]) -> Account:
    if not answer.get("Id"):
        raise _incomplete("an account on a page of ListAccounts has no id")
    account_id = AccountId(answer["Id"])
    joined_at = answer.get("JoinedTimestamp")
    return Account(
        account_id=account_id,
        name=answer.get("Name", ""),
        email=answer.get("Email", ""),
        state=_parse_state(answer),
        ou_ids=_parse_paths(account_id, answer.get("Paths")),
        ou_path="",
        joined_at=joined_at.astimezone(UTC) if joined_at else None,
    )


def _parse_paths(account_id: AccountId, paths: Sequence[str] | None) -> tuple[str, ...]:
    """Ids from the organization's root down to the parent; empty where no path tells them.

    Source: Organizations Account, member ``Paths``: ``o-…/r-…/ou-…/<account id>/``.
    """
    for path in paths or ():
        steps = path.strip("/").split("/")
        if len(steps) > _SHORTEST_PATH and steps[-1] == account_id:
            return tuple(steps[1:-1])
    return ()


def _parse_state(answer: Mapping[str, Any]) -> AccountState:
    """``State``, else ``Status``, which AWS retires. A word that we don't know is an unknown state."""
    word = answer.get("State") or answer.get("Status")
    return AccountState(word) if word in set(AccountState) else AccountState.UNKNOWN


def _partition_of(arn: str) -> str:
    return arn.split(":")[1] if arn.count(":") >= 5 else "aws"


def _incomplete(problem: str) -> OrganizationIncompleteError:
    return OrganizationIncompleteError(
        f"The list of accounts can't be relied on: {problem}.",
        hint="Run the command again; nothing was concluded from what was read.",
        operation="organizations:ListAccounts",
    )


_RESOLUTION = timedelta(seconds=1)
"""A Date header leaves fractions of a second out. Source: RFC 9110, section 5.6.7."""


def parse_date(header: str | None) -> datetime | None:
    """The moment of a Date header, in UTC; ``None`` if it names none."""
    try:
        moment = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def measure_offset(dated_at: datetime, began_at: datetime, took: timedelta) -> timedelta:
    """How far a clock that showed ``began_at`` before the call is ahead of the one that dated the answer, at least.

    The answer was dated some time during the call, so whatever lies within it is no offset. How long it took must have
    been measured by a clock that doesn't jump.
    """
    if dated_at + _RESOLUTION < began_at:
        return began_at - dated_at - _RESOLUTION
    if dated_at > began_at + took:
        return began_at + took - dated_at
    return timedelta()


class AwsOrganizationAdministration:
    """Implements ``ports.organizations.OrganizationAdministration``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def enable_trusted_access(self, intent: Intent) -> None:
        """One call: organizations:EnableAWSServiceAccess."""
        require_intent_fits(intent, Action.TRUSTED_ACCESS_ENABLE, None)
        self._change("EnableAWSServiceAccess", intent)

    def disable_trusted_access(self, intent: Intent) -> None:
        """One call: organizations:DisableAWSServiceAccess."""
        require_intent_fits(intent, Action.TRUSTED_ACCESS_DISABLE, None)
        self._change("DisableAWSServiceAccess", intent)

    def enable_feature(self, feature: Feature, intent: Intent) -> frozenset[Feature]:
        """One call: iam:EnableOrganizationsRootCredentialsManagement or iam:EnableOrganizationsRootSessions."""
        require_intent_fits(intent, Action.FEATURE_ENABLE, None)
        return self._switch(f"EnableOrganizations{feature.value}", intent)

    def disable_feature(self, feature: Feature, intent: Intent) -> frozenset[Feature]:
        """One call: iam:DisableOrganizationsRootCredentialsManagement or iam:DisableOrganizationsRootSessions."""
        require_intent_fits(intent, Action.FEATURE_DISABLE, None)
        return self._switch(f"DisableOrganizations{feature.value}", intent)

    def register_delegated_administrator(self, account_id: AccountId, intent: Intent) -> None:
        """One call: organizations:RegisterDelegatedAdministrator."""
        require_intent_fits(intent, Action.DELEGATED_ADMINISTRATOR_REGISTER, account_id)
        self._change("RegisterDelegatedAdministrator", intent, account_id)

    def deregister_delegated_administrator(self, account_id: AccountId, intent: Intent) -> None:
        """One call: organizations:DeregisterDelegatedAdministrator."""
        require_intent_fits(intent, Action.DELEGATED_ADMINISTRATOR_DEREGISTER, account_id)
        self._change("DeregisterDelegatedAdministrator", intent, account_id)

    def _change(self, operation: str, intent: Intent, account_id: AccountId | None = None) -> None:
        target = {} if account_id is None else {"AccountId": account_id}
        self._clients.organizations_changing.change(
            operation, intent, self._clients.clock, target=account_id, ServicePrincipal=IAM_SERVICE_PRINCIPAL, **target
        )

    def _switch(self, operation: str, intent: Intent) -> frozenset[Feature]:
        answer = self._clients.iam_changing.change(operation, intent, self._clients.clock)
        if answer.get("EnabledFeatures") is None:
            raise AwsUnclearError(
                f"iam:{operation} doesn't say which features are on now. It may have acted.",
                operation=f"iam:{operation}",
            )
        return parse_features(answer["EnabledFeatures"])


_PAGE_SIZE = 20


_TYPES = {
    PolicyKind.RESOURCE_CONTROL: "RESOURCE_CONTROL_POLICY",
    PolicyKind.SERVICE_CONTROL: "SERVICE_CONTROL_POLICY",
}


_ATTACHED_EVERYWHERE = frozenset({"p-RCPFullAWSAccess"})
"""Attached to everything, and can't be detached: listing thousands of targets would tell nothing.

Source: Organizations User Guide, "RCP evaluation".
"""


_FULL_ACCESS = frozenset({"p-FullAWSAccess"})
"""Its counterpart among SCPs, which can be detached.

Source: Organizations User Guide, "SCP evaluation".
"""


_UNREADABLE = (AwsAccessDeniedError, AwsRejectedError, AwsThrottledError)


class AwsPolicies:
    """Implements ``ports.policies.PolicyReader``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    def list_policies(self) -> PolicyListing:
        """See the port for the calls."""
        return _PolicyListingReader(self._clients.organizations).read(None)

    def list_policies_under_full_access(self) -> PolicyListing:
        """See the port for the calls."""
        return _PolicyListingReader(self._clients.organizations, everywhere=_ATTACHED_EVERYWHERE | _FULL_ACCESS).read(
            None
        )

    def list_own_policies(self) -> PolicyListing:
        """Implements ``ports.guardrails.GuardrailReader``; see there for the calls."""
        return _PolicyListingReader(self._clients.organizations, skips_aws_managed=True).read(None)

    def list_policies_over(self, target_ids: Collection[str]) -> PolicyListing:
        """See the port for the calls."""
        return _PolicyListingReader(self._clients.organizations).read(target_ids)


@dataclass(slots=True)
class _AttachedPolicy:
    """A policy as the lists show it, and where it is attached as far as is known by now."""

    label: PolicyLabel
    is_aws_managed: bool
    is_everywhere: bool
    target_ids: set[str] = field(default_factory=set)


class _PolicyListingReader:
    """One reading, and what went wrong in it.

    A call that AWS throttled in spite of all retries isn't made again for the next policy: each would take as long.
    """

    def __init__(
        self,
        organizations: ServiceCalls,
        *,
        everywhere: frozenset[str] = _ATTACHED_EVERYWHERE,
        skips_aws_managed: bool = False,
    ) -> None:
        self._organizations = organizations
        self._everywhere = everywhere
        self._skips_aws_managed = skips_aws_managed
        self._problems: dict[PolicyKind, tuple[str, ...]] = {}
        self._throttled: dict[str, AwsThrottledError] = {}
        """By operation."""

    def read(self, target_ids: Collection[str] | None) -> PolicyListing:
        """Of these targets, or of the whole organization."""
        try:
            enabled = self._read_enabled_kinds()
        except _UNREADABLE as error:
            problems = dict.fromkeys(CONTROL_KINDS, (_describe(error, "organizations:ListRoots"),))
            return PolicyListing((), frozenset(CONTROL_KINDS), problems)
        policies: list[OrganizationPolicy] = []
        for kind in CONTROL_KINDS:
            if kind in enabled:
                found = self._list_all(kind) if target_ids is None else self._list_over(kind, target_ids)
                policies.extend(self._read_content(one, kind) for one in found)
        return PolicyListing(tuple(policies), enabled, self._problems)

    def _read_enabled_kinds(self) -> frozenset[PolicyKind]:
        """A type that is about to be enabled or disabled may be at work already, or still."""
        types = {
            str(found.get("Type"))
            for root in self._organizations.list_all("ListRoots", "Roots")
            for found in root.get("PolicyTypes") or ()
        }
        return frozenset(kind for kind in CONTROL_KINDS if _TYPES[kind] in types)

    def _list_all(self, kind: PolicyKind) -> Iterator[_AttachedPolicy]:
        """Every policy of a kind that is attached to something."""
        for summary in self._list(kind, "ListPolicies"):
            policy = self._parse_summary(summary)
            if policy.is_aws_managed and self._skips_aws_managed:
                continue
            if not policy.is_everywhere:
                policy.target_ids.update(self._list_targets(kind, policy.label.policy_id))
            if policy.target_ids or policy.is_everywhere:
                yield policy

    def _list_over(self, kind: PolicyKind, target_ids: Collection[str]) -> Iterable[_AttachedPolicy]:
        """Every policy of a kind that is attached to one of the targets."""
        found: dict[str, _AttachedPolicy] = {}
        for target_id in sorted(target_ids):
            for summary in self._list(kind, "ListPoliciesForTarget", TargetId=target_id):
                policy = self._parse_summary(summary)
                found.setdefault(policy.label.policy_id, policy).target_ids.add(target_id)
        return found.values()

    def _parse_summary(self, summary: Mapping[str, Any]) -> _AttachedPolicy:
        policy_id = str(required(summary, "Id", "organizations:ListPolicies"))
        label = PolicyLabel(policy_id, str(summary.get("Name") or policy_id))
        return _AttachedPolicy(label, bool(summary.get("AwsManaged")), is_everywhere=policy_id in self._everywhere)

    def _list(self, kind: PolicyKind, operation: str, **parameters: Any) -> tuple[Mapping[str, Any], ...]:
        try:
            return self._list_pages(operation, "Policies", Filter=_TYPES[kind], **parameters)
        except (*_UNREADABLE, AwsNotFoundError) as error:
            self._note(kind, error, operation)
            return ()

    def _list_targets(self, kind: PolicyKind, policy_id: str) -> tuple[str, ...]:
        """Where a policy is attached; nowhere any more if it was deleted meanwhile."""
        operation = "ListTargetsForPolicy"
        try:
            targets = self._list_pages(operation, "Targets", target=policy_id, PolicyId=policy_id)
            return tuple(str(required(target, "TargetId", f"organizations:{operation}")) for target in targets)
        except AwsNotFoundError:
            return ()
        except _UNREADABLE as error:
            self._note(kind, error, operation)
            return ()

    def _list_pages(
        self, operation: str, member: str, *, target: str | None = None, **parameters: Any
    ) -> tuple[Mapping[str, Any], ...]:
        with self._unless_throttled(operation):
            return tuple(
                self._organizations.list_all(operation, member, target=target, MaxResults=_PAGE_SIZE, **parameters)
            )

    @contextmanager
    def _unless_throttled(self, operation: str) -> Iterator[None]:
        if operation in self._throttled:
            raise self._throttled[operation]
        try:
            yield
        except AwsThrottledError as error:
            self._throttled[operation] = error
            raise

    def _note(self, kind: PolicyKind, error: _Refusal, operation: str) -> None:
        problems = (*self._problems.get(kind, ()), _describe(error, f"organizations:{operation}"))
        self._problems[kind] = tuple(dict.fromkeys(problems))

    def _read_content(self, policy: _AttachedPolicy, kind: PolicyKind) -> OrganizationPolicy:
        """The policy with its document, or with the reason why that couldn't be read."""
        policy_id, content, problem = policy.label.policy_id, None, None
        try:
            with self._unless_throttled("DescribePolicy"):
                answer = self._organizations.read("DescribePolicy", target=policy_id, PolicyId=policy_id)
            described = required(answer, "Policy", "organizations:DescribePolicy")
            content = str(required(described, "Content", "organizations:DescribePolicy"))
        except (*_UNREADABLE, AwsNotFoundError) as error:
            problem = _describe(error, "organizations:DescribePolicy")
        return OrganizationPolicy(
            label=policy.label,
            kind=kind,
            content=content,
            target_ids=frozenset(policy.target_ids),
            is_aws_managed=policy.is_aws_managed,
            is_everywhere=policy.is_everywhere,
            problem=problem,
        )


_Refusal = AwsAccessDeniedError | AwsNotFoundError | AwsRejectedError | AwsThrottledError


def _describe(error: _Refusal, permission: str) -> str:
    if isinstance(error, AwsAccessDeniedError):
        return f"needs {permission}, from the management account or a delegated administrator account"
    if isinstance(error, AwsThrottledError):
        return f"needs another try: AWS limited the rate of {permission}"
    return f"{permission}: {error.message}"


class OrganizationReader(Protocol):
    """Reading calls on the operator's own credentials; none of them changes anything.

    Every method may raise AwsAccessDeniedError, AwsCredentialsError, AwsThrottledError or AwsUnreachableError.
    """

    @property
    def endpoint(self) -> Endpoint: ...

    def read_caller(self) -> Caller:
        """One call: sts:GetCallerIdentity."""
        ...

    def read_organization(self) -> Organization:
        """One call: organizations:DescribeOrganization (the partition comes from its ARN).

        :raises AwsRejectedError: if the caller's account isn't in an organization.
        """
        ...

    def list_roots(self) -> tuple[OrganizationalUnit, ...]:
        """organizations:ListRoots."""
        ...

    def list_child_units(self, parent_id: str) -> tuple[OrganizationalUnit, ...]:
        """organizations:ListOrganizationalUnitsForParent to the end."""
        ...

    def list_account_ids_of(self, parent_id: str) -> tuple[AccountId, ...]:
        """The accounts directly in a unit. organizations:ListAccountsForParent to the end."""
        ...

    def list_account_pages(self) -> Iterator[tuple[Account, ...]]:
        """Pages of organizations:ListAccounts, in AWS's order; a page may be empty.

        ``ou_ids`` come from ``Paths`` and are empty where AWS gives none; ``ou_path`` isn't known yet and is empty.

        :raises OrganizationIncompleteError: if a page is malformed, repeats its token or lacks its list.
        """
        ...

    def has_account(self, account_id: AccountId) -> bool:
        """Whether the organization has the account. One call: organizations:DescribeAccount."""
        ...

    def find_account_state(self, account_id: AccountId) -> AccountState | None:
        """The account's state; ``None`` if the organization has no such account.

        One call: organizations:DescribeAccount.
        """
        ...

    def read_tags(self, account_id: AccountId) -> Mapping[str, str]:
        """organizations:ListTagsForResource."""
        ...

    def read_setup(self) -> Setup:
        """Trusted access, features and delegated administrators; what can't be read is told, not raised.

        organizations:ListAWSServiceAccessForOrganization, iam:ListOrganizationsFeatures,
        organizations:ListDelegatedAdministrators.
        """
        ...

    def read_own_root_summary(self) -> RootCredentialsSummary:
        """The root user of the caller's own account. One call: iam:GetAccountSummary."""
        ...

    def find_clock_offset(self) -> timedelta | None:
        """How far this machine's clock is ahead of AWS's at least, negative if it is behind; ``None`` if AWS's answer
        doesn't tell. One call: sts:GetCallerIdentity.
        """
        ...

    def find_credentials_expiry(self) -> datetime | None:
        """When the operator's credentials end; ``None`` if they don't, renew themselves, or don't tell."""
        ...


class OrganizationAdministration(Protocol):
    """Changes of the set-up. Each is sent once; each asks for the receipt of its intent.

    :raises AwsUnclearError: if the answer is unclear; a re-read decides.
    """

    def enable_trusted_access(self, intent: Intent) -> None:
        """One call: organizations:EnableAWSServiceAccess."""
        ...

    def disable_trusted_access(self, intent: Intent) -> None:
        """One call: organizations:DisableAWSServiceAccess."""
        ...

    def enable_feature(self, feature: Feature, intent: Intent) -> frozenset[Feature]:
        """One call: iam:EnableOrganizationsRootCredentialsManagement or iam:EnableOrganizationsRootSessions.

        :returns: the features that are on afterwards, as AWS answers.
        """
        ...

    def disable_feature(self, feature: Feature, intent: Intent) -> frozenset[Feature]:
        """One call: iam:DisableOrganizationsRootCredentialsManagement or iam:DisableOrganizationsRootSessions."""
        ...

    def register_delegated_administrator(self, account_id: AccountId, intent: Intent) -> None:
        """One call: organizations:RegisterDelegatedAdministrator for iam.amazonaws.com."""
        ...

    def deregister_delegated_administrator(self, account_id: AccountId, intent: Intent) -> None:
        """One call: organizations:DeregisterDelegatedAdministrator for iam.amazonaws.com."""
        ...


class PolicyReader(Protocol):
    """Reading calls on the operator's own credentials; none of them changes anything or opens a session."""

    def list_policies(self) -> PolicyListing:
        """Every SCP and RCP, what it says and where it is attached; what can't be read, be it denied or throttled in
        spite of all retries, is told, not raised.

        organizations:ListRoots once; for each kind that is enabled organizations:ListPolicies, and for each policy
        organizations:ListTargetsForPolicy and, if it is attached, organizations:DescribePolicy.

        :raises AwsCredentialsError: if there are no usable credentials.
        :raises AwsUnreachableError: if no answer came, or a list was cut off.
        """
        ...

    def list_policies_under_full_access(self) -> PolicyListing:
        """The same, in far fewer calls: FullAWSAccess is taken to be attached to everything, as it usually is.

        Its targets aren't listed, which are as many pages as the organization has. So what an explicit Deny blocks is
        as sure as in a full listing; where an Allow is missing doesn't show.

        :raises AwsCredentialsError, AwsUnreachableError: as above.
        """
        ...

    def list_policies_over(self, target_ids: Collection[str]) -> PolicyListing:
        """The same of these roots, units and accounts alone: what is attached elsewhere isn't told.

        organizations:ListRoots once; for each target and kind organizations:ListPoliciesForTarget, and for each policy
        organizations:DescribePolicy once. Dear for many targets.

        :raises AwsCredentialsError, AwsUnreachableError: as above.
        """
        ...
