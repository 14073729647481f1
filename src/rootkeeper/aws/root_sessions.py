"""Root sessions on member accounts: the only way in which the product touches root user credentials.

Every IAM call leaves ``UserName`` out, so that it is about the root user, and is signed with the session's credentials
or not at all. A changing call needs the receipt of its intent and a session with a checked identity. In a root
session AWS leaves out ``UserName`` and ``Path`` of its answers, although its model calls them required.

Source: IAM, API version 2010-05-08.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NoReturn, Protocol

from botocore.credentials import ReadOnlyCredentials

from rootkeeper.aws.clients import AwsClients, GatewayPart
from rootkeeper.aws.credentials import (
    RootSessionCredentials,
    require_intent_fits,
    require_still_valid,
    root_session_entered,
)
from rootkeeper.aws.errors import AwsResponse, required
from rootkeeper.aws.resources import AwsBucketPolicies, AwsQueuePolicies, ResourcePolicies, SessionCalls
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import AwsNotFoundError, AwsUnclearError, IdentityMismatchError
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    AccessKey,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
)


class RootSession(Protocol):
    """An open root session. Its credentials never leave the gateway.

    Reading methods raise AwsAccessDeniedError (a policy over the target account or the task policy denies),
    AwsThrottledError or AwsUnreachableError. Changing methods are sent once and need the receipt of their intent. They
    raise LockLostError if it is no longer valid, AwsNotFoundError, AwsAlreadyExistsError, AwsAccessDeniedError,
    AwsThrottledError (with both of these, nothing changed), AwsRejectedError or AwsUnclearError (a re-read decides).
    """

    @property
    def account_id(self) -> AccountId: ...

    @property
    def task_policy(self) -> TaskPolicy: ...

    @property
    def access_key_id(self) -> str:
        """The session's own ``ASIA…`` id, as CloudTrail shows it."""
        ...

    @property
    def expires_at(self) -> datetime: ...

    @property
    def request_id(self) -> str:
        """AWS's id of the AssumeRoot that opened it."""
        ...

    def require_identity(self) -> None:
        """Check that the session is the target's root user. Calls sts:GetCallerIdentity once.

        :raises IdentityMismatchError: if the ARN isn't ``arn:<partition>:iam::<account_id>:root``.
        """
        ...

    @property
    def resource_policies(self) -> ResourcePolicies:
        """The account's buckets or queues; only with an unlock task policy. No call.

        :raises ValueError: with another task policy, which is a bug.
        """
        ...

    def read_summary(self) -> RootCredentialsSummary:
        """Call iam:GetAccountSummary once; only with the audit task policy."""
        ...

    def read_credentials(self) -> RootCredentials:
        """Read all four kinds in detail: GetLoginProfile, GetUser if there is a login profile, ListAccessKeys,
        GetAccessKeyLastUsed for each key, ListSigningCertificates, ListMFADevices.
        """
        ...

    def find_login_profile(self) -> LoginProfile | None:
        """Call iam:GetLoginProfile once (``last_used_at`` isn't read and is ``None``)."""
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
        """Allow password recovery. Calls iam:CreateLoginProfile without a password, once."""
        ...

    def delete_login_profile(self, intent: Intent) -> None:
        """Call iam:DeleteLoginProfile once."""
        ...

    def delete_access_key(self, access_key_id: str, intent: Intent) -> None:
        """Call iam:DeleteAccessKey once."""
        ...

    def delete_signing_certificate(self, signing_certificate_id: str, intent: Intent) -> None:
        """Call iam:DeleteSigningCertificate once."""
        ...

    def deactivate_mfa_device(self, mfa_serial_number: str, intent: Intent) -> None:
        """Call iam:DeactivateMFADevice once."""
        ...


class RootSessions(Protocol):
    """Opens root sessions."""

    def open(self, account_id: AccountId, task_policy: TaskPolicy, intent: Intent) -> RootSession:
        """Open a root session of at most 900 s. Calls sts:AssumeRoot once, at the Regional endpoint.

        :param intent: of action ``root_session:open`` for this account, or ``accounts:audit`` for a batch with it.

        :raises AwsAccessDeniedError: if the caller may not assume root there.
        :raises AwsThrottledError: if AWS limited the rate; safe to call again.
        :raises AwsUnreachableError: if no answer came; safe to call again, since an unused session acts on nothing.
        """
        ...


