"""The gateway to AWS as a single object, and the server's pool of gateways: a gateway for each work and person.

Five roles do a server's work, each for its task alone, assumed in the name of the person who acts. Without roles, the
starting credentials do all the work. Credentials stay in memory: write access to the database gives no access to AWS.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rootkeeper.aws.clients import AwsClients, GatewayOptions, ServiceCalls
from rootkeeper.aws.endpoints import is_opt_in
from rootkeeper.aws.identities import AwsIdentities, AwsIdentityCenter, AwsPermissionSimulation
from rootkeeper.aws.organizations import AwsOrganizationAdministration, AwsOrganizationReader
from rootkeeper.aws.pacing import QuotaStore
from rootkeeper.aws.policies import AwsPolicies
from rootkeeper.aws.primary_emails import AwsPrimaryEmails
from rootkeeper.aws.report_places import AwsReportBuckets, AwsSecurityHub
from rootkeeper.aws.resources import AwsEventRules, AwsResourcePlaces
from rootkeeper.aws.root_sessions import AwsRootSession, AwsRootSessions
from rootkeeper.aws.rules import SERVER_NAME, AwsWork, Lifetime
from rootkeeper.clock import Clock
from rootkeeper.errors import RootkeeperError, SettingsError

if TYPE_CHECKING:
    from rootkeeper.aws.roles import RoleCredentials
    from rootkeeper.aws.root_events import RootEventSource, UnreadableEvents
    from rootkeeper.aws.summaries import SummaryReader
    from rootkeeper.aws.times import LatestClock

__all__ = ["AwsGateway", "AwsRootSession", "GatewayOptions", "open_gateway"]


class AwsGateway(
    AwsOrganizationReader,
    AwsOrganizationAdministration,
    AwsEventRules,
    AwsIdentities,
    AwsIdentityCenter,
    AwsPermissionSimulation,
    AwsPolicies,
    AwsPrimaryEmails,
    AwsReportBuckets,
    AwsResourcePlaces,
    AwsRootSessions,
    AwsSecurityHub,
):
    """All calls to AWS; safe in many threads."""

    @property
    def uses_opt_in_region(self) -> bool:
        """Whether accounts must enable the Region of STS before they can use it."""
        return is_opt_in(self._clients.session, self._clients.region)

    @property
    def latest_clock(self) -> LatestClock:
        """AWS's time, as all gateways of a pool have learned it; this machine's before the first answer."""
        return self._clients.latest_clock

    def reconnected(self) -> AwsGateway:
        """Return the same gateway with connections of its own, made on first use."""
        return AwsGateway(self._clients.reconnected())

    def open_summary_reader(self, concurrency: int) -> AbstractContextManager[SummaryReader]:
        """Implement ``RootSummaries``. Nothing is sent yet.

        :raises AwsCredentialsError: if there are no credentials.
        """
        from rootkeeper.aws.summaries import open_reader  # aiohttp's import, for audits alone

        return open_reader(self._clients, concurrency)

    def share_quotas(self, store: QuotaStore) -> None:
        """Share token buckets with the other processes on the same database."""
        self._clients.pacer.share(store)

    def count_throttles(self) -> dict[str, int]:
        """Count how often AWS has throttled this process, by quota."""
        return self._clients.pacer.count_throttles()

    def open_root_event_queue(self, url: str, region: str | None, unreadable: UnreadableEvents) -> RootEventSource:
        """Open a queue of root events, read with the operator's credentials. Nothing is sent yet.

        :raises InputError: if the Region or the settings of the endpoint can't be used.
        """
        from rootkeeper.aws.root_events import AwsRootEventQueue

        return AwsRootEventQueue(self._clients, url, region, unreadable)

    def open_bucket_calls(self) -> ServiceCalls:
        """Open the operator's calls to buckets; botocore follows to a bucket's own Region. Nothing is sent yet.

        :raises InputError: if the settings of the endpoint can't be used.
        """
        return self._clients.operator_calls_in("s3", self._clients.region)


def open_gateway(options: GatewayOptions, clock: Clock) -> AwsGateway:
    """Create every client once. No call is made.

    :param clock: the ledger's clock, by which intents expire.

    :raises InputError: if profile, Region, endpoint or another AWS setting can't be used.
    """
    return AwsGateway(AwsClients(options, clock))


@dataclass(frozen=True, slots=True)
class CredentialsFailure:
    """A source that gave no credentials."""

    work: AwsWork | None
    """The work of the role that can't be assumed; ``None`` for the starting credentials."""
    reason: str


