"""Every deliberate error of the product, in one tree.

An error has a stable ``code`` (``area.reason``), the exit status of a command that ends with it, and a hint about what
to do next. Adapters translate foreign errors into these at their edge. This file imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Self


class Hint(str):
    """The next step, worded for any interface.

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


def make_setting_hint(text: str, setting: str) -> Hint:
    """Make a hint at a setting, in plain words. A command line also names the setting, as operators write it."""
    return Hint(text, "setting.change", message=text, setting=setting)


class RootkeeperError(Exception):
    """The base class; never raised itself."""

    code: ClassVar[str] = "rootkeeper.error"
    exit_status: ClassVar[int] = 70

    def __init_subclass__(cls, *, code: str, exit_status: int | None = None) -> None:
        """:param exit_status: ``None``: the base class's status."""
        cls.code = code
        cls.exit_status = cls.exit_status if exit_status is None else exit_status

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(RootkeeperError, code="input.invalid", exit_status=2):
    """The input can't be parsed or isn't allowed. Nothing was changed.

    Fix: Correct the value that the message names. The command's ``--help`` lists the allowed values.
    """


class TargetRefusedError(InputError, code="target.refused"):
    """A named account may not be touched.

    Fix: Leave the account out of the selection. If the hint names an option that includes it, add that on purpose.
    """


class SelectionEmptyError(InputError, code="selection.empty"):
    """No account was selected, or the selection matches none.

    Fix: Name accounts by id or name, or use ``--ou``, ``--tag``, ``--status`` or ``--all``. ``rootkeeper audit``
    lists them.
    """


class PlanInvalidError(InputError, code="plan.invalid"):
    """A plan is unreadable, altered, expired, not yet valid, of another organization, or not made by this server.

    Fix: Make a new plan with ``rootkeeper plan``, with the same credentials and endpoint as for ``apply``.
    """


class JobConflictError(InputError, code="job.conflict"):
    """A job runs already, has ended, or was taken over by another process.

    Fix: Look at the job with ``rootkeeper jobs show``. Then resume or cancel it, or wait for its end.
    """


class JobLostError(JobConflictError, code="job.lost"):
    """A job was taken over, by another process or again by this one. The earlier run writes nothing more about it.

    Fix: Nothing: the other run finishes the job. Follow it with ``rootkeeper jobs show``.
    """


class WindowConflictError(InputError, code="window.conflict"):
    """A recovery window prevents the step, or isn't in the state that the step needs.

    Fix: Look at the window with ``rootkeeper windows show``, and close or cancel it first if the message asks for
    it.
    """


class PolicyDocumentError(InputError, code="policy.invalid"):
    """A policy document is too long, isn't JSON, or isn't a policy; the message names it.

    Fix: Correct the document that the message names. AWS's policy validation shows the place.
    """


class SettingsError(InputError, code="settings.invalid"):
    """A setting is unknown or out of range.

    Fix: Correct the setting in the file or variable that the message names. The settings page has the ranges.
    """


class ApprovalRefusedError(InputError, code="approval.refused"):
    """An approval doesn't count: it is by the requester, repeated, late, or for something else.

    Fix: Ask another person to approve, or request the window again with the right account and duration.
    """


class ExtraMissingError(InputError, code="installation.extra_missing"):
    """A command needs a part of Rootkeeper that isn't installed.

    Fix: Install Rootkeeper with the extra that the message names, such as ``pipx install 'rootkeeper[server]'``.
    """


class OrganizationMismatchError(RootkeeperError, code="organization.mismatch", exit_status=3):
    """The AWS credentials belong to another organization than the settings name. Nothing was changed with them.

    Fix: Name the credentials of this organization: ``aws.profile`` in its table of the settings file, or ``--profile``.
    """


class NotFoundError(InputError, code="input.not_found"):
    """A named item doesn't exist.

    Fix: Check the spelling. The hint names the command that lists the existing items.
    """


class StrangerError(NotFoundError, code="organization.not_found"):
    """A server has no organization of that name in which the caller has a role.

    Fix: ``GET /api/v1/overview/organizations`` lists yours. An administrator of the organization can give you a role.
    """


class NotSignedInError(RootkeeperError, code="access.not_signed_in", exit_status=3):
    """A request isn't authenticated: it has no token, or its token is no longer valid.

    Fix: Sign in again with ``rootkeeper login``, or set ``ROOTKEEPER_TOKEN`` to a valid API token.
    """


class SignInUnfinishedError(NotSignedInError, code="access.sign_in_unfinished"):
    """A sign-in still needs its second factor.

    Fix: Finish the sign-in in the console: set up a second factor, or give its code.
    """


