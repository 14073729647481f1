"""Every deliberate error of the product, in one tree.

An error has a stable ``code`` (``area.reason``), the exit status of a command that ends with it, and a hint about what
to do next. Adapters translate foreign errors into these at their edge. This file imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Self


class Hint(str):
    """What to do next, worded for any interface.

    A command line words it with its own commands and options instead (``cli/hints.py``), by ``code`` and ``facts``. As
    a text it is neutral, so that the API, a report or a stored result can show it as it is.
    """

    __slots__ = ("code", "facts")

    code: str
    facts: Mapping[str, str]
    """Identifiers that a wording may name."""

    def __new__(cls, text: str, code: str, **facts: str) -> Self:
        hint = super().__new__(cls, text)
        hint.code = code
        hint.facts = facts
        return hint


class RootkeeperError(Exception):
    """The base class; never raised itself."""

    code: ClassVar[str] = "rootkeeper.error"
    exit_status: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(RootkeeperError):
    """The input can't be parsed or isn't allowed. Nothing was changed."""

    code = "input.invalid"
    exit_status = 2


class TargetRefusedError(InputError):
    """A named account may not be touched."""

    code = "target.refused"


class SelectionEmptyError(InputError):
    """No account was selected, or the selection matches none."""

    code = "selection.empty"


class PlanInvalidError(InputError):
    """A plan file is unreadable, altered, expired, not yet valid or of another organization."""

    code = "plan.invalid"


class JobConflictError(InputError):
    """A job runs already, has ended, or was taken over by another process."""

    code = "job.conflict"


class JobLostError(JobConflictError):
    """A job was taken over, by another process or again by this one. The earlier run writes nothing more about it."""

    code = "job.lost"


class WindowConflictError(InputError):
    """A recovery window prevents the step, or isn't in the state that the step needs."""

    code = "window.conflict"


class PolicyDocumentError(InputError):
    """A policy document is too long, isn't JSON, or isn't a policy; the message names it."""

    code = "policy.invalid"


class SettingsError(InputError):
    """A setting is unknown or out of range."""

    code = "settings.invalid"


class ApprovalRefusedError(InputError):
    """An approval doesn't count: it is by the requester, a second one, late, or for something else."""

    code = "approval.refused"


class NotFoundError(InputError):
    """A named item doesn't exist."""

    code = "input.not_found"


class NotSignedInError(RootkeeperError):
    """A request isn't authenticated: it has no token, or one that is no longer valid."""

    code = "access.not_signed_in"
    exit_status = 3


class SignInUnfinishedError(NotSignedInError):
    """A sign-in still needs its second factor."""

    code = "access.sign_in_unfinished"


class IdentityProviderError(RootkeeperError):
    """The organization's identity provider doesn't answer, or its metadata can't be used."""

    code = "access.provider_failed"
    exit_status = 3


class TooManyAttemptsError(RootkeeperError):
    """There were too many wrong passwords or second factors, or too many sign-ins, so the server waits."""

    code = "access.too_many_attempts"
    exit_status = 3

    def __init__(self, message: str, *, hint: str | None = None, wait_seconds: int | None = None) -> None:
        """:param wait_seconds: the longest time until another try is possible."""
        super().__init__(message, hint=hint)
        self.wait_seconds = wait_seconds


class PermissionDeniedError(RootkeeperError):
    """A server has authenticated the user, who lacks the permission."""

    code = "access.denied"
    exit_status = 3


class FactorNeededError(PermissionDeniedError):
    """A sensitive action, or a sign-in by password, needs a fresh second factor."""

    code = "access.factor_needed"


class FactorRefusedError(InputError):
    """A second factor is wrong, was used before, or doesn't match the challenge."""

    code = "access.factor_refused"


class ForgedRequestError(PermissionDeniedError):
    """A changing request of a browser lacks its CSRF token or has a wrong one: another page may have made it."""

    code = "access.csrf"


class ServerUnreachableError(RootkeeperError):
    """A Rootkeeper server can't be reached, or the answer isn't a Rootkeeper server's."""

    code = "server.unreachable"
    exit_status = 3


class ServerRunningError(RootkeeperError):
    """A server runs on the same database, so this process may not change it."""

    code = "server.running"
    exit_status = 3


class ClockWrongError(RootkeeperError):
    """This machine's clock and AWS's differ by more than is allowed for a window's end."""

    code = "clock.wrong"
    exit_status = 3


class NotificationError(RootkeeperError):
    """A notification's target is wrong, is an internal address, or refuses the notification."""

    code = "notification.failed"
    exit_status = 4


