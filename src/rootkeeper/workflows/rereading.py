"""Reading again what one account's root user has, and its policies, to settle what a dead process left behind.

One audit session serves the whole account, and one unlock session its buckets or queues; each is opened only when
something must be read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rootkeeper.domain.openings import OpeningReread
from rootkeeper.domain.organizations import AccountId, AccountState
from rootkeeper.domain.resource_policies.resources import Resource
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.errors import AwsAccessDeniedError, AwsError, AwsNotFoundError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.root_sessions import RootSession, RootSessions
from rootkeeper.workflows.root_access import open_root_session

REREAD_PAUSES_SECONDS = (0, 1, 2)
"""Before each reading of a login profile that isn't shown: a call sent just before its process died may still act."""


@dataclass(frozen=True, slots=True)
class PolicyRead:
    """A policy that was read."""

    policy: str | None
    """``None``: there is none."""


@dataclass(slots=True)
class AccountRereader:
    """Reads one account under its lock. What can't be read is told, not raised."""

    reader: OrganizationReader
    sessions: RootSessions
    ledger: Ledger
    clock: Clock
    account_id: AccountId
    lock: AccountLock
    failure: str | None = None
    """Why the last reading failed."""
    _sessions: dict[TaskPolicy, RootSession] = field(default_factory=dict)
    _denials: dict[TaskPolicy, AwsError] = field(default_factory=dict)
    _targets: dict[CredentialKind, frozenset[str] | None] = field(default_factory=dict)

    def find_login_profile(self) -> OpeningReread:
        """Again after a pause while there is none."""
        reread = OpeningReread(was_read=False)
        for pause in REREAD_PAUSES_SECONDS:
            if pause:
                self.clock.sleep(pause)
            try:
                reread = OpeningReread(was_read=True, login_profile=self._open().find_login_profile())
            except AwsError as error:
                self.failure = error.message
                return reread
            if reread.login_profile is not None:
                break
        return reread

    def find_present(self, kind: CredentialKind, target: str | None) -> bool | None:
        """Whether the credential is there; ``None`` if that can't be read. A password has no ``target``."""
        if kind not in self._targets:
            self._targets[kind] = self._read(kind)
        targets = self._targets[kind]
        if targets is None:
            return None
        return bool(targets) if target is None else target in targets

    def read_policy(self, resource: Resource) -> PolicyRead | None:
        """The policy of a bucket or queue as it is now; ``None`` if it can't be read. One that is gone has none."""
        try:
            return PolicyRead(self._open(resource.kind.task_policy).resource_policies.find_policy(resource))
        except AwsNotFoundError:
            return PolicyRead(None)
        except AwsError as error:
            self.failure = error.message
            return None

    def _read(self, kind: CredentialKind) -> frozenset[str] | None:
        try:
            return frozenset(_READERS[kind](self._open()))
        except AwsError as error:
            self.failure = error.message
            return None

    def _open(self, task_policy: TaskPolicy = TaskPolicy.AUDIT) -> RootSession:
        """A refusal is remembered, so that one account is asked once."""
        if task_policy in self._denials:
            raise self._denials[task_policy]
        if task_policy not in self._sessions:
            try:
                self._require_reachable()
                self._sessions[task_policy] = open_root_session(
                    self.sessions, self.ledger, self.account_id, task_policy, lock=self.lock
                )
            except AwsError as error:
                self._denials[task_policy] = error
                raise
        return self._sessions[task_policy]

    def _require_reachable(self) -> None:
        """AWS itself decides where the account's state can't be read."""
        try:
            state = self.reader.find_account_state(self.account_id)
        except AwsError:
            return
        if state is None:
            raise AwsAccessDeniedError(f"{self.account_id} isn't in the organization any more.")
        if state is not AccountState.ACTIVE:
            raise AwsAccessDeniedError(f"{self.account_id} is {state}: its root user can't be reached.")


def _list_login_profiles(session: RootSession) -> list[str]:
    return [""] if session.find_login_profile() else []


_READERS: dict[CredentialKind, Callable[[RootSession], list[str]]] = {
    CredentialKind.ACCESS_KEYS: lambda session: [key.access_key_id for key in session.list_access_keys()],
    CredentialKind.SIGNING_CERTIFICATES: lambda session: [
        certificate.signing_certificate_id for certificate in session.list_signing_certificates()
    ],
    CredentialKind.PASSWORD: _list_login_profiles,
    CredentialKind.MFA_DEVICES: lambda session: [device.mfa_serial_number for device in session.list_mfa_devices()],
}
