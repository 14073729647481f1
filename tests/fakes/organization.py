"""An organization in memory behind the three AWS ports: what it holds is set by the test, every call is logged.

The contract suite under ``tests/contracts`` runs on this fake and on the real adapter, so both answer alike. Operations
bear CloudTrail's spelling (``DeleteLoginProfile``) in ``calls``, ``fail``, ``act_then_fail`` and ``lie``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime, TaskPolicy
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    LockLostError,
    RootAccessOffError,
)
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import (
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
from tests.fakes.clock import FakeClock
from tests.fakes.interventions import Calls, Course, Intervention
from tests.fakes.primary_emails import FakePrimaryEmails
from tests.fakes.resource_policies import FakePlaces, FakeResources
from tests.fakes.root_sessions import FakeRootSession
from tests.fakes.root_users import FakeRootUser
from tests.fakes.summary_readers import FakeSummaryReader

MANAGEMENT = AccountId("111122223333")
ORGANIZATION_ROOT = "r-exam"
_REFUSED = "is not authorized to perform: sts:AssumeRoot"
_CREDENTIALS_TASKS = {TaskPolicy.AUDIT, TaskPolicy.CREATE_PASSWORD, TaskPolicy.DELETE}


class FakeOrganization:
    """Implements OrganizationReader, OrganizationAdministration and RootSessions.

    Starts with a management account alone, trusted access and both features on.
    """

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.endpoint = Endpoint("SANDBOX 127.0.0.1:4599")
        self.region = "eu-central-1"
        self.organization = Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws")
        self.caller = Caller(MANAGEMENT, f"arn:aws:iam::{MANAGEMENT}:user/operator", "aws")
        self.organizational_units: dict[str, OrganizationalUnit] = {
            ORGANIZATION_ROOT: OrganizationalUnit(ORGANIZATION_ROOT, "Root", None)
        }
        self.accounts: dict[AccountId, Account] = {}
        self.root_users: dict[AccountId, FakeRootUser] = {}
        self.tags: dict[AccountId, dict[str, str]] = {}
        self.trusted_access = True
        self.features: set[Feature] = set(Feature)
        self.delegated_administrators: list[AccountId] = []
        self.credentials_lifetime = CredentialsLifetime(Lifetime.STATIC)
        self.clock_offset: timedelta | None = timedelta()
        self.page_size = 20
        self.gives_paths = True
        """Whether accounts on a page tell their place."""
        self.blocked_by: dict[AccountId, str] = {}
        """Accounts whose root sessions open, and are denied every call by the service control policy of that id."""
        self.wrong_identities: set[AccountId] = set()
        """Accounts whose sessions turn out to be another principal's."""
        self.sessions_opened = 0
        self._calls = Calls()
        self.emails = FakePrimaryEmails(self)
        self.resources = FakeResources()
        self.places = FakePlaces(self)
        self.add_account(MANAGEMENT, "management")

    # What a test sets up and looks at.

    def add_unit(self, ou_id: str, name: str, parent_id: str = ORGANIZATION_ROOT) -> str:
        self.organizational_units[ou_id] = OrganizationalUnit(ou_id, name, parent_id)
        return ou_id

    def add_account(
        self,
        account_id: str,
        name: str | None = None,
        *,
        ou_id: str = ORGANIZATION_ROOT,
        state: AccountState = AccountState.ACTIVE,
        root_user: FakeRootUser | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> AccountId:
        """A new account, clean unless ``root_user`` says otherwise."""
        known = AccountId(account_id)
        name = name or f"account-{account_id}"
        lineage = self._lineage(ou_id)
        self.accounts[known] = Account(
            account_id=known,
            name=name,
            email=f"{name}@example.com",
            state=state,
            ou_ids=tuple(unit.ou_id for unit in lineage),
            ou_path="/".join(unit.name for unit in lineage),
        )
        self.root_users[known] = root_user or FakeRootUser()
        self.tags[known] = dict(tags or {})
        return known

    def change_state(self, account_id: AccountId, state: AccountState) -> None:
        self.accounts[account_id] = replace(self.accounts[account_id], state=state)

    @property
    def calls(self) -> list[tuple[str, AccountId | None]]:
        """Every call so far, ``(operation, account_id)``, in order; the account is AssumeRoot's target."""
        return self._calls.made

    @property
    def changing_calls(self) -> list[tuple[str, AccountId | None]]:
        changing = ("Create", "Delete", "Deactivate", "Enable", "Disable", "Put", "Register", "Deregister", "Set")
        return [call for call in self.calls if call[0].startswith(changing)]

    def operations(self, account_id: AccountId | None = None) -> list[str]:
        """The operations so far, of one account or of all."""
        return [operation for operation, on in self.calls if account_id in (None, on)]

    def before_each_call(self, hook: Callable[[str, AccountId | None], None] | None) -> None:
        """Have ``hook`` called before each call; it may raise."""
        self._calls.before_each = hook

    def fail(
        self,
        operation: str,
        error: Exception | None = None,
        *,
        account_id: AccountId | None = None,
        at: int = 1,
        times: int | None = None,
    ) -> None:
        """From the ``at``-th such call from now on, ``times`` calls (all, if ``None``) raise ``error`` without acting.

        Without ``error``: AwsAccessDeniedError.
        """
        error = error or AwsAccessDeniedError(f"{operation} was denied.", operation=operation, aws_code="AccessDenied")
        self._intervene(Course.FAIL, operation, account_id, at, times, error)

    def act_then_fail(
        self,
        operation: str,
        error: Exception | None = None,
        *,
        account_id: AccountId | None = None,
        at: int = 1,
        times: int | None = 1,
    ) -> None:
        """The call acts, and its answer is lost: AwsUnclearError unless ``error`` is given."""
        self._intervene(Course.ACT_THEN_FAIL, operation, account_id, at, times, error)

    def lie(
        self, operation: str, *, account_id: AccountId | None = None, at: int = 1, times: int | None = None
    ) -> None:
        """The call answers success and changes nothing."""
        self._intervene(Course.LIE, operation, account_id, at, times, None)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self._calls.interventions.clear()
        self.blocked_by.clear()

    # OrganizationReader.

    def read_caller(self) -> Caller:
        self._perform("GetCallerIdentity")
        return self.caller

    def read_organization(self) -> Organization:
        self._perform("DescribeOrganization")
        return self.organization

    def list_roots(self) -> tuple[OrganizationalUnit, ...]:
        self._perform("ListRoots")
        return tuple(unit for unit in self.organizational_units.values() if unit.parent_id is None)

    def read_service_control_policies(self) -> ServiceControlPolicies:
        self._perform("ListRoots")
        root = next(unit for unit in self.organizational_units.values() if unit.parent_id is None)
        return ServiceControlPolicies(root.ou_id, is_enabled=True)

    def list_child_units(self, parent_id: str) -> tuple[OrganizationalUnit, ...]:
        self._perform("ListOrganizationalUnitsForParent")
        return tuple(unit for unit in self.organizational_units.values() if unit.parent_id == parent_id)

    def list_account_ids_of(self, parent_id: str) -> tuple[AccountId, ...]:
        self._perform("ListAccountsForParent")
        return tuple(one.account_id for one in self.accounts.values() if one.ou_ids[-1] == parent_id)

    def list_account_pages(self) -> Iterator[tuple[Account, ...]]:
        accounts = list(self.accounts.values())
        for start in range(0, max(len(accounts), 1), self.page_size):
            self._perform("ListAccounts")
            page = accounts[start : start + self.page_size]
            yield tuple(replace(one, ou_path="", ou_ids=one.ou_ids if self.gives_paths else ()) for one in page)

    def has_account(self, account_id: AccountId) -> bool:
        self._perform("DescribeAccount", account_id)
        return account_id in self.accounts

    def find_account_state(self, account_id: AccountId) -> AccountState | None:
        self._perform("DescribeAccount", account_id)
        account = self.accounts.get(account_id)
        return account.state if account else None

    def read_tags(self, account_id: AccountId) -> Mapping[str, str]:
        self._perform("ListTagsForResource", account_id)
        return dict(self.tags[account_id])

    def read_setup(self) -> Setup:
        unknown: list[str] = []
        trusted_access = (
            self.trusted_access if self._is_listed("ListAWSServiceAccessForOrganization", unknown) else None
        )
        features = self._is_listed("ListOrganizationsFeatures", unknown) and self.trusted_access
        delegates = self._is_listed("ListDelegatedAdministrators", unknown)
        return Setup(
            trusted_access=trusted_access,
            features=frozenset(self.features) if features else None,
            delegated_administrators=tuple(self.delegated_administrators) if delegates else None,
            unknown=tuple(unknown),
        )

    def read_own_root_summary(self) -> RootCredentialsSummary:
        self._perform("GetAccountSummary", self.caller.account_id)
        return self.root_users[self.caller.account_id].summary

    def find_clock_offset(self) -> timedelta | None:
        self._perform("GetCallerIdentity")
        return self.clock_offset

    def find_credentials_lifetime(self) -> CredentialsLifetime:
        return self.credentials_lifetime

    # OrganizationAdministration.

    def change_setup(
        self, action: Action, intent: Intent, *, feature: Feature | None = None, account_id: AccountId | None = None
    ) -> None:
        self.check(intent, action, account_id)
        is_on = action in {
            Action.DELEGATED_ADMINISTRATOR_REGISTER,
            Action.FEATURE_ENABLE,
            Action.TRUSTED_ACCESS_ENABLE,
        }
        verb = "Enable" if is_on else "Disable"
        if feature is not None:
            self._perform(f"{verb}Organizations{feature.value}", None, lambda: self._switch(feature, on=is_on))
        elif account_id is None:
            self._perform(f"{verb}AWSServiceAccess", None, lambda: self._set_trusted_access(on=is_on))
        elif is_on:
            self._perform("RegisterDelegatedAdministrator", account_id, lambda: self._register(account_id))
        else:
            self._perform("DeregisterDelegatedAdministrator", account_id, lambda: self._deregister(account_id))

    # RootSessions.

    def open(self, account_id: AccountId, task_policy: TaskPolicy, intent: Intent) -> FakeRootSession:
        if intent.action is not Action.ACCOUNTS_AUDIT:
            self.check(intent, Action.ROOT_SESSION_OPEN, account_id)
        elif intent.valid_until <= self.clock.monotonic():
            raise LockLostError("The intent is no longer valid.")
        else:
            _ensure_audit_covers(intent, account_id, task_policy)
        self._perform("AssumeRoot", account_id, lambda: self._refuse_assume_root(account_id, task_policy))
        self.sessions_opened += 1
        return FakeRootSession(
            organization=self,
            account_id=account_id,
            task_policy=task_policy,
            access_key_id=f"ASIAEXAMPLE{self.sessions_opened:09d}",
            expires_at=self.clock.now() + timedelta(seconds=900),
        )

    # RootSummaries.

    def open_summary_reader(self, concurrency: int) -> FakeSummaryReader:
        return FakeSummaryReader(self, self.clock)

    # What the fake's own parts share.

    def check(self, intent: Intent, action: Action, account_id: AccountId | None) -> None:
        """As the gateway does before each changing call: the receipt must fit and its lease must not have run out."""
        if intent.action is not action or intent.account_id != account_id:
            raise ValueError(f"the intent is of {intent.action} on {intent.account_id}, not {action} on {account_id}")
        if intent.valid_until <= self.clock.monotonic():
            raise LockLostError("The intent is no longer valid.")

    def perform(self, operation: str, account_id: AccountId, change: Callable[[], None] | None = None) -> None:
        self._perform(operation, account_id, change)

    def _perform(
        self, operation: str, account_id: AccountId | None = None, change: Callable[[], None] | None = None
    ) -> None:
        self._calls.perform(operation, account_id, change)

    def _intervene(
        self,
        course: Course,
        operation: str,
        account_id: AccountId | None,
        at: int,
        times: int | None,
        error: Exception | None,
    ) -> None:
        self._calls.interventions.append(Intervention(course, operation, account_id, at, times, error))

    def _is_listed(self, operation: str, unknown: list[str]) -> bool:
        try:
            self._perform(operation)
        except (AwsAccessDeniedError, AwsRejectedError) as error:
            unknown.append(error.message)
            return False
        return True

    def _lineage(self, ou_id: str) -> list[OrganizationalUnit]:
        unit = self.organizational_units[ou_id]
        return [*(self._lineage(unit.parent_id) if unit.parent_id else []), unit]

    def _switch(self, feature: Feature, *, on: bool) -> None:
        if not self.trusted_access:
            raise AwsRejectedError("Trusted access is off.", aws_code="ServiceAccessNotEnabledException")
        (self.features.add if on else self.features.discard)(feature)

    def _set_trusted_access(self, *, on: bool) -> None:
        if self.delegated_administrators and not on:
            raise AwsRejectedError("A delegated administrator is registered.", aws_code="ConstraintViolationException")
        self.trusted_access = on

    def _register(self, account_id: AccountId) -> None:
        if account_id in self.delegated_administrators:
            raise AwsAlreadyExistsError("It is registered.", aws_code="AccountAlreadyRegisteredException")
        if account_id not in self.accounts:
            raise AwsNotFoundError("There is no such account.", aws_code="AccountNotFoundException")
        if not self.trusted_access or account_id == self.organization.management_account_id:
            raise AwsRejectedError("A constraint forbids it.", aws_code="ConstraintViolationException")
        self.delegated_administrators.append(account_id)

    def _deregister(self, account_id: AccountId) -> None:
        if account_id not in self.delegated_administrators:
            raise AwsNotFoundError("It isn't registered.", aws_code="AccountNotRegisteredException")
        self.delegated_administrators.remove(account_id)

    def _refuse_assume_root(self, account_id: AccountId, task_policy: TaskPolicy) -> None:
        account = self.accounts.get(account_id)
        feature = Feature.ROOT_CREDENTIALS_MANAGEMENT if task_policy in _CREDENTIALS_TASKS else Feature.ROOT_SESSIONS
        callers = {self.organization.management_account_id, *self.delegated_administrators}
        if (
            account is None
            or account.state is not AccountState.ACTIVE
            or account_id == self.organization.management_account_id
            or self.caller.account_id not in callers
        ):
            raise _denied(f"User: {self.caller.arn} {_REFUSED} on resource: arn:aws:iam::{account_id}:root")
        if not self.trusted_access:
            raise RootAccessOffError("Service not enabled for AWS Organizations.", aws_code="AccessDenied")
        if feature not in self.features:
            message = f"{_FEATURES_IN_WORDS[feature]} feature is not enabled for your AWS Organization."
            raise RootAccessOffError(message, aws_code="AccessDenied")


_FEATURES_IN_WORDS = {
    Feature.ROOT_CREDENTIALS_MANAGEMENT: "Root credentials management",
    Feature.ROOT_SESSIONS: "Root sessions",
}


def _ensure_audit_covers(intent: Intent, account_id: AccountId, task_policy: TaskPolicy) -> None:
    accounts = intent.parameters.get("account_ids")
    if task_policy is not TaskPolicy.AUDIT:
        raise ValueError("an audit opens audit sessions only")
    if isinstance(accounts, list | tuple) and account_id not in accounts:
        raise ValueError(f"the audit's intent doesn't name {account_id}")


def _denied(message: str) -> AwsError:
    return AwsAccessDeniedError(
        f"sts:AssumeRoot was denied: {message}", operation="sts:AssumeRoot", aws_code="AccessDenied"
    )
