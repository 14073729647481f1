"""The four roles that a server assumes.

The four roles that a server assumes.

What a server uses AWS for: one role each, so that no piece of work has the power of another.

What identities of a server may be called, and what a password must be.

A name goes into the ledger, into approvals and, as SourceIdentity, into CloudTrail: so it holds only what STS takes
there, and two names that differ in their case alone are one.

Sessions of the roles that a server assumes, in the name of the person for whom it acts.

AssumeRole into a role of one's own opens no root session and changes nothing, so it has no entry in the ledger:
CloudTrail records it with its source identity, and whatever is then done with it (AssumeRoot, every changing call) has
an intent of its own.
Source: STS AssumeRoot and AssumeRole, API version 2011-06-15; IAM User Guide, "Monitor and control actions taken with
assumed roles".

A server's power over AWS: four roles, each for its work alone, assumed in the name of the person who acts.

Without roles the starting credentials do all the work. Nothing here is kept anywhere but in memory: who can write the
database gains no power over AWS by it.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import NoReturn

from botocore.credentials import ReadOnlyCredentials

from rootkeeper.aws.clients import AwsClients, GatewayOptions, ServiceCalls
from rootkeeper.aws.endpoints import Lifetime, classify_lifetime
from rootkeeper.aws.errors import required
from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.aws.rules import SERVER_NAME, AwsWork
from rootkeeper.clock import Clock
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsError,
    AwsRejectedError,
    InputError,
    RootkeeperError,
    SettingsError,
)


@dataclass(frozen=True, slots=True)
class CredentialsFailure:
    """One source of credentials that gave none."""

    work: AwsWork | None
    """The work whose role can't be assumed; ``None`` for the starting credentials."""
    reason: str


@dataclass(frozen=True, slots=True)
class CredentialsCheck:
    """What renewing all of a server's credentials came to."""

    failures: tuple[CredentialsFailure, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not self.failures


LIFETIME_SECONDS = 3600
"""The most that a role assumed by another role's session may last. Source: STS AssumeRole, role chaining."""


RENEWED_BEFORE_END_SECONDS = 1800
"""From then on a session is renewed by whoever needs it next, while it still holds."""


UNUSED_BEFORE_END_SECONDS = 60
"""From then on a session isn't used any more."""


PAUSE_SECONDS = 30
"""Between attempts to renew a session that still holds."""


_PARTS = ("AccessKeyId", "SecretAccessKey", "SessionToken")


_LONGEST_NAME = 64


_SHORTEST_NAME = 2


_FOREIGN = re.compile(r"[^\w+=,.@-]", re.ASCII)
"""What neither a source identity nor the name of a session may have. Source: STS AssumeRole."""


_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)


