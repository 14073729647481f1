"""A server's power over AWS: four roles, each for its work alone, assumed in the name of the person who acts.

Without roles the starting credentials do all the work. Nothing here is kept anywhere but in memory: who can write the
database gains no power over AWS by it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cached_property

from rootkeeper.aws.assumed_roles import RoleAssumer, RoleCredentials, make_session_name, require_role_arn
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.credentials_expiry import Lifetime, classify_lifetime
from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.aws.options import GatewayOptions
from rootkeeper.domain.aws_roles import AwsWork, CredentialsCheck, CredentialsFailure
from rootkeeper.domain.identity_names import SERVER_NAME
from rootkeeper.errors import RootkeeperError, SettingsError
from rootkeeper.ports.clock import Clock

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
