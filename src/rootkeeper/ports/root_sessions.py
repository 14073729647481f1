"""Root sessions on member accounts: the only way in which the product touches root user credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from rootkeeper.domain.ledger import Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.root_credentials import (
    AccessKey,
    LoginProfile,
    MfaDevice,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
)
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.ports.resource_policies import ResourcePolicies


class RootSession(Protocol):
    """One open root session. Its credentials never leave the gateway.

    Reading methods raise AwsAccessDeniedError (a policy of the target account or the task policy denies),
    AwsThrottledError or AwsUnreachableError. Changing methods are sent once, ask for the receipt of their intent, and
    raise LockLostError if that is no longer valid, AwsNotFoundError, AwsAlreadyExistsError, AwsAccessDeniedError,
    AwsThrottledError (both of which say that nothing changed), AwsRejectedError or AwsUnclearError (a re-read decides).
    """

    @property
    def account_id(self) -> AccountId: ...

    @property
    def task_policy(self) -> TaskPolicy: ...

    @property
    def access_key_id(self) -> str:
        """The session's own ``ASIA…`` id, by which CloudTrail tells it."""
        ...

    @property
    def expires_at(self) -> datetime: ...

    def require_identity(self) -> None:
        """Check that the session is the target's root user. One call: sts:GetCallerIdentity.

        :raises IdentityMismatchError: if the ARN isn't ``arn:<partition>:iam::<account_id>:root``.
        """
        ...

    @property
    def resource_policies(self) -> ResourcePolicies:
        """The account's buckets or queues; only with one of the two unlock task policies. No call.

        :raises ValueError: with another task policy, which is a bug.
        """
        ...

    def read_summary(self) -> RootCredentialsSummary:
        """One call: iam:GetAccountSummary; only with the audit task policy."""
        ...

    def read_credentials(self) -> RootCredentials:
        """All four kinds in detail: GetLoginProfile, GetUser, ListAccessKeys, GetAccessKeyLastUsed for each key,
        ListSigningCertificates, ListMFADevices.
        """
        ...

    def find_login_profile(self) -> LoginProfile | None:
        """One call: iam:GetLoginProfile (``last_used_at`` isn't read and is ``None``)."""
        ...

    def list_access_keys(self) -> tuple[AccessKey, ...]:
        """iam:ListAccessKeys to the end (last use isn't read)."""
        ...

    def list_signing_certificates(self) -> tuple[SigningCertificate, ...]:
        """iam:ListSigningCertificates to the end."""
        ...

    def list_mfa_devices(self) -> tuple[MfaDevice, ...]:
        """iam:ListMFADevices to the end."""
        ...

    def create_login_profile(self, intent: Intent) -> LoginProfile:
        """Allow password recovery. One call: iam:CreateLoginProfile without a password."""
        ...

    def delete_login_profile(self, intent: Intent) -> None:
        """One call: iam:DeleteLoginProfile."""
        ...

    def delete_access_key(self, access_key_id: str, intent: Intent) -> None:
        """One call: iam:DeleteAccessKey."""
        ...

    def delete_signing_certificate(self, signing_certificate_id: str, intent: Intent) -> None:
        """One call: iam:DeleteSigningCertificate."""
        ...

    def deactivate_mfa_device(self, mfa_serial_number: str, intent: Intent) -> None:
        """One call: iam:DeactivateMFADevice."""
        ...


class RootSessions(Protocol):
    """Opens root sessions."""

    def open(self, account_id: AccountId, task_policy: TaskPolicy, intent: Intent) -> RootSession:
        """Open a root session of at most 900 s. One call: sts:AssumeRoot, Regional endpoint.

        ``intent`` is of action ``root_session:open`` for this account, or ``accounts:audit`` for a batch with it.

        :raises AwsAccessDeniedError: if the caller may not assume root there.
        :raises AwsThrottledError: if AWS limited the rate; safe to call again.
        :raises AwsUnreachableError: if no answer came; safe to call again, since an unused session acts on nothing.
        """
        ...