def make_session_name(person: str) -> str:
    """The person's name as AWS takes it; where something had to be changed it ends with a hash of the whole name, so
    that no two persons share one.
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
            f"{setting} is {arn!r}, not the ARN of a role.",
            hint="Write it as arn:aws:iam::111122223333:role/rootkeeper-audit; `rootkeeper policies roles` has them.",
        )


@dataclass(frozen=True, slots=True)
class RoleAssumer:
    """One role, in the name of one person."""

    role_arn: str
    session_name: str
    sts: ServiceCalls
    """On the starting credentials."""

    def assume(self) -> ReadOnlyCredentials:
        """One call: sts:AssumeRole, Regional endpoint.

        :raises AwsCredentialsError: if AWS refuses, or the starting credentials don't hold.
        :raises AwsUnreachableError: if no answer came.
        """
        try:
            answer = self.sts.read(
                "AssumeRole",
                RoleArn=self.role_arn,
                RoleSessionName=self.session_name,
                SourceIdentity=self.session_name,
                DurationSeconds=LIFETIME_SECONDS,
            )
        except (AwsAccessDeniedError, AwsCredentialsError, AwsRejectedError, InputError) as error:
            raise self._refused(error) from error
        found = required(answer, "Credentials", "sts:AssumeRole")
        key, secret, token = (required(found, part, "sts:AssumeRole") for part in _PARTS)
        return ReadOnlyCredentials(key, secret, token, None)

    def _refused(self, error: AwsError | InputError) -> AwsCredentialsError:
        return AwsCredentialsError(
            f"The role {self.role_arn} can't be assumed in the name of {self.session_name}: {error.message}",
            hint=error.hint or "Its trust policy must let the server's own credentials in, sts:SetSourceIdentity too.",
            operation="sts:AssumeRole",
            aws_code=error.aws_code if isinstance(error, AwsError) else "",
        )


@dataclass(frozen=True, slots=True)
class _RoleSession:
    """What one AssumeRole gave."""

    credentials: ReadOnlyCredentials = field(repr=False)
    ends: float
    """By the monotonic clock, which no jump of the wall clock changes."""


class RoleCredentials:
    """Implements ``OperatorCredentials``: renewed well before their end; they stay in this process's memory."""

    def __init__(self, role: RoleAssumer, clock: Clock) -> None:
        self._assuming = role
        self._assume: Callable[[], ReadOnlyCredentials] = role.assume
        self._clock = clock
        self._session: _RoleSession | None = None
        self._tried_at = float("-inf")
        self._renewing = threading.Lock()

    def __repr__(self) -> str:
        return f"<credentials of {self._assuming.role_arn} for {self._assuming.session_name}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials of a role can't be pickled or copied")

    def freeze(self) -> ReadOnlyCredentials:
        """Those that hold now. Only who finds none waits for new ones; a failure to renew is quiet while they hold.

        :raises AwsCredentialsError: if there are none and AWS gives none.
        :raises AwsUnreachableError: if there are none and AWS doesn't answer.
        """
        session = self._session
        if session is None or self._remaining(session) <= UNUSED_BEFORE_END_SECONDS:
            return self._wait_for_session()
        if self._remaining(session) <= RENEWED_BEFORE_END_SECONDS:
            self._renew_quietly()
        return session.credentials

    def renew(self) -> None:
        """Assume the role now, however long the session still holds; if that fails, the session stays.

        :raises AwsCredentialsError: if AWS gives no new one.
        :raises AwsUnreachableError: if AWS doesn't answer.
        """
        with self._renewing:
            self._take_session()

    def give_up(self) -> None:
        """See ``OperatorCredentials``."""
        self._session = None

    def _wait_for_session(self) -> ReadOnlyCredentials:
        with self._renewing:
            session = self._session
            if session is None or self._remaining(session) <= UNUSED_BEFORE_END_SECONDS:
                session = self._take_session()
            return session.credentials

    def _renew_quietly(self) -> None:
        if self._clock.monotonic() - self._tried_at < PAUSE_SECONDS or not self._renewing.acquire(blocking=False):
            return
        try:
            self._take_session()
        except (AwsError, InputError):
            return  # the five-minute check tells it; what is held goes on
        finally:
            self._renewing.release()

    def _take_session(self) -> _RoleSession:
        self._tried_at = asked_at = self._clock.monotonic()
        session = _RoleSession(self._assume(), asked_at + LIFETIME_SECONDS)
        self._session = session
        return session

    def _remaining(self, session: _RoleSession) -> float:
        return session.ends - self._clock.monotonic()


MOST_GATEWAYS = 256
"""Of the persons and works that were asked for last; another one is made anew, at the cost of one AssumeRole."""


_NO_ROLES = (
    "No roles are configured: this server uses its starting credentials for all its work, so that CloudTrail can't "
    "name the person. Set aws.roles.audit, .delete, .recover and .unlock; `rootkeeper policies roles` prints them."
)


_LIFETIME_WARNINGS: Mapping[Lifetime, str] = {
    Lifetime.STATIC: (
        "The server's AWS credentials are a static access key, which never ends by itself. Use credentials that renew "
        "themselves, such as a role of the machine."
    ),
    Lifetime.ENDING: (
        "The server's AWS credentials end and aren't renewed: no recovery window that outlives them can be closed. Use "
        "credentials that renew themselves, such as a role of the machine."
    ),
}