@dataclass(frozen=True, slots=True)
class CredentialsCheck:
    """The result of a renewal of all of a server's credentials."""

    failures: tuple[CredentialsFailure, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not self.failures


MOST_GATEWAYS = 256
"""The pool keeps the gateways that were used last; another gateway costs an AssumeRole."""

_NO_ROLES = (
    "No roles are configured. The server uses its starting credentials for all its work, so CloudTrail can't show the "
    "person. Set aws.roles.audit, aws.roles.delete, aws.roles.recover, aws.roles.report and aws.roles.unlock."
)

_LIFETIME_WARNINGS: Mapping[Lifetime, str] = {
    Lifetime.STATIC: (
        "The server's AWS credentials are a static access key, which never expires. Use credentials that are renewed "
        "automatically, such as a role of the machine."
    ),
    Lifetime.ENDING: (
        "The server's AWS credentials expire and aren't renewed. A recovery window that outlives them can't be closed. "
        "Use credentials that are renewed automatically, such as a role of the machine."
    ),
    Lifetime.UNKNOWN: (
        "It can't be read when the server's AWS credentials end. A recovery window that could outlive them is refused. "
        "Use credentials that are renewed automatically, such as a role of the machine. If these are renewed without a "
        "person, set aws.credentials_renewed."
    ),
}


class GatewayPool:
    """Gateways by work and by person; safe in many threads."""

    def __init__(self, options: GatewayOptions, roles: Mapping[AwsWork, str], clock: Clock) -> None:
        """No call is made.

        :param roles: role ARNs by work; an empty ARN counts as missing.
        :raises SettingsError: if some roles are set and others aren't, or a value isn't the ARN of a role.
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
        """List weaknesses of the server's credentials, for the operator who starts it.

        :raises AwsCredentialsError: if there are no credentials.
        """
        lifetime = _LIFETIME_WARNINGS.get(self.starting.find_credentials_lifetime().lifetime)
        return (
            *(() if self._roles else (_NO_ROLES,)),
            *((lifetime,) if lifetime else ()),
        )

    def gateway(self, work: AwsWork, person: str = SERVER_NAME) -> AwsGateway:
        """Return the gateway for a person's work. No call is made: the gateway's first call assumes the role.

        The person's name is the session name and the source identity. Without roles, it is the gateway on the starting
        credentials.
        """
        if not self._roles:
            return self.starting
        from rootkeeper.aws.roles import RoleAssumer, RoleCredentials, make_session_name

        name = make_session_name(person)
        with self._guard:
            if (work, name) not in self._gateways:
                assumer = RoleAssumer(self._roles[work], name, self._starting_clients.sts, self._options.external_id)
                credentials = self._credentials[work, name] = RoleCredentials(assumer, self._clock)
                self._gateways[work, name] = AwsGateway(self._shared_clients.acting_as(credentials))
            self._gateways.move_to_end((work, name))
            while len(self._gateways) > MOST_GATEWAYS:
                oldest = next(key for key in self._gateways if key[1] != SERVER_NAME)
                del self._gateways[oldest], self._credentials[oldest]
            return self._gateways[work, name]

    def renew(self) -> CredentialsCheck:
        """Try the starting credentials, and assume each role again in the server's name; valid sessions stay.

        Calls sts:GetCallerIdentity once, and sts:AssumeRole once for each role.
        """
        tries: dict[AwsWork | None, Callable[[], object]] = {None: self.starting.read_caller}
        for work in self._roles:
            self.gateway(work, SERVER_NAME)
            with self._guard:
                tries[work] = self._credentials[work, SERVER_NAME].renew
        failures = []
        for tried, renew in tries.items():
            try:
                renew()
            except RootkeeperError as error:
                failures.append(CredentialsFailure(tried, error.message))
        return CredentialsCheck(tuple(failures))

    @cached_property
    def _shared_clients(self) -> AwsClients:
        return AwsClients(self._options, self._clock, starting=self._starting_clients)


def _require_roles(roles: Mapping[AwsWork, str]) -> dict[AwsWork, str]:
    """:raises SettingsError: if only some are set, or a value isn't an ARN."""
    given = {work: arn.strip() for work, arn in roles.items() if arn.strip()}
    missing = [f"aws.roles.{work.value}" for work in AwsWork if work not in given]
    if given and missing:
        raise SettingsError(
            f"Some roles of the server are set. Missing: {', '.join(missing)}.",
            hint="Set all five, or none to use the starting credentials for all work.",
        )
    if not given:
        return given
    from rootkeeper.aws.roles import require_role_arn

    for work, arn in given.items():
        require_role_arn(arn, f"aws.roles.{work.value}")
    return given
