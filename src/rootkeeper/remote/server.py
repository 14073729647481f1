"""A Rootkeeper server for commands: the identity there, sign-in, and following a job to its end."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from rootkeeper.access.rules import PERMISSIONS, IdentityKind, Permission, ServerRole
from rootkeeper.errors import Hint, NotSignedInError, PermissionDeniedError, ServerUnreachableError
from rootkeeper.jobs.rules import Job, JobKind, JobProgress, JobState
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.organization.progress import Progress, StopSignal
from rootkeeper.remote.connections import Connection, open_stored_tokens, parse_server_url, parse_token
from rootkeeper.settings.reading import TOKEN_VARIABLE
from rootkeeper.shapes import parse_facts

FIRST_LOOK_SECONDS = 0.1
LONGEST_LOOK_SECONDS = 1.0

UNREACHABLE_SECONDS = 120.0
"""How long to wait for a server that doesn't answer; the job continues without this command."""

INTERRUPTED_SECONDS = 90.0
"""After this time, an interrupted job isn't resumed by itself."""

_LABELS = {
    JobKind.AUDIT: "Reading accounts",
    JobKind.DELETION: "Deleting credentials",
    JobKind.PLAN: "Reading accounts",
    JobKind.PREFLIGHT: "Reading policies",
}


@dataclass(slots=True)
class JobFollower:
    """Follows a job across restarts of the server and breaks of the connection."""

    read: Callable[[str], Job]
    """Reads the job of that id from the server."""
    progress: Progress
    stop: StopSignal
    monotonic: Callable[[], float]
    _shown: JobProgress | None = None
    _unreachable_since: float | None = None
    _interrupted_since: float | None = None

    def follow(self, job: Job) -> Job:
        """Return the job at its end, when a stop is requested, or when no process resumes it any more.

        The job continues when this ends.

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
                self.progress.remark(f"{error.message} Waiting for the server; the job continues without this command.")
            if now - self._unreachable_since > UNREACHABLE_SECONDS:
                raise ServerUnreachableError(
                    error.message, hint=f"When it answers again: rootkeeper jobs show {job.job_id}"
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
            return  # not begun, or nothing to count
        if shown is None or found.done < shown.done:  # begun, or begun again
            self.progress.start(_LABELS.get(job.kind, "Working"), found.total)
            shown = JobProgress(found.total)
        if found.listed != shown.listed:
            self.progress.set_listed(found.listed)
        if found.total is not None and found.total != shown.total:
            self.progress.set_total(found.total)
        names = ("present", "unknown", "unread")
        more = {name: max(0, getattr(found, name) - getattr(shown, name)) for name in names}
        for number in range(found.done - shown.done):
            self.progress.advance(**{name: int(number < count) for name, count in more.items()})
        self._shown = found


@dataclass(frozen=True, slots=True)
class Membership:
    """The signed-in identity on a server, and the server's organization."""

    name: str
    kind: IdentityKind
    role: ServerRole
    permissions: frozenset[str]
    organization_id: str
    endpoint: Endpoint
    version: str
    """The server's version."""
    record: Mapping[str, Any] = field(repr=False, default_factory=dict)
    """As the server returned it."""

    def require_permission(self, permission: Permission) -> None:
        """Check a permission on the server, before a person is asked to confirm the change.

        :raises PermissionDeniedError: if the server didn't list the permission.
        """
        if permission.value not in self.permissions:
            able = [role.value for role, granted in PERMISSIONS.items() if permission in granted]
            raise PermissionDeniedError(
                f"{self.name} has the role {self.role.value} on the server, without the permission {permission.value}.",
                hint=f"Ask a user with the role {' or '.join(able)}.",
            )


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """The token that a server issues for a password."""

    token: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """A server, used by an identity; without a token, only signing in is possible."""

    connection: Connection

    def read_membership(self) -> Membership:
        """Read the identity of the token.

        :raises NotSignedInError: if it isn't valid.
        """
        return self.connection.read(
            lambda me: parse_facts(Membership, {**me, "endpoint": Endpoint(me["endpoint"]), "record": me}), "me"
        )

    def sign_in(self, name: str, password: str, totp: str | None = None) -> IssuedToken:
        """Get a token for a name and a password.

        :param totp: a code of an authenticator app.
        :raises NotSignedInError: if the server refuses them, or a second factor must be set up first.
        :raises FactorNeededError: if a code is needed too.
        :raises FactorRefusedError: if the code isn't right.
        """
        proof = {"name": name, "password": password} | ({} if totp is None else {"totp": totp})
        return self.connection.change(partial(parse_facts, IssuedToken), "auth/sign-in", proof)

    def sign_out(self) -> None:
        """End the token of a sign-in."""
        self.connection.post("auth/sign-out")


def open_remote_server(address: str, organization: str | None = None) -> RemoteServer:
    """Open it with the token of the environment or of the last sign-in; nothing is sent yet.

    :param organization: the name of the organization, on a server that has several.

    :raises InputError: if the address isn't valid, or its token isn't valid or can't be read.
    :raises NotSignedInError: if there is no token.
    """
    url = parse_server_url(address)
    given = os.environ.get(TOKEN_VARIABLE, "").strip()
    if given:
        return RemoteServer(Connection(url, parse_token(given, TOKEN_VARIABLE), organization))
    stored = open_stored_tokens().find(url)
    if stored is None:
        raise NotSignedInError(
            f"There is no token for the server {url}.",
            hint=Hint(f"Sign in to it, or set {TOKEN_VARIABLE}.", "server.login", url=url, variable=TOKEN_VARIABLE),
        )
    return RemoteServer(Connection(url, stored.token, organization))
