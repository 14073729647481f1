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

    def __init_subclass__(cls, *, code: str, exit_status: int | None = None) -> None:
        """:param exit_status: without one, that of the base class."""
        cls.code = code
        cls.exit_status = cls.exit_status if exit_status is None else exit_status

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(RootkeeperError, code="input.invalid", exit_status=2):
    """The input can't be parsed or isn't allowed. Nothing was changed."""


class TargetRefusedError(InputError, code="target.refused"):
    """A named account may not be touched."""


class SelectionEmptyError(InputError, code="selection.empty"):
    """No account was selected, or the selection matches none."""


class PlanInvalidError(InputError, code="plan.invalid"):
    """A plan is unreadable, altered, expired, not yet valid, of another organization, or not made by this server."""


class JobConflictError(InputError, code="job.conflict"):
    """A job runs already, has ended, or was taken over by another process."""


class JobLostError(JobConflictError, code="job.lost"):
    """A job was taken over, by another process or again by this one. The earlier run writes nothing more about it."""


class WindowConflictError(InputError, code="window.conflict"):
    """A recovery window prevents the step, or isn't in the state that the step needs."""


class PolicyDocumentError(InputError, code="policy.invalid"):
    """A policy document is too long, isn't JSON, or isn't a policy; the message names it."""


class SettingsError(InputError, code="settings.invalid"):
    """A setting is unknown or out of range."""


class ApprovalRefusedError(InputError, code="approval.refused"):
    """An approval doesn't count: it is by the requester, a second one, late, or for something else."""


class ExtraMissingError(InputError, code="installation.extra_missing"):
    """A command needs a part of Rootkeeper that isn't installed."""


class NotFoundError(InputError, code="input.not_found"):
    """A named item doesn't exist."""


class NotSignedInError(RootkeeperError, code="access.not_signed_in", exit_status=3):
    """A request isn't authenticated: it has no token, or one that is no longer valid."""


class SignInUnfinishedError(NotSignedInError, code="access.sign_in_unfinished"):
    """A sign-in still needs its second factor."""


class IdentityProviderError(RootkeeperError, code="access.provider_failed", exit_status=3):
    """The organization's identity provider doesn't answer, or its metadata can't be used."""


class TooManyAttemptsError(RootkeeperError, code="access.too_many_attempts", exit_status=3):
    """There were too many wrong passwords or second factors, or too many sign-ins, so the server waits."""

    def __init__(self, message: str, *, hint: str | None = None, wait_seconds: int | None = None) -> None:
        """:param wait_seconds: the longest time until another try is possible."""
        super().__init__(message, hint=hint)
        self.wait_seconds = wait_seconds


class PermissionDeniedError(RootkeeperError, code="access.denied", exit_status=3):
    """A server has authenticated the user, who lacks the permission."""


class FactorNeededError(PermissionDeniedError, code="access.factor_needed"):
    """A sensitive action, or a sign-in by password, needs a fresh second factor."""


class FactorRefusedError(InputError, code="access.factor_refused"):
    """A second factor is wrong, was used before, or doesn't match the challenge."""


class ForgedRequestError(PermissionDeniedError, code="access.csrf"):
    """A changing request of a browser lacks its CSRF token or has a wrong one: another page may have made it."""


class ServerUnreachableError(RootkeeperError, code="server.unreachable", exit_status=3):
    """A Rootkeeper server can't be reached, or the answer isn't a Rootkeeper server's."""


class ServerRunningError(RootkeeperError, code="server.running", exit_status=3):
    """A server runs on the same database, so this process may not change it."""


class ClockWrongError(RootkeeperError, code="clock.wrong", exit_status=3):
    """This machine's clock and AWS's differ by more than is allowed for a window's end."""


class NotificationError(RootkeeperError, code="notification.failed", exit_status=4):
    """A notification's target is wrong, is an internal address, or refuses the notification."""


class AwsError(RootkeeperError, code="aws.error", exit_status=3):
    """AWS answered with an error, or couldn't be reached."""

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


class AwsAccessDeniedError(AwsError, code="aws.access_denied"):
    """AWS refused: a missing permission, a policy that denies, or a feature that is off."""

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


class RootAccessOffError(AwsAccessDeniedError, code="aws.root_access_off"):
    """Trusted access or a feature of root access management is off, so AWS denies every root session."""


class AwsCredentialsError(AwsError, code="aws.credentials"):
    """There are no usable credentials: none, unknown, or expired."""


class AwsThrottledError(AwsError, code="aws.throttled"):
    """AWS limited the rate, and retries didn't help; safe to call again later."""


class AwsUnreachableError(AwsError, code="aws.unreachable"):
    """The endpoint didn't answer; a reading call had no effect."""


class AwsUnclearError(AwsError, code="aws.unclear"):
    """A changing call got no clear answer: it may have acted. Only a re-read decides; never send it again."""


class AwsNotFoundError(AwsError, code="aws.not_found"):
    """The entity doesn't exist (NoSuchEntity, AccountNotFoundException and their like)."""


class AwsAlreadyExistsError(AwsError, code="aws.already_exists"):
    """The entity exists already (EntityAlreadyExists, AccountAlreadyRegisteredException and their like)."""


class AwsRejectedError(AwsError, code="aws.rejected"):
    """AWS understood the call and refused it for another reason; ``aws_code`` says which."""


class OneTimePasswordError(AwsError, code="email.one_time_password", exit_status=4):
    """AWS refused the one-time password of a root e-mail change. Nothing was changed."""


class OrganizationIncompleteError(AwsError, code="organization.incomplete"):
    """The list of accounts is empty, incomplete or inconsistent, and may not be used."""


class IdentityMismatchError(AwsError, code="root_session.identity_mismatch"):
    """A root session isn't the target account's root user. Nothing was changed with it."""


class LedgerUnavailableError(RootkeeperError, code="ledger.unavailable", exit_status=3):
    """The ledger can't be written, so no privileged call is made."""


class LedgerOutdatedError(RootkeeperError, code="ledger.outdated", exit_status=3):
    """The database is older than its mirror or anchor: it was restored or truncated, which must be recorded first."""


class PolicyNotSavedError(RootkeeperError, code="policy.not_saved", exit_status=3):
    """A bucket or queue policy can't be saved, so it isn't changed."""


class DatabaseError(RootkeeperError, code="database.unavailable", exit_status=3):
    """The database can't be opened, read or written, or its schema is newer than this program."""


class AccountBusyError(RootkeeperError, code="account.busy", exit_status=4):
    """Another operator, worker or window has locked the account."""


class LockLostError(RootkeeperError, code="account.lock_lost", exit_status=4):
    """This process lost its lock on an account because its lease expired. It must not act on the account."""


class PolicyChangedError(RootkeeperError, code="policy.changed", exit_status=4):
    """A bucket or queue policy has changed since it was shown. Nothing was changed."""


class RunStoppedError(RootkeeperError, code="run.stopped", exit_status=4):
    """A run must stop now: it sends no further call for an account in progress."""


class UnprovenChangeError(RootkeeperError, code="change.unproven", exit_status=4):
    """A change was sent, but the re-read doesn't show it."""
