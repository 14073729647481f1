"""Reads the organization: its caller, its tree and its accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from rootkeeper.aws.answers import required
from rootkeeper.aws.calls import ServiceCalls
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.credentials_expiry import find_expiry
from rootkeeper.aws.root_user_answers import parse_summary
from rootkeeper.aws.setup import read_setup
from rootkeeper.domain.organizations import (
    Account,
    AccountId,
    AccountState,
    Caller,
    Endpoint,
    Organization,
    OrganizationalUnit,
)
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.setup import Setup
from rootkeeper.errors import AwsNotFoundError, OrganizationIncompleteError

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