class GatewayPool:
    """Gateways by work and person; safe in many threads."""

    def __init__(self, options: GatewayOptions, roles: Mapping[AwsWork, str], clock: Clock) -> None:
        """No call is made.

        :param roles: ARNs by their work; empty ones count as left out.
        :raises SettingsError: if some roles are named and others aren't, or one isn't the ARN of a role.
        :raises InputError: if profile, Region, endpoint or another AWS setting can't be used.
        """
        self._options = options
        self._clock = clock
        self._roles = _require_roles(roles)
        self._starting_clients = AwsClients(options, clock)
        self.starting = AwsGateway(self._starting_clients)
        """The gateway on the starting credentials."""
        self._gateways: OrderedDict[tuple[AwsWork, str], AwsGateway] = OrderedDict()
        self._credentials: dict[tuple[AwsWork, str], RoleCredentials] = {}
        self._guard = threading.Lock()

    def list_warnings(self) -> tuple[str, ...]:
        """What is weaker than it need be, for whoever starts the server.

        :raises AwsCredentialsError: if there are no credentials.
        """
        lifetime = _LIFETIME_WARNINGS.get(classify_lifetime(self._starting_clients.session))
        return (
            *(() if self._roles else (_NO_ROLES,)),
            *((lifetime,) if lifetime else ()),
        )

    def gateway(self, work: AwsWork, person: str = SERVER_NAME) -> AwsGateway:
        """The gateway for one person's work; the same one each time. No call is made: the first call assumes the role.

        Its sessions bear the person's name as their own and as source identity. Without roles it is the gateway on the
        starting credentials.
        """
        if not self._roles:
            return self.starting
        name = make_session_name(person)
        with self._guard:
            gateway = self._gateways.get((work, name)) or self._open(work, name)
            self._gateways[work, name] = gateway
            self._gateways.move_to_end((work, name))
            self._forget_oldest()
            return gateway

    def renew(self) -> CredentialsCheck:
        """Try the starting credentials, and assume each role anew in the server's name; what holds already stays.

        One call of sts:GetCallerIdentity, and one of sts:AssumeRole for each role.
        """
        tries: dict[AwsWork | None, Callable[[], object]] = {None: self.starting.read_caller}
        tries |= {work: self._server_credentials(work).renew for work in self._roles}
        failures = [_try(work, renew) for work, renew in tries.items()]
        return CredentialsCheck(tuple(failure for failure in failures if failure is not None))

    def _server_credentials(self, work: AwsWork) -> RoleCredentials:
        self.gateway(work, SERVER_NAME)
        with self._guard:
            return self._credentials[work, SERVER_NAME]

    def _open(self, work: AwsWork, name: str) -> AwsGateway:
        credentials = RoleCredentials(RoleAssumer(self._roles[work], name, self._starting_clients.sts), self._clock)
        self._credentials[work, name] = credentials
        return AwsGateway(self._shared_clients.acting_as(credentials))

    def _forget_oldest(self) -> None:
        while len(self._gateways) > MOST_GATEWAYS:
            key = next(key for key in self._gateways if key[1] != SERVER_NAME)
            del self._gateways[key], self._credentials[key]

    @cached_property
    def _shared_clients(self) -> AwsClients:
        return AwsClients(self._options, self._clock, starting=self._starting_clients)


def _require_roles(roles: Mapping[AwsWork, str]) -> dict[AwsWork, str]:
    """:raises SettingsError: if they aren't all there or all left out, or one isn't an ARN."""
    given = {work: arn.strip() for work, arn in roles.items() if arn.strip()}
    missing = [f"aws.roles.{work.value}" for work in AwsWork if work not in given]
    if given and missing:
        raise SettingsError(
            f"Some roles of the server are set, but not {', '.join(missing)}.",
            hint="Set all four, or none to use the starting credentials for all work.",
        )
    for work, arn in given.items():
        require_role_arn(arn, f"aws.roles.{work.value}")
    return given


def _try(work: AwsWork | None, renew: Callable[[], object]) -> CredentialsFailure | None:
    try:
        renew()
    except RootkeeperError as error:
        return CredentialsFailure(work, error.message)
    return None