_SUMMARY = "iam:GetAccountSummary"


def parse_summary(answer: AwsResponse) -> RootCredentialsSummary:
    """Source: GetAccountSummary, ``SummaryMap``.

    :raises AwsUnreachableError: if any of the four counts is missing.
    """
    counts = required(answer, "SummaryMap", _SUMMARY)
    return RootCredentialsSummary(
        has_password=required(counts, "AccountPasswordPresent", _SUMMARY) > 0,
        has_access_keys=required(counts, "AccountAccessKeysPresent", _SUMMARY) > 0,
        has_signing_certificates=required(counts, "AccountSigningCertificatesPresent", _SUMMARY) > 0,
        has_mfa_devices=required(counts, "AccountMFAEnabled", _SUMMARY) > 0,
    )


def parse_login_profile(created_at: datetime, last_used_at: datetime | None = None) -> LoginProfile:
    return LoginProfile(created_at=in_utc(created_at), last_used_at=in_utc(last_used_at) if last_used_at else None)


def parse_access_key(answer: Mapping[str, Any], last_used: Mapping[str, Any] | None = None) -> AccessKey:
    """Parse an access key; ``Expired`` counts as inactive, and ``N/A`` as never used."""
    last_used = last_used or {}
    last_used_at = last_used.get("LastUsedDate")
    return AccessKey(
        access_key_id=required(answer, "AccessKeyId", "iam:ListAccessKeys"),
        is_active=answer.get("Status") == "Active",
        created_at=in_utc(required(answer, "CreateDate", "iam:ListAccessKeys")),
        last_used_at=in_utc(last_used_at) if last_used_at else None,
        last_used_service=_known(last_used.get("ServiceName")),
        last_used_region=_known(last_used.get("Region")),
    )


def parse_signing_certificate(answer: Mapping[str, Any]) -> SigningCertificate:
    return SigningCertificate(
        signing_certificate_id=required(answer, "CertificateId", "iam:ListSigningCertificates"),
        is_active=answer.get("Status") == "Active",
        uploaded_at=in_utc(required(answer, "UploadDate", "iam:ListSigningCertificates")),
    )


def parse_mfa_device(answer: Mapping[str, Any]) -> MfaDevice:
    serial_number = required(answer, "SerialNumber", "iam:ListMFADevices")
    return MfaDevice(
        mfa_serial_number=serial_number,
        kind=parse_mfa_kind(serial_number),
        enabled_at=in_utc(required(answer, "EnableDate", "iam:ListMFADevices")),
    )


def parse_mfa_kind(serial_number: str) -> MfaKind:
    """Parse the kind: the serial number of a virtual device or a security key is an ARN, a hardware token's isn't."""
    if ":u2f/" in serial_number:
        return MfaKind.SECURITY_KEY
    return MfaKind.VIRTUAL if serial_number.startswith("arn:") else MfaKind.HARDWARE


def in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _known(word: str | None) -> str | None:
    return None if word in (None, "N/A") else word


_UNLOCK_SERVICES: Mapping[TaskPolicy, tuple[str, type[AwsBucketPolicies | AwsQueuePolicies]]] = {
    TaskPolicy.UNLOCK_BUCKET: ("s3", AwsBucketPolicies),
    TaskPolicy.UNLOCK_QUEUE: ("sqs", AwsQueuePolicies),
}

DURATION_SECONDS = 900
"""AssumeRoot's maximum and default. Source: STS AssumeRoot, API version 2011-06-15."""