class IdentityProviderError(RootkeeperError, code="access.provider_failed", exit_status=3):
    """The organization's identity provider doesn't answer, or its metadata can't be used.

    Fix: Check the network and ``oidc.issuer``. Meanwhile a local administrator can sign in with a password.
    """


class TooManyAttemptsError(RootkeeperError, code="access.too_many_attempts", exit_status=3):
    """There were too many wrong passwords or second factors, or too many sign-ins, so the server waits.

    Fix: Wait as long as the answer says, then try again. A lost second factor: ``rootkeeper users reset-factors``.
    """

    def __init__(self, message: str, *, hint: str | None = None, wait_seconds: int | None = None) -> None:
        """:param wait_seconds: the longest time until another try is possible."""
        super().__init__(message, hint=hint)
        self.wait_seconds = wait_seconds


class PermissionDeniedError(RootkeeperError, code="access.denied", exit_status=3):
    """A server has authenticated the user, who lacks the permission.

    Fix: Ask a user whose role has the permission, or an administrator for another role or token.
    """


class FactorNeededError(PermissionDeniedError, code="access.factor_needed"):
    """A sensitive action, or a sign-in by password, needs a fresh second factor.

    Fix: Give the second factor again. At the command line: ``rootkeeper login``.
    """


class FactorRefusedError(InputError, code="access.factor_refused"):
    """A second factor is wrong, was used before, or doesn't match the challenge.

    Fix: Wait for the next code and type that. Check that the device's clock is right.
    """


class ForgedRequestError(PermissionDeniedError, code="access.csrf"):
    """A changing request of a browser lacks its CSRF token or has a wrong token: another page may have made it.

    Fix: Load the console's page again, and repeat the action there.
    """


class ServerUnreachableError(RootkeeperError, code="server.unreachable", exit_status=3):
    """A Rootkeeper server can't be reached, or the answer isn't a Rootkeeper server's.

    Fix: Check the address in ``--server`` or ``ROOTKEEPER_SERVER``, the certificate, and that ``/healthz`` answers.
    """


class ServerBusyError(RootkeeperError, code="server.busy", exit_status=3):
    """A server answers as many requests as it can at a time, in all or of this person.

    Fix: Wait as long as the answer says, then try again, with fewer requests at a time.
    """

    def __init__(self, message: str, *, hint: str | None = None, wait_seconds: int | None = None) -> None:
        """:param wait_seconds: after which another try makes sense."""
        super().__init__(message, hint=hint)
        self.wait_seconds = wait_seconds


class ServerRunningError(RootkeeperError, code="server.running", exit_status=3):
    """A server runs on the same database, so this process may not change it.

    Fix: Send the command to that server with ``--server``, or stop the server first.
    """


class ClockWrongError(RootkeeperError, code="clock.wrong", exit_status=3):
    """This machine's clock and AWS's differ by more than five minutes. Open windows close on time, but none opens.

    Fix: Set the clock of this machine, best by NTP, and run the command again.
    """


class NotificationError(RootkeeperError, code="notification.failed", exit_status=4):
    """A notification's target is wrong, is an internal address, or refuses the notification.

    Fix: Correct the target's URL, or allow its host in ``notifications.allowed_hosts``. Then run ``rootkeeper
    notifications test``.
    """


class AwsError(RootkeeperError, code="aws.error", exit_status=3):
    """AWS answered with an error, or couldn't be reached.

    Fix: Follow AWS's message. If the fault is AWS's, run the command again later.
    """

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
    """AWS refused: a missing permission, a policy that denies, or a feature that is off.

    Fix: Give the caller the permission (``rootkeeper policies roles --command``), or exempt root sessions in the
    policy that ``rootkeeper preflight`` names.
    """

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
    """Trusted access or a feature of root access management is off, so AWS denies every root session.

    Fix: Turn it on with ``rootkeeper enable``. ``rootkeeper status`` shows the parts that are off.
    """


class RootSessionsDeniedError(AwsAccessDeniedError, code="aws.root_sessions_denied"):
    """AWS denies the caller every root session: its account can't open any, or AWS denied those in the first accounts.

    No further account was tried, and earlier readings stay as they are.

    Fix: Use a role in the management account or in a delegated administrator for IAM, with ``sts:AssumeRoot`` for the
    task policy (``rootkeeper policies roles --command audit``). If AWS rightly denies it in many accounts, raise
    ``aws.stop_after_denied``.
    """


class AwsCredentialsError(AwsError, code="aws.credentials"):
    """There are no usable credentials: none, unknown, or expired.

    Fix: Sign in again, or choose credentials with ``--profile`` or the ``AWS_*`` variables.
    """


class AwsThrottledError(AwsError, code="aws.throttled"):
    """AWS limited the rate, and retries didn't help; safe to call again later.

    Fix: Run the command again later, or lower ``aws.api_share`` so that other tools and Rootkeeper fit into AWS's
    rates.
    """


