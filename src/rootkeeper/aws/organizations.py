"""Reads the organization, its accounts and the set-up of root access management, and changes that set-up.

Each change is sent once, with the receipt of its intent. A part of the set-up that can't be read is reported, not
raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any, Protocol

from rootkeeper.aws.clients import GatewayPart, ServiceCalls
from rootkeeper.aws.credentials import require_intent_fits
from rootkeeper.aws.endpoints import find_lifetime
from rootkeeper.aws.errors import required
from rootkeeper.aws.root_sessions import parse_summary
from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.aws.times import SIGNATURE_SKEW, measure_offset, parse_date
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    Hint,
    OrganizationIncompleteError,
    OrganizationMismatchError,
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
    ServiceControlPolicies,
    Setup,
)
from rootkeeper.organization.statuses import RootCredentialsSummary

_UNREADABLE = (AwsAccessDeniedError, AwsRejectedError, AwsThrottledError)
_TRUST_IS_OFF = "ServiceAccessNotEnabledException"
"""AWS keeps the features, but doesn't return them while trusted access is off."""


def read_setup(organizations: ServiceCalls, iam: ServiceCalls) -> Setup:
    """See ``OrganizationReader.read_setup``.

    :raises AwsCredentialsError: if there are no usable credentials.
    :raises AwsUnreachableError: if no answer came.
    """
    unknown: list[str] = []
    trusted_access: bool | None = None
    features: frozenset[Feature] | None = None
    delegated_administrators: tuple[AccountId, ...] | None = None
    try:
        principals = organizations.list_all("ListAWSServiceAccessForOrganization", "EnabledServicePrincipals")
        trusted_access = IAM_SERVICE_PRINCIPAL in {principal.get("ServicePrincipal") for principal in principals}
    except _UNREADABLE as error:
        unknown.append(error.reason)
    try:
        answer = iam.read("ListOrganizationsFeatures")
        features = parse_features(required(answer, "EnabledFeatures", "iam:ListOrganizationsFeatures"))
        trusted_access = True if trusted_access is None else trusted_access
    except _UNREADABLE as error:
        if error.aws_code == _TRUST_IS_OFF:
            trusted_access = False
        else:
            unknown.append(error.reason)
    try:
        found = organizations.list_all(
            "ListDelegatedAdministrators", "DelegatedAdministrators", ServicePrincipal=IAM_SERVICE_PRINCIPAL
        )
        ids = (required(administrator, "Id", "organizations:ListDelegatedAdministrators") for administrator in found)
        delegated_administrators = tuple(AccountId(account_id) for account_id in ids)
    except _UNREADABLE as error:
        unknown.append(error.reason)
    return Setup(trusted_access, features, delegated_administrators, unknown=tuple(unknown))


def parse_features(words: list[str]) -> frozenset[Feature]:
    """Parse the names of features; unknown names are ignored."""
    return frozenset(Feature(word) for word in words if word in set(Feature))


PAGE_SIZE = 20
"""The maximum of Organizations. Source: Organizations ListAccounts, API version 2016-11-28."""
_SHORTEST_PATH = 2
"""A path has at least an organization, a root and an account."""