class AwsRootSessions(GatewayPart):
    """Implements ``RootSessions``."""

    def open(self, account_id: AccountId, task_policy: TaskPolicy, intent: Intent) -> AwsRootSession:
        """Call sts:AssumeRoot at the Regional endpoint. Retries are harmless: an unused session acts on nothing."""
        require_intent_covers(intent, account_id, task_policy)
        require_still_valid(intent, self._clients.clock)
        answer = self._clients.sts.read_on_intent(
            "AssumeRoot",
            intent,
            self._clients.clock,
            target=account_id,
            **assume_root_parameters(account_id, task_policy, self._clients.partition),
        )
        return session_answered(self._clients, account_id, task_policy, answer)


def assume_root_parameters(account_id: AccountId, task_policy: TaskPolicy, partition: str) -> dict[str, Any]:
    """Return the parameters of AssumeRoot."""
    return {
        "TargetPrincipal": account_id,
        "TaskPolicyArn": {"arn": task_policy.arn(partition)},
        "DurationSeconds": DURATION_SECONDS,
    }


def session_answered(
    clients: AwsClients, account_id: AccountId, task_policy: TaskPolicy, answer: AwsResponse
) -> AwsRootSession:
    """Make the session of AssumeRoot's answer.

    :raises AwsUnreachableError: if the answer lacks a part of it.
    """
    found = required(answer, "Credentials", "sts:AssumeRoot")
    parts = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return AwsRootSession(
        clients,
        account_id,
        task_policy,
        RootSessionCredentials(*(required(found, part, "sts:AssumeRoot") for part in parts)),
        in_utc(required(found, "Expiration", "sts:AssumeRoot")),
        str(answer.get("ResponseMetadata", {}).get("RequestId", "")),
    )


def require_intent_covers(intent: Intent, account_id: AccountId, task_policy: TaskPolicy) -> None:
    """Check that the intent is for this root session. A batch's audit intent covers audit sessions on its accounts.

    :raises ValueError: if the receipt is for something else, which is a bug.
    """
    if intent.action is not Action.ACCOUNTS_AUDIT:
        require_intent_fits(intent, Action.ROOT_SESSION_OPEN, account_id)
        return
    accounts = intent.parameters.get("account_ids")
    if task_policy is not TaskPolicy.AUDIT:
        raise ValueError("an audit opens audit sessions only")
    if isinstance(accounts, list | tuple) and account_id not in accounts:
        raise ValueError(f"the audit's intent doesn't name {account_id}")