class AwsUnreachableError(AwsError, code="aws.unreachable"):
    """The endpoint didn't answer; a reading call had no effect.

    Fix: Check network, proxy, Region and ``AWS_ENDPOINT_URL``, then run the command again.
    """


class AwsUnclearError(AwsError, code="aws.unclear"):
    """A changing call got no clear answer: it may have acted. Only a re-read decides; never send it again.

    Fix: Read the state again, such as with ``rootkeeper audit``. The next command that changes something settles
    the entry in the ledger.
    """


class AwsNotFoundError(AwsError, code="aws.not_found"):
    """The entity doesn't exist (NoSuchEntity, AccountNotFoundException and their like).

    Fix: Check the id. If the organization was changed just now, list it again with ``rootkeeper audit --refresh``.
    """


class AwsAlreadyExistsError(AwsError, code="aws.already_exists"):
    """The entity exists already (EntityAlreadyExists, AccountAlreadyRegisteredException and their like).

    Fix: Nothing has to be made. Check with ``rootkeeper status`` that it is as you want.
    """


class AwsRejectedError(AwsError, code="aws.rejected"):
    """AWS understood the call and refused it for another reason; ``aws_code`` says which.

    Fix: Correct the fault that AWS's message and its code name.
    """


class OneTimePasswordError(AwsError, code="email.one_time_password", exit_status=4):
    """AWS refused the one-time password of a root e-mail change. Nothing was changed.

    Fix: Type the newest one-time password. ``--restart`` sends a new password.
    """


class OrganizationIncompleteError(AwsError, code="organization.incomplete"):
    """The list of accounts is empty, incomplete or inconsistent, and may not be used.

    Fix: Use credentials that can list the whole organization, then run the command again.
    """


class IdentityMismatchError(AwsError, code="root_session.identity_mismatch"):
    """A root session isn't the target account's root user. Nothing was changed with it.

    Fix: Check ``AWS_ENDPOINT_URL`` and every proxy on the way to STS. Don't continue before you know the cause.
    """


class LedgerUnavailableError(RootkeeperError, code="ledger.unavailable", exit_status=3):
    """The ledger can't be written, so no privileged call is made.

    Fix: Check the database, its disk and its permissions. ``rootkeeper ledger verify`` shows the state.
    """


class LedgerOutdatedError(RootkeeperError, code="ledger.outdated", exit_status=3):
    """The database is older than its mirror or anchor: it was restored or truncated, which must be recorded first.

    Fix: Look at it with ``rootkeeper ledger verify``. If the restore was on purpose, record it with ``rootkeeper
    ledger adopt``.
    """


class PolicyNotSavedError(RootkeeperError, code="policy.not_saved", exit_status=3):
    """A bucket or queue policy can't be saved, so it isn't changed.

    Fix: Free space, or correct ``unlock.saved_policies``; the folder must be writable for you alone.
    """


class DatabaseError(RootkeeperError, code="database.unavailable", exit_status=3):
    """The database can't be opened, read or written.

    Fix: Check ``database.url``, the disk and the permissions.
    """


class DatabaseOutdatedError(DatabaseError, code="database.outdated"):
    """The database was written by an older Rootkeeper, and this version can't use its tables.

    Fix: Stop the server and run ``rootkeeper database upgrade``. It makes a backup first.
    """


class DatabaseNewerError(DatabaseError, code="database.newer"):
    """The database was written by a newer Rootkeeper, and this version can't use its tables.

    Fix: Install the newer Rootkeeper again, or restore the backup from before the upgrade.
    """


class AccountBusyError(RootkeeperError, code="account.busy", exit_status=4):
    """Another operator, worker or window has locked the account.

    Fix: Wait until the other run has ended, or close the window. Then run the command again.
    """


class LockLostError(RootkeeperError, code="account.lock_lost", exit_status=4):
    """This process lost its lock on an account because its lease expired. It must not act on the account.

    Fix: Run the command again. It reads the account first and settles the remaining work.
    """


class PolicyChangedError(RootkeeperError, code="policy.changed", exit_status=4):
    """A bucket or queue policy has changed since it was shown. Nothing was changed.

    Fix: Show the policy again, and repeat the change if you still want it.
    """


class RunStoppedError(RootkeeperError, code="run.stopped", exit_status=4):
    """A run must stop now: it sends no further call for an account in progress.

    Fix: Resume the job with ``rootkeeper jobs resume`` after its cause is corrected.
    """


class UnprovenChangeError(RootkeeperError, code="change.unproven", exit_status=4):
    """A change was sent, but the re-read doesn't show it.

    Fix: Read the state again later. AWS can take minutes, and hours for e-mail addresses, to show a change.
    """
