"""A Rootkeeper server as commands see it.

Following a job on a server until it is over, across restarts of the server and breaks of the connection.

A Rootkeeper server as commands see it: who one is there, and what it has kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rootkeeper.access.rules import PERMISSIONS, IdentityKind, Permission, ServerRole
from rootkeeper.errors import PermissionDeniedError, ServerUnreachableError
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState
from rootkeeper.organization.accounts import AccountId, Endpoint
from rootkeeper.organization.progress import Progress, StopSignal
from rootkeeper.remote.connections import PAGE, Connection, segment

FIRST_LOOK_SECONDS = 0.1


LONGEST_LOOK_SECONDS = 1.0


UNREACHABLE_SECONDS = 120.0
"""For so long a server that doesn't answer is waited for: the job doesn't need whoever follows it."""


INTERRUPTED_SECONDS = 90.0
"""A job that is interrupted for longer isn't taken up again by itself."""


_LABELS = {
    JobKind.AUDIT: "Reading accounts",
    JobKind.DELETION: "Deleting credentials",
    JobKind.PLAN: "Reading accounts",
    JobKind.PREFLIGHT: "Reading policies",
}


@dataclass(slots=True)
class JobFollower:
    """One job, as somebody watches it."""

    read: Callable[[str], Job]
    """Asks the server for the job of that id."""
    progress: Progress
    stop: StopSignal
    monotonic: Callable[[], float]
    _shown: JobProgress | None = None
    _unreachable_since: float | None = None
    _interrupted_since: float | None = field(default=None)

    def follow(self, job: Job) -> Job:
        """The job as it stands at its end, or when somebody asks to stop, or when nobody takes it up any more.

        Ending to follow a job doesn't end it.

        :raises ServerUnreachableError: if the server hasn't answered for two minutes.
        :raises NotSignedInError: if the token isn't valid any more.
        """
        pause = FIRST_LOOK_SECONDS
        while not (job.is_over or self._is_left(job)):
            self._show(job)
            if self.stop.wait(pause):
                break
            pause = min(pause * 1.5, LONGEST_LOOK_SECONDS)
            job = self._look(job)
        if job.is_over:
            self._show(job)
        self.progress.finish()
        return job

    def _look(self, job: Job) -> Job:
        try:
            found = self.read(job.job_id)
        except ServerUnreachableError as error:
            now = self.monotonic()
            if self._unreachable_since is None:
                self._unreachable_since = now
                self.progress.remark(f"{error.message} Waiting for it; the job doesn't need this command.")
            if now - self._unreachable_since > UNREACHABLE_SECONDS:
                raise ServerUnreachableError(
                    error.message, hint=f"Once it answers: rootkeeper jobs show {job.job_id}"
                ) from error
            return job
        if self._unreachable_since is not None:
            self._unreachable_since = None
            self.progress.remark("The server answers again.")
        return found

    def _is_left(self, job: Job) -> bool:
        if job.state is not JobState.INTERRUPTED:
            self._interrupted_since = None
            return False
        now = self.monotonic()
        if self._interrupted_since is None:
            self._interrupted_since = now
        return now - self._interrupted_since > INTERRUPTED_SECONDS

    def _show(self, job: Job) -> None:
        found, shown = job.progress, self._shown
        if shown is None and found == JobProgress():
            return  # not begun, or nothing that is counted
        if shown is None or found.done < shown.done:  # begun, or begun anew
            self.progress.start(_LABELS.get(job.kind, "Working"), found.total)
            shown = JobProgress(found.total)
        if found.total is not None and found.total != shown.total:
            self.progress.set_total(found.total)
        present, unknown = max(0, found.present - shown.present), max(0, found.unknown - shown.unknown)
        for number in range(found.done - shown.done):
            self.progress.advance(present=int(number < present), unknown=int(number < unknown))
        self._shown = found