class AwsRootSession:
    """Implements ``RootSession``."""

    def __init__(
        self,
        clients: AwsClients,
        account_id: AccountId,
        task_policy: TaskPolicy,
        credentials: RootSessionCredentials,
        expires_at: datetime,
        request_id: str,
    ) -> None:
        self._clients = clients
        self.account_id = account_id
        self.task_policy = task_policy
        self.access_key_id = credentials.access_key_id
        self.expires_at = expires_at
        self.request_id = request_id
        self._credentials = credentials
        self._is_identified = False

    def __repr__(self) -> str:
        return f"<root session {self.access_key_id} on {self.account_id}, {self.task_policy}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a root session can't be pickled or copied")

    def freeze_credentials(self) -> ReadOnlyCredentials:
        """Return the credentials for a signature within the gateway, and for nothing else."""
        return self._credentials.freeze()

    def require_identity(self) -> None:
        with root_session_entered(self._credentials):
            answer = self._clients.root_sts.read("GetCallerIdentity", target=self.account_id)
        wanted = f"arn:{self._clients.partition}:iam::{self.account_id}:root"
        if answer.get("Arn") != wanted:
            raise IdentityMismatchError(
                f"The root session for {self.account_id} is {answer.get('Arn')}, not {wanted}. Nothing was changed.",
                operation="sts:GetCallerIdentity",
            )
        self._is_identified = True

    @cached_property
    def resource_policies(self) -> AwsBucketPolicies | AwsQueuePolicies:
        if self.task_policy not in _UNLOCK_SERVICES:
            raise ValueError(f"{self.task_policy} reaches neither buckets nor queues")
        service, policies = _UNLOCK_SERVICES[self.task_policy]
        calls = SessionCalls(
            self._clients, service, self.account_id, self._credentials, is_identified=lambda: self._is_identified
        )
        return policies(calls)

    def read_summary(self) -> RootCredentialsSummary:
        return parse_summary(self._read("GetAccountSummary"))

    def read_credentials(self) -> RootCredentials:
        observed_at = self._clients.clock.now()
        login_profile = self.find_login_profile()
        if login_profile is not None:
            user = required(self._read("GetUser"), "User", "iam:GetUser")
            login_profile = parse_login_profile(login_profile.created_at, user.get("PasswordLastUsed"))
        access_keys = []
        for key in self._list("ListAccessKeys", "AccessKeyMetadata"):
            answer = self._read("GetAccessKeyLastUsed", AccessKeyId=required(key, "AccessKeyId", "iam:ListAccessKeys"))
            last_used = required(answer, "AccessKeyLastUsed", "iam:GetAccessKeyLastUsed")
            access_keys.append(parse_access_key(key, last_used))
        return RootCredentials(
            account_id=self.account_id,
            login_profile=login_profile,
            access_keys=tuple(access_keys),
            signing_certificates=self.list_signing_certificates(),
            mfa_devices=self.list_mfa_devices(),
            observed_at=observed_at,
        )

    def find_login_profile(self) -> LoginProfile | None:
        try:
            answer = self._read("GetLoginProfile")
        except AwsNotFoundError:
            return None
        found = required(answer, "LoginProfile", "iam:GetLoginProfile")
        return parse_login_profile(required(found, "CreateDate", "iam:GetLoginProfile"))

    def list_access_keys(self) -> tuple[AccessKey, ...]:
        return tuple(parse_access_key(key) for key in self._list("ListAccessKeys", "AccessKeyMetadata"))

    def list_signing_certificates(self) -> tuple[SigningCertificate, ...]:
        return tuple(
            parse_signing_certificate(found) for found in self._list("ListSigningCertificates", "Certificates")
        )

    def list_mfa_devices(self) -> tuple[MfaDevice, ...]:
        return tuple(parse_mfa_device(device) for device in self._list("ListMFADevices", "MFADevices"))

    def create_login_profile(self, intent: Intent) -> LoginProfile:
        answer = self._change("CreateLoginProfile", Action.LOGIN_PROFILE_CREATE, intent)
        created_at = answer.get("LoginProfile", {}).get("CreateDate")
        if created_at is None:
            raise AwsUnclearError(
                f"The answer to iam:CreateLoginProfile for {self.account_id} has no login profile. It may have acted.",
                operation="iam:CreateLoginProfile",
            )
        return parse_login_profile(created_at)

    def delete_login_profile(self, intent: Intent) -> None:
        self._change("DeleteLoginProfile", Action.LOGIN_PROFILE_DELETE, intent)

    def delete_access_key(self, access_key_id: str, intent: Intent) -> None:
        self._change("DeleteAccessKey", Action.ACCESS_KEY_DELETE, intent, AccessKeyId=access_key_id)

    def delete_signing_certificate(self, signing_certificate_id: str, intent: Intent) -> None:
        self._change(
            "DeleteSigningCertificate",
            Action.SIGNING_CERTIFICATE_DELETE,
            intent,
            CertificateId=signing_certificate_id,
        )

    def deactivate_mfa_device(self, mfa_serial_number: str, intent: Intent) -> None:
        self._change("DeactivateMFADevice", Action.MFA_DEVICE_DEACTIVATE, intent, SerialNumber=mfa_serial_number)

    def _read(self, operation: str, **parameters: object) -> AwsResponse:
        with root_session_entered(self._credentials):
            return self._clients.root_iam.read(operation, target=self.account_id, **parameters)

    def _list(self, operation: str, member: str) -> list[Any]:
        with root_session_entered(self._credentials):
            return list(self._clients.root_iam.list_all(operation, member, target=self.account_id))

    def _change(self, operation: str, action: Action, intent: Intent, **parameters: object) -> AwsResponse:
        require_intent_fits(intent, action, self.account_id)
        if not self._is_identified:
            raise ValueError(f"{operation} before the identity of the root session was checked")
        with root_session_entered(self._credentials):
            return self._clients.root_iam_changing.change(
                operation, intent, self._clients.clock, target=self.account_id, **parameters
            )
