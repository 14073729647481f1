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
    """The trunk: never raised itself."""

    code: ClassVar[str] = "rootkeeper.error"
    exit_status: ClassVar[int] = 70

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(RootkeeperError):
    """What was asked for can't be understood or isn't allowed; nothing was done."""

    code = "input.invalid"
    exit_status = 2


class TargetRefusedError(InputError):
    """An account was named that may not be touched."""

    code = "target.refused"


class SelectionEmptyError(InputError):
    """No account was selected, or the selection matches none."""

    code = "selection.empty"


class PlanInvalidError(InputError):
    """A plan file is unreadable, altered, expired, not yet valid or of another organization."""

    code = "plan.invalid"


class JobConflictError(InputError):
    """A job runs already, is over, or was taken over by another process."""

    code = "job.conflict"


class JobLostError(JobConflictError):
    """A job was taken over, by another process or anew by this one; the run before writes nothing more about it."""

    code = "job.lost"


class WindowConflictError(InputError):
    """A recovery window stands in the way, or isn't in the state that the step needs."""

    code = "window.conflict"


class PolicyDocumentError(InputError):
    """A policy document is too long, isn't JSON, or isn't a policy; the message names it."""

    code = "policy.invalid"


class SettingsError(InputError):
    """A setting is unknown or out of range."""

    code = "settings.invalid"


class ApprovalRefusedError(InputError):
    """An approval that doesn't count: by the requester, twice, late, or for something else."""

    code = "approval.refused"


class NotFoundError(InputError):
    """What was named isn't there."""

    code = "input.not_found"


class NotSignedInError(RootkeeperError):
    """A server doesn't know who asks: no token, or one that isn't valid any more."""

    code = "access.not_signed_in"
    exit_status = 3


class SignInUnfinishedError(NotSignedInError):
    """A sign-in whose second factor is still to be given or set up."""

    code = "access.sign_in_unfinished"


class IdentityProviderError(RootkeeperError):
    """The organization's identity provider can't be asked, or what it tells of itself can't be used."""

    code = "access.provider_failed"
    exit_status = 3


class TooManyAttemptsError(RootkeeperError):
    """A server was given too many wrong passwords or second factors, or asked for too many sign-ins, and waits."""

    code = "access.too_many_attempts"
    exit_status = 3

    def __init__(self, message: str, *, hint: str | None = None, wait_seconds: int | None = None) -> None:
        """:param wait_seconds: after so many it is tried again at the latest."""
        super().__init__(message, hint=hint)
        self.wait_seconds = wait_seconds


class PermissionDeniedError(RootkeeperError):
    """A server knows who asks, and doesn't permit it."""

    code = "access.denied"
    exit_status = 3


class FactorNeededError(PermissionDeniedError):
    """Something weighty, or a sign-in by password, needs a second factor that was given just now."""

    code = "access.factor_needed"


class FactorRefusedError(InputError):
    """A second factor that isn't right, was used before, or doesn't answer what was asked."""

    code = "access.factor_refused"


class ForgedRequestError(PermissionDeniedError):
    """A changing request in a browser's sign-in that some other page may have made: its token is missing or wrong."""

    code = "access.csrf"


class ServerUnreachableError(RootkeeperError):
    """A Rootkeeper server can't be reached, or doesn't answer as one."""

    code = "server.unreachable"
    exit_status = 3


class ServerRunningError(RootkeeperError):
    """A server runs on the same database, so that this process may not act on it."""

    code = "server.running"
    exit_status = 3


class ClockWrongError(RootkeeperError):
    """This machine's clock and AWS's differ by more than a window's end may be off."""

    code = "clock.wrong"
    exit_status = 3


class NotificationError(RootkeeperError):
    """A notification's target is wrong, points inside, or doesn't take it."""

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
        """Such as ``sts:AssumeRoot``; empty where no call was made."""
        self.aws_code = aws_code
        """AWS's own error code, such as ``AccessDenied``; empty where AWS gave none."""
        self.request_id = request_id
        self.needs: str | None = None
        """Who could have made the call, such as ``the management account``; ``None`` where that isn't the cause."""

    @property
    def reason(self) -> str:
        """Why something couldn't be read: who could, where that is the cause, and what AWS said."""
        return f"needs {self.needs}: {self.message}" if self.needs else self.message


class DenialCause(StrEnum):
    """What AWS names as the cause of a denial. Source: IAM User Guide, access denied error messages."""

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
        """What AWS names as the cause; ``None`` where it names none, or a feature is off."""
        self.policy_id = policy_id
        """Such as ``p-examplescp``, of the one policy that AWS names, where it names one."""


class AwsCredentialsError(AwsError):
    """There are no usable credentials: none, unknown, or expired."""

    code = "aws.credentials"


class AwsThrottledError(AwsError):
    """AWS limited the rate, and retries didn't help; safe to call again later."""

    code = "aws.throttled"


class AwsUnreachableError(AwsError):
    """No answer from the endpoint; for a reading call, nothing happened."""

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
    """AWS doesn't take the one-time password of a change of a root e-mail address; nothing was changed."""

    code = "email.one_time_password"
    exit_status = 4


class OrganizationIncompleteError(AwsError):
    """The list of accounts is empty, cut off or contradicts itself; nothing may be concluded from it."""

    code = "organization.incomplete"


class IdentityMismatchError(AwsError):
    """A root session isn't the target account's root user; nothing was changed with it."""

    code = "root_session.identity_mismatch"


class LedgerUnavailableError(RootkeeperError):
    """The ledger can't be written, so no privileged call is made."""

    code = "ledger.unavailable"
    exit_status = 3


class LedgerOutdatedError(RootkeeperError):
    """The database is older than its mirror or anchor: it was restored or cut, and that must be recorded first."""

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
    """Another operator, worker or window holds the account."""

    code = "account.busy"
    exit_status = 4


class LockLostError(RootkeeperError):
    """This process lost its lock on an account (its lease ran out); it must not act on it any more."""

    code = "account.lock_lost"
    exit_status = 4


class PolicyChangedError(RootkeeperError):
    """A bucket or queue policy isn't the one that was shown any more; nothing was done."""

    code = "policy.changed"
    exit_status = 4


class RunStoppedError(RootkeeperError):
    """A run was told to stop now: no further call may leave for an account that is in progress."""

    code = "run.stopped"
    exit_status = 4


class UnprovenChangeError(RootkeeperError):
    """A change was sent, but the re-read doesn't show it."""

    code = "change.unproven"
    exit_status = 4
