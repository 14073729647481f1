"""Sessions of the roles that a server assumes, in the name of the person who acts.

AssumeRole into our own roles opens no root session and changes nothing, so it has no ledger entry: CloudTrail
records it with its source identity, and each privileged call made with it has an intent of its own.

Source: STS AssumeRoot and AssumeRole, API version 2011-06-15; IAM User Guide, "Monitor and control actions taken with
assumed roles".
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NoReturn

from botocore.credentials import ReadOnlyCredentials

from rootkeeper.aws.clients import ServiceCalls
from rootkeeper.aws.errors import required
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsError,
    AwsRejectedError,
    Hint,
    InputError,
    SettingsError,
)

LIFETIME_SECONDS = 3600
"""The most that a role assumed by another role's session may last. Source: STS AssumeRole, role chaining."""
RENEWED_BEFORE_END_SECONDS = 1800
"""A session that expires sooner is renewed by the next call, while it is still valid."""
UNUSED_BEFORE_END_SECONDS = 60
"""A session that expires sooner isn't used."""
PAUSE_SECONDS = 30
"""Between attempts to renew a session that is still valid."""
_PARTS = ("AccessKeyId", "SecretAccessKey", "SessionToken")
_LONGEST_NAME = 64
_SHORTEST_NAME = 2
_FOREIGN = re.compile(r"[^\w+=,.@-]", re.ASCII)
"""Characters that a source identity and a session name can't contain. Source: STS AssumeRole."""
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)


def make_session_name(person: str) -> str:
    """Make AWS's session name of a person's name. A name that must be changed ends with a hash of the whole name, so
    that no two persons share a session name.
    """
    name = _FOREIGN.sub("-", person)
    if name == person and _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
        return name
    ending = f"-{sha256(person.encode()).hexdigest()[:12]}"
    return name[: _LONGEST_NAME - len(ending)] + ending


def require_role_arn(arn: str, setting: str) -> None:
    """:raises SettingsError: if it isn't the ARN of an IAM role."""
    if not _ROLE_ARN.fullmatch(arn):
        raise SettingsError(
            f"The setting {setting} is {arn!r}, which isn't the ARN of a role.",
            hint=Hint("Write it as arn:aws:iam::111122223333:role/rootkeeper-audit.", "policies.roles"),
        )


@dataclass(frozen=True, slots=True)
class RoleAssumer:
    """Assumes a role in the name of a person."""

    role_arn: str
    session_name: str
    sts: ServiceCalls
    """Signed with the starting credentials."""
    external_id: str | None = None

    def assume(self) -> ReadOnlyCredentials:
        """Call sts:AssumeRole once, at the Regional endpoint.

        :raises AwsCredentialsError: if AWS refuses, or the starting credentials are invalid.
        :raises AwsUnreachableError: if no answer came.
        """
        external = {} if self.external_id is None else {"ExternalId": self.external_id}
        try:
            answer = self.sts.read(
                "AssumeRole",
                RoleArn=self.role_arn,
                RoleSessionName=self.session_name,
                SourceIdentity=self.session_name,
                DurationSeconds=LIFETIME_SECONDS,
                **external,
            )
        except (AwsAccessDeniedError, AwsCredentialsError, AwsRejectedError, InputError) as error:
            raise AwsCredentialsError(
                f"The role {self.role_arn} can't be assumed in the name of {self.session_name}: {error.message}",
                hint=error.hint or "Allow the server sts:AssumeRole and sts:SetSourceIdentity in its trust policy.",
                operation="sts:AssumeRole",
                aws_code=error.aws_code if isinstance(error, AwsError) else "",
            ) from error
        found = required(answer, "Credentials", "sts:AssumeRole")
        key, secret, token = (required(found, part, "sts:AssumeRole") for part in _PARTS)
        return ReadOnlyCredentials(key, secret, token, None)


@dataclass(frozen=True, slots=True)
class _RoleSession:
    """The session that an AssumeRole opened."""

    credentials: ReadOnlyCredentials = field(repr=False)
    ends: float
    """By the monotonic clock, which doesn't jump."""


class RoleCredentials:
    """Implements ``OperatorCredentials``: renewed well before they expire, and kept in this process's memory only."""

    def __init__(self, role: RoleAssumer, clock: Clock) -> None:
        self._assuming = role
        self._clock = clock
        self._session: _RoleSession | None = None
        self._tried_at = float("-inf")
        self._renewing = threading.Lock()

    def __repr__(self) -> str:
        return f"<credentials of {self._assuming.role_arn} for {self._assuming.session_name}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials of a role can't be pickled or copied")

    def freeze(self) -> ReadOnlyCredentials:
        """Return valid credentials. A call waits for new credentials only if there are none; while they are valid, a
        failed renewal isn't an error.

        :raises AwsCredentialsError: if there are none and AWS refuses.
        :raises AwsUnreachableError: if there are none and AWS doesn't answer.
        """
        session = self._session
        if session is None or self._remaining(session) <= UNUSED_BEFORE_END_SECONDS:
            with self._renewing:
                session = self._session
                if session is None or self._remaining(session) <= UNUSED_BEFORE_END_SECONDS:
                    session = self._take_session()
                return session.credentials
        if self._remaining(session) <= RENEWED_BEFORE_END_SECONDS:
            self._renew_quietly()
        return session.credentials

    def renew(self) -> None:
        """Assume the role now, even if the session is valid for long. If that fails, the session stays.

        :raises AwsCredentialsError: if AWS refuses.
        :raises AwsUnreachableError: if AWS doesn't answer.
        """
        with self._renewing:
            self._take_session()

    def give_up(self) -> None:
        self._session = None

    def _renew_quietly(self) -> None:
        if self._clock.monotonic() - self._tried_at < PAUSE_SECONDS or not self._renewing.acquire(blocking=False):
            return
        try:
            self._take_session()
        except (AwsError, InputError):
            return  # the check every five minutes reports it; the session is still valid
        finally:
            self._renewing.release()

    def _take_session(self) -> _RoleSession:
        self._tried_at = asked_at = self._clock.monotonic()
        session = _RoleSession(self._assuming.assume(), asked_at + LIFETIME_SECONDS)
        self._session = session
        return session

    def _remaining(self, session: _RoleSession) -> float:
        return session.ends - self._clock.monotonic()