@dataclass(frozen=True, slots=True)
class Membership:
    """Who somebody is on a server, and of what organization the server is."""

    name: str
    kind: IdentityKind
    role: ServerRole
    permissions: frozenset[str]
    organization_id: str
    endpoint: Endpoint
    version: str
    """Of the server's program."""
    record: Mapping[str, Any] = field(repr=False, default_factory=dict)
    """As the server told it."""

    def require_permission(self, permission: Permission) -> None:
        """Check what the server would refuse anyhow, before a person is asked to confirm it.

        :raises PermissionDeniedError: if it isn't among what the server said.
        """
        if permission.value not in self.permissions:
            able = [role.value for role, granted in PERMISSIONS.items() if permission in granted]
            raise PermissionDeniedError(
                f"{self.name} has the role {self.role.value}, and may not do that there: {permission.value}.",
                hint=f"Ask somebody with the role {' or '.join(able)}.",
            )


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """What a server gives for a password."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """One server, spoken to as one person."""

    connection: Connection

    @property
    def url(self) -> str:
        return self.connection.url

    def read_membership(self) -> Membership:
        """Who the token stands for.

        :raises NotSignedInError: if it isn't valid.
        """
        return self.connection.parse_answer(_parse_membership, self.connection.get("me"))

    def read_organization(self) -> Any:
        """The organization and its units, as the server listed them last; a record."""
        return self.connection.parse_answer(lambda page: page["organizations"][0], self.connection.get("organizations"))

    def list_accounts(self) -> Iterator[Any]:
        """Every account with its last status; records."""
        return self.connection.list_pages("accounts", "accounts", {"limit": PAGE})

    def list_audited(self, audit_id: str) -> Iterator[Any]:
        """What one audit found in each account; records."""
        return self.connection.list_pages(f"audits/{segment(audit_id)}", "accounts", {"limit": PAGE})

    def list_entries(self, *, since: int, account_id: AccountId | None) -> Iterator[Any]:
        """Entries of the ledger after that one, the oldest first; records."""
        query = {"after": since, "account_id": account_id, "limit": PAGE}
        return self.connection.list_pages("ledger", "entries", query)

    def read_history(self, account: str) -> Any:
        """An account's time line, the oldest first; a record.

        :raises InputError: if nothing is known of it.
        """
        return self.connection.get(f"history/{segment(account)}")

    def list_audits(self) -> Iterator[Any]:
        """Audits that are kept, the newest first; records."""
        return self.connection.list_pages("audits", "audits", {"limit": PAGE})

    def compare_audits(self, older: str | None, newer: str | None) -> Any:
        """What changed between two audits, each named by its id or a moment; a record.

        :raises InputError: if there are none.
        """
        return self.connection.get("audits/diff", {"older": older, "newer": newer})

    def sign_in(self, name: str, password: str, totp: str | None = None) -> IssuedToken:
        """A token for a name and a password.

        :param totp: a code of an authenticator app.
        :raises NotSignedInError: if the server doesn't take them, or a second factor is to be set up first.
        :raises FactorNeededError: if a code is needed too.
        :raises FactorRefusedError: if the code isn't right.
        """
        proof = {"name": name, "password": password} | ({} if totp is None else {"totp": totp})
        answer = self.connection.post("auth/sign-in", proof)
        return self.connection.parse_answer(_parse_sign_in, answer)

    def sign_out(self) -> None:
        """Let the token of a sign-in end."""
        self.connection.post("auth/sign-out")


def open_server(url: str, token: str | None) -> RemoteServer:
    """Nothing is sent yet. :param url: as ``parse_server_url`` gives it."""
    return RemoteServer(Connection(url, token))


def _parse_sign_in(record: Mapping[str, Any]) -> IssuedToken:
    return IssuedToken(record["token"], datetime.fromisoformat(record["expires_at"]))


def _parse_membership(record: Mapping[str, Any]) -> Membership:
    return Membership(
        name=record["name"],
        kind=IdentityKind(record["kind"]),
        role=ServerRole(record["role"]),
        permissions=frozenset(record["permissions"]),
        organization_id=record["organization_id"],
        endpoint=Endpoint(record["endpoint"]),
        version=record["version"],
        record=record,
    )