class AwsOrganizationReader(GatewayPart):
    """Implements ``OrganizationReader``."""

    @property
    def endpoint(self) -> Endpoint:
        return self._clients.endpoint

    def read_caller(self) -> Caller:
        answer = self._clients.sts.read("GetCallerIdentity")
        arn = str(required(answer, "Arn", "sts:GetCallerIdentity"))
        account_id = required(answer, "Account", "sts:GetCallerIdentity")
        return Caller(account_id=AccountId(account_id), arn=arn, partition=_partition_of(arn))

    def read_organization(self) -> Organization:
        answer = self._organizations.read("DescribeOrganization")
        found = required(answer, "Organization", "organizations:DescribeOrganization")
        organization_id = str(required(found, "Id", "organizations:DescribeOrganization"))
        expected = self._clients.options.organization_id
        if expected not in (None, organization_id):
            raise OrganizationMismatchError(
                f"These AWS credentials belong to organization {organization_id}, not to {expected}.",
                hint=Hint("Use the credentials of the organization that was named.", "organization.credentials"),
            )
        return Organization(
            organization_id=organization_id,
            management_account_id=AccountId(required(found, "MasterAccountId", "organizations:DescribeOrganization")),
            has_all_features=found.get("FeatureSet") == "ALL",
            partition=_partition_of(required(found, "Arn", "organizations:DescribeOrganization")),
        )

    def list_roots(self) -> tuple[OrganizationalUnit, ...]:
        return tuple(_parse_unit(root, None) for root in self._organizations.list_all("ListRoots", "Roots"))

    def read_service_control_policies(self) -> ServiceControlPolicies:
        roots = tuple(self._organizations.list_all("ListRoots", "Roots"))
        types = [found for root in roots for found in root.get("PolicyTypes") or ()]
        return ServiceControlPolicies(
            root_id=str(required(roots[0] if roots else {}, "Id", "organizations:ListRoots")),
            is_enabled=any(
                (kind.get("Type"), kind.get("Status")) == ("SERVICE_CONTROL_POLICY", "ENABLED") for kind in types
            ),
        )

    def list_child_units(self, parent_id: str) -> tuple[OrganizationalUnit, ...]:
        children = self._organizations.list_all(
            "ListOrganizationalUnitsForParent", "OrganizationalUnits", ParentId=parent_id, MaxResults=PAGE_SIZE
        )
        return tuple(_parse_unit(unit, parent_id) for unit in children)

    def list_account_ids_of(self, parent_id: str) -> tuple[AccountId, ...]:
        accounts = self._organizations.list_all(
            "ListAccountsForParent", "Accounts", ParentId=parent_id, MaxResults=PAGE_SIZE
        )
        return tuple(AccountId(required(account, "Id", "organizations:ListAccountsForParent")) for account in accounts)

    def list_account_pages(self) -> Iterator[tuple[Account, ...]]:
        token: str | None = None
        seen: set[str] = set()
        while True:
            following = {} if token is None else {"NextToken": token}
            answer = self._organizations.read("ListAccounts", MaxResults=PAGE_SIZE, **following)
            listed = answer.get("Accounts")
            if listed is None:
                raise _incomplete("a page of ListAccounts has no list")
            yield tuple(_parse_account(account) for account in listed)
            token = answer.get("NextToken")
            if token is None:
                return
            if not token or token in seen:
                raise _incomplete("ListAccounts repeats a page token")
            seen.add(token)

    def has_account(self, account_id: AccountId) -> bool:
        return self.find_account_state(account_id) is not None

    def find_account_state(self, account_id: AccountId) -> AccountState | None:
        try:
            answer = self._organizations.read("DescribeAccount", target=account_id, AccountId=account_id)
        except AwsNotFoundError:
            return None
        account = required(answer, "Account", "organizations:DescribeAccount")
        return _parse_state(account) if account.get("Id") == account_id else None

    def read_tags(self, account_id: AccountId) -> Mapping[str, str]:
        tags = self._organizations.list_all("ListTagsForResource", "Tags", target=account_id, ResourceId=account_id)
        return {tag["Key"]: tag["Value"] for tag in tags}

    def read_setup(self) -> Setup:
        return read_setup(self._organizations, self._clients.iam)

    def read_own_root_summary(self) -> RootCredentialsSummary:
        return parse_summary(self._clients.iam.read("GetAccountSummary"))

    def find_clock_offset(self) -> timedelta | None:
        clock = self._clients.clock
        began_at, began = clock.now(), clock.monotonic()
        try:
            answer = self._clients.sts.read("GetCallerIdentity")
        except AwsCredentialsError:
            # AWS refuses signatures of a clock that is off, and its refusal has a date too.
            ahead = clock.now() - self._clients.latest_clock.now()
            if abs(ahead) <= SIGNATURE_SKEW:
                raise
            return ahead
        took = timedelta(seconds=clock.monotonic() - began)
        dated_at = parse_date(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date"))
        return None if dated_at is None else measure_offset(dated_at, began_at, took)

    def find_credentials_lifetime(self) -> CredentialsLifetime:
        """No call of its own; credentials that weren't used yet are fetched."""
        found = find_lifetime(self._clients.starting_session)
        is_renewed = found.lifetime is Lifetime.UNKNOWN and self._clients.options.credentials_renewed
        return CredentialsLifetime(Lifetime.RENEWED) if is_renewed else found

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
    """Parse the ids from the organization's root down to the parent; empty if there is no path.

    Source: Organizations Account, member ``Paths``: ``o-…/r-…/ou-…/<account id>/``.
    """
    for path in paths or ():
        steps = path.strip("/").split("/")
        if len(steps) > _SHORTEST_PATH and steps[-1] == account_id:
            return tuple(steps[1:-1])
    return ()


def _parse_state(answer: Mapping[str, Any]) -> AccountState:
    """Parse ``State``, else ``Status``, which AWS retires. An unknown word is an unknown state."""
    word = answer.get("State") or answer.get("Status")
    return AccountState(word) if word in set(AccountState) else AccountState.UNKNOWN


def _partition_of(arn: str) -> str:
    return arn.split(":")[1] if arn.count(":") >= 5 else "aws"


def _incomplete(problem: str) -> OrganizationIncompleteError:
    return OrganizationIncompleteError(
        f"The list of accounts is incomplete: {problem}.",
        hint="Try again. The incomplete list wasn't used.",
        operation="organizations:ListAccounts",
    )


_FEATURE_VERBS = {Action.FEATURE_ENABLE: "Enable", Action.FEATURE_DISABLE: "Disable"}

_SETUP_OPERATIONS = {
    Action.DELEGATED_ADMINISTRATOR_DEREGISTER: "DeregisterDelegatedAdministrator",
    Action.DELEGATED_ADMINISTRATOR_REGISTER: "RegisterDelegatedAdministrator",
    Action.TRUSTED_ACCESS_DISABLE: "DisableAWSServiceAccess",
    Action.TRUSTED_ACCESS_ENABLE: "EnableAWSServiceAccess",
}


class AwsOrganizationAdministration(GatewayPart):
    """Implements ``OrganizationAdministration``."""

    def change_setup(
        self, action: Action, intent: Intent, *, feature: Feature | None = None, account_id: AccountId | None = None
    ) -> None:
        require_intent_fits(intent, action, account_id)
        clients = self._clients
        if feature is None:
            clients.organizations_changing.change(
                _SETUP_OPERATIONS[action],
                intent,
                clients.clock,
                target=account_id,
                ServicePrincipal=IAM_SERVICE_PRINCIPAL,
                **({} if account_id is None else {"AccountId": account_id}),
            )
            return
        operation = f"{_FEATURE_VERBS[action]}Organizations{feature.value}"
        answer = clients.iam_changing.change(operation, intent, clients.clock)
        if answer.get("EnabledFeatures") is None:
            raise AwsUnclearError(
                f"The answer to iam:{operation} doesn't contain the enabled features. It may have acted.",
                operation=f"iam:{operation}",
            )


class OrganizationReader(Protocol):
    """Reads with the operator's own credentials; changes nothing.

    Every method may raise AwsAccessDeniedError, AwsCredentialsError, AwsThrottledError or AwsUnreachableError.
    """

    @property
    def endpoint(self) -> Endpoint: ...

    def read_caller(self) -> Caller:
        """Call sts:GetCallerIdentity once."""
        ...

    def read_organization(self) -> Organization:
        """Call organizations:DescribeOrganization once (the partition comes from its ARN).

        :raises AwsRejectedError: if the caller's account isn't in an organization.
        :raises OrganizationMismatchError: if it is in another organization than the settings name.
        """
        ...

    def list_roots(self) -> tuple[OrganizationalUnit, ...]:
        """organizations:ListRoots."""
        ...

    def read_service_control_policies(self) -> ServiceControlPolicies:
        """Read whether they are enabled. organizations:ListRoots."""
        ...

    def list_child_units(self, parent_id: str) -> tuple[OrganizationalUnit, ...]:
        """organizations:ListOrganizationalUnitsForParent to the end."""
        ...

    def list_account_ids_of(self, parent_id: str) -> tuple[AccountId, ...]:
        """List the accounts directly in a unit. organizations:ListAccountsForParent to the end."""
        ...

    def list_account_pages(self) -> Iterator[tuple[Account, ...]]:
        """List pages of organizations:ListAccounts, in AWS's order; a page may be empty.

        ``ou_ids`` come from ``Paths``, and are empty if AWS returns none. ``ou_path`` isn't known yet, and is empty.

        :raises OrganizationIncompleteError: if a page is malformed, repeats its token or lacks its list.
        """
        ...

    def has_account(self, account_id: AccountId) -> bool:
        """Whether the organization has the account. Calls organizations:DescribeAccount once."""
        ...

    def find_account_state(self, account_id: AccountId) -> AccountState | None:
        """Find the account's state; ``None`` if the organization has no such account.

        Calls organizations:DescribeAccount once.
        """
        ...

    def read_tags(self, account_id: AccountId) -> Mapping[str, str]:
        """organizations:ListTagsForResource."""
        ...

    def read_setup(self) -> Setup:
        """Read trusted access, features and delegated administrators. ``unknown`` names the unreadable parts.

        organizations:ListAWSServiceAccessForOrganization, iam:ListOrganizationsFeatures,
        organizations:ListDelegatedAdministrators.
        """
        ...

    def read_own_root_summary(self) -> RootCredentialsSummary:
        """Read the root user of the caller's own account. Calls iam:GetAccountSummary once."""
        ...

    def find_clock_offset(self) -> timedelta | None:
        """Find how far this machine's clock is at least ahead of AWS's; negative if it is behind; ``None`` if AWS's
        answer has no date. Calls sts:GetCallerIdentity once.
        """
        ...

    def find_credentials_lifetime(self) -> CredentialsLifetime:
        """Find how long the operator's credentials can be used.

        :raises AwsCredentialsError: if there are none, or they can't be fetched.
        """
        ...


class OrganizationAdministration(Protocol):
    """Changes the set-up."""

    def change_setup(
        self, action: Action, intent: Intent, *, feature: Feature | None = None, account_id: AccountId | None = None
    ) -> None:
        """Send the call once, with the receipt of its intent; a feature's action needs ``feature``.

        organizations:EnableAWSServiceAccess, organizations:DisableAWSServiceAccess,
        organizations:RegisterDelegatedAdministrator, organizations:DeregisterDelegatedAdministrator (all for
        iam.amazonaws.com), iam:EnableOrganizationsRootCredentialsManagement, iam:EnableOrganizationsRootSessions,
        iam:DisableOrganizationsRootCredentialsManagement or iam:DisableOrganizationsRootSessions.

        :raises AwsUnclearError: if the answer is unclear; a re-read decides.
        """
        ...
