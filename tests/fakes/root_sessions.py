"""An open root session on the fake organization."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsCredentialsError,
    AwsError,
    AwsNotFoundError,
    DenialCause,
    IdentityMismatchError,
)
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    AccessKey,
    LoginProfile,
    MfaDevice,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
)
from tests.fakes.resource_policies import UNLOCK_OPERATIONS, FakeResourcePolicies

if TYPE_CHECKING:
    from tests.fakes.organization import FakeOrganization
    from tests.fakes.root_users import FakeRootUser

T = TypeVar("T")
_READING = frozenset({"GetUser", "GetLoginProfile", "ListAccessKeys", "GetAccessKeyLastUsed", "ListMFADevices"})
ALLOWED: dict[TaskPolicy, frozenset[str]] = {
    TaskPolicy.AUDIT: _READING | {"ListSigningCertificates", "GetAccountSummary"},
    TaskPolicy.CREATE_PASSWORD: frozenset({"CreateLoginProfile", "GetLoginProfile"}),
    TaskPolicy.DELETE: _READING
    | {
        "DeactivateMFADevice",
        "DeleteAccessKey",
        "DeleteLoginProfile",
        "DeleteSigningCertificate",
        "ListSigningCertificates",
    },
    **UNLOCK_OPERATIONS,
}
"""The operations that each task policy leaves to the session."""


@dataclass(slots=True)
class FakeRootSession:
    """Implements RootSession on the truth that ``organization`` holds."""

    organization: FakeOrganization
    account_id: AccountId
    task_policy: TaskPolicy
    access_key_id: str
    expires_at: datetime
    request_id: str = "request-of-assume-root"
    is_identified: bool = False

    def require_identity(self) -> None:
        self._refuse_expired("GetCallerIdentity")
        self.organization.perform("GetCallerIdentity", self.account_id)
        if self.account_id in self.organization.wrong_identities:
            raise IdentityMismatchError(
                f"The root session for {self.account_id} is another principal's.", operation="sts:GetCallerIdentity"
            )
        self.is_identified = True

    @property
    def resource_policies(self) -> FakeResourcePolicies:
        if self.task_policy not in UNLOCK_OPERATIONS:
            raise ValueError(f"{self.task_policy} reaches neither buckets nor queues")
        return FakeResourcePolicies(self)

    def read_summary(self) -> RootCredentialsSummary:
        self.read("GetAccountSummary")
        return self._root_user.summary

    def read_credentials(self) -> RootCredentials:
        observed_at = self.organization.clock.now()
        login_profile = self.find_login_profile()
        truth = self._root_user.login_profile
        if login_profile is not None and truth is not None:
            self.read("GetUser")
            login_profile = replace(login_profile, last_used_at=truth.last_used_at)
        for _ in self.list_access_keys():
            self.read("GetAccessKeyLastUsed")
        return RootCredentials(
            account_id=self.account_id,
            login_profile=login_profile,
            access_keys=tuple(self._root_user.access_keys),
            signing_certificates=self.list_signing_certificates(),
            mfa_devices=self.list_mfa_devices(),
            observed_at=observed_at,
        )

    def find_login_profile(self) -> LoginProfile | None:
        self.read("GetLoginProfile")
        found = self._root_user.login_profile
        return replace(found, last_used_at=None) if found else None

    def list_access_keys(self) -> tuple[AccessKey, ...]:
        self.read("ListAccessKeys")
        return tuple(
            replace(key, last_used_at=None, last_used_service=None, last_used_region=None)
            for key in self._root_user.access_keys
        )

    def list_signing_certificates(self) -> tuple[SigningCertificate, ...]:
        self.read("ListSigningCertificates")
        return tuple(self._root_user.signing_certificates)

    def list_mfa_devices(self) -> tuple[MfaDevice, ...]:
        self.read("ListMFADevices")
        return tuple(self._root_user.mfa_devices)

    def create_login_profile(self, intent: Intent) -> LoginProfile:
        created = LoginProfile(created_at=self.organization.clock.now().replace(microsecond=0), last_used_at=None)
        self.change("CreateLoginProfile", Action.LOGIN_PROFILE_CREATE, intent, lambda: self._create(created))
        return created

    def delete_login_profile(self, intent: Intent) -> None:
        self.change("DeleteLoginProfile", Action.LOGIN_PROFILE_DELETE, intent, self._delete_login_profile)

    def delete_access_key(self, access_key_id: str, intent: Intent) -> None:
        self.change(
            "DeleteAccessKey",
            Action.ACCESS_KEY_DELETE,
            intent,
            lambda: _remove(self._root_user.access_keys, lambda key: key.access_key_id == access_key_id),
        )

    def delete_signing_certificate(self, signing_certificate_id: str, intent: Intent) -> None:
        self.change(
            "DeleteSigningCertificate",
            Action.SIGNING_CERTIFICATE_DELETE,
            intent,
            lambda: _remove(
                self._root_user.signing_certificates, lambda one: one.signing_certificate_id == signing_certificate_id
            ),
        )

    def deactivate_mfa_device(self, mfa_serial_number: str, intent: Intent) -> None:
        self.change(
            "DeactivateMFADevice",
            Action.MFA_DEVICE_DEACTIVATE,
            intent,
            lambda: _remove(self._root_user.mfa_devices, lambda one: one.mfa_serial_number == mfa_serial_number),
        )

    @property
    def _root_user(self) -> FakeRootUser:
        return self.organization.root_users[self.account_id]

    def read(self, operation: str) -> None:
        self._refuse_expired(operation)
        self.organization.perform(operation, self.account_id, lambda: self._refuse_denied(operation))

    def change(self, operation: str, action: Action, intent: Intent, change: Callable[[], None]) -> None:
        self.organization.check(intent, action, self.account_id)
        if not self.is_identified:
            raise ValueError(f"{operation} before the identity of the root session was checked")
        self._refuse_expired(operation)

        def act() -> None:
            self._refuse_denied(operation)
            change()

        self.organization.perform(operation, self.account_id, act)
        intent.note_request(f"request-{operation}")

    def _refuse_expired(self, operation: str) -> None:
        if self.organization.clock.now() >= self.expires_at:
            raise AwsCredentialsError(
                "The root session has expired.", operation=f"iam:{operation}", aws_code="ExpiredToken"
            )

    def _refuse_denied(self, operation: str) -> None:
        policy_id = self.organization.blocked_by.get(self.account_id)
        if policy_id is not None:
            raise self._denied(operation, DenialCause.SERVICE_CONTROL_POLICY, policy_id)
        if operation not in ALLOWED[self.task_policy]:
            raise self._denied(operation, DenialCause.SESSION_POLICY, None)

    def _denied(self, operation: str, cause: DenialCause, policy_id: str | None) -> AwsError:
        return AwsAccessDeniedError(
            f"{operation} was denied in {self.account_id} ({cause}).",
            operation=f"iam:{operation}",
            aws_code="AccessDenied",
            denied_by=cause,
            policy_id=policy_id,
        )

    def _create(self, created: LoginProfile) -> None:
        if self._root_user.login_profile is not None:
            raise AwsAlreadyExistsError("A login profile exists.", aws_code="EntityAlreadyExists")
        self._root_user.login_profile = created

    def _delete_login_profile(self) -> None:
        if self._root_user.login_profile is None:
            raise AwsNotFoundError("There is no login profile.", aws_code="NoSuchEntity")
        self._root_user.login_profile = None


def _remove(held: list[T], is_it: Callable[[T], bool]) -> None:
    kept = [one for one in held if not is_it(one)]
    if len(kept) == len(held):
        raise AwsNotFoundError("There is no such entity.", aws_code="NoSuchEntity")
    held[:] = kept