class AwsError(RootkeeperError):
    """AWS answered with an error, or couldn't be reached."""

    code = "aws.error"
    exit_status = 3

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        operation: str = "",
        aws_code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.operation = operation
        """Such as ``sts:AssumeRoot``; empty if no call was made."""
        self.aws_code = aws_code
        """AWS's own error code, such as ``AccessDenied``; empty if there is none."""
        self.request_id = request_id
        self.needs: str | None = None
        """Who could make the call, such as ``the management account``; ``None`` if that isn't the cause."""

    @property
    def reason(self) -> str:
        """Why something couldn't be read: who could read it, if that is the cause, and AWS's message."""
        return f"needs {self.needs}: {self.message}" if self.needs else self.message


class DenialCause(StrEnum):
    """The causes of a denial that AWS names. Source: IAM User Guide, access denied error messages."""

    IDENTITY_POLICY = "identity_policy"
    PERMISSIONS_BOUNDARY = "permissions_boundary"
    RESOURCE_CONTROL_POLICY = "resource_control_policy"
    RESOURCE_POLICY = "resource_policy"
    SERVICE_CONTROL_POLICY = "service_control_policy"
    SESSION_POLICY = "session_policy"
    VPC_ENDPOINT_POLICY = "vpc_endpoint_policy"


class AwsAccessDeniedError(AwsError):
    """AWS refused: a missing permission, a policy that denies, or a feature that is off."""

    code = "aws.access_denied"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        operation: str = "",
        aws_code: str = "",
        request_id: str = "",
        denied_by: DenialCause | None = None,
        policy_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, operation=operation, aws_code=aws_code, request_id=request_id)
        self.denied_by = denied_by
        """The cause that AWS names; ``None`` if it names none, or a feature is off."""
        self.policy_id = policy_id
        """The policy that AWS names, such as ``p-examplescp``, if any."""


class AwsCredentialsError(AwsError):
    """There are no usable credentials: none, unknown, or expired."""

    code = "aws.credentials"


class AwsThrottledError(AwsError):
    """AWS limited the rate, and retries didn't help; safe to call again later."""

    code = "aws.throttled"


class AwsUnreachableError(AwsError):
    """The endpoint didn't answer; a reading call had no effect."""

    code = "aws.unreachable"


class AwsUnclearError(AwsError):
    """A changing call got no clear answer: it may have acted. Only a re-read decides; never send it again."""

    code = "aws.unclear"


class AwsNotFoundError(AwsError):
    """The entity doesn't exist (NoSuchEntity, AccountNotFoundException and their like)."""

    code = "aws.not_found"


class AwsAlreadyExistsError(AwsError):
    """The entity exists already (EntityAlreadyExists, AccountAlreadyRegisteredException and their like)."""

    code = "aws.already_exists"


class AwsRejectedError(AwsError):
    """AWS understood the call and refused it for another reason; ``aws_code`` says which."""

    code = "aws.rejected"


class OneTimePasswordError(AwsError):
    """AWS refused the one-time password of a root e-mail change. Nothing was changed."""

    code = "email.one_time_password"
    exit_status = 4


class OrganizationIncompleteError(AwsError):
    """The list of accounts is empty, incomplete or inconsistent, and may not be used."""

    code = "organization.incomplete"


class IdentityMismatchError(AwsError):
    """A root session isn't the target account's root user. Nothing was changed with it."""

    code = "root_session.identity_mismatch"


class LedgerUnavailableError(RootkeeperError):
    """The ledger can't be written, so no privileged call is made."""

    code = "ledger.unavailable"
    exit_status = 3


class LedgerOutdatedError(RootkeeperError):
    """The database is older than its mirror or anchor: it was restored or truncated, which must be recorded first."""

    code = "ledger.outdated"
    exit_status = 3


class PolicyNotSavedError(RootkeeperError):
    """A bucket or queue policy can't be saved, so it isn't changed."""

    code = "policy.not_saved"
    exit_status = 3


class DatabaseError(RootkeeperError):
    """The database can't be opened, read or written, or its schema is newer than this program."""

    code = "database.unavailable"
    exit_status = 3


class AccountBusyError(RootkeeperError):
    """Another operator, worker or window has locked the account."""

    code = "account.busy"
    exit_status = 4


class LockLostError(RootkeeperError):
    """This process lost its lock on an account because its lease expired. It must not act on the account."""

    code = "account.lock_lost"
    exit_status = 4


class PolicyChangedError(RootkeeperError):
    """A bucket or queue policy has changed since it was shown. Nothing was changed."""

    code = "policy.changed"
    exit_status = 4


class RunStoppedError(RootkeeperError):
    """A run must stop now: it sends no further call for an account in progress."""

    code = "run.stopped"
    exit_status = 4


class UnprovenChangeError(RootkeeperError):
    """A change was sent, but the re-read doesn't show it."""

    code = "change.unproven"
    exit_status = 4
