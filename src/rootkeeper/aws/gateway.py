"""The gateway as a whole: every port to AWS behind one object."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rootkeeper.aws.clients import AwsClients, GatewayOptions
from rootkeeper.aws.identities import AwsIdentities, AwsIdentityCenter
from rootkeeper.aws.organizations import AwsOrganizationAdministration, AwsOrganizationReader, AwsPolicies
from rootkeeper.aws.pacing import QuotaStore
from rootkeeper.aws.primary_emails import AwsPrimaryEmails
from rootkeeper.aws.resources import AwsResourcePlaces
from rootkeeper.aws.root_events import RootEventSource, UnreadableEvents
from rootkeeper.aws.root_sessions import AwsRootSession, AwsRootSessions
from rootkeeper.aws.summaries import SummaryReader
from rootkeeper.clock import Clock

__all__ = ["AwsGateway", "AwsRootSession", "GatewayOptions", "open_gateway"]


class AwsGateway(
    AwsOrganizationReader,
    AwsOrganizationAdministration,
    AwsIdentities,
    AwsIdentityCenter,
    AwsPolicies,
    AwsPrimaryEmails,
    AwsResourcePlaces,
    AwsRootSessions,
):
    """Implements every port to AWS; safe in many threads."""

    def open_summary_reader(self, concurrency: int) -> AbstractContextManager[SummaryReader]:
        """See the port RootSummaries; nothing is sent yet.

        :raises AwsCredentialsError: if there are no credentials.
        """
        from rootkeeper.aws.summaries import open_reader  # aiohttp's import, for audits alone

        return open_reader(self._clients, concurrency)

    def share_quotas(self, store: QuotaStore) -> None:
        """Draw on token buckets that other processes on the same database draw on too."""
        self._clients.pacer.share(store)

    def count_throttles(self) -> dict[str, int]:
        """How often AWS has throttled what this process called through gateways that share their pace, by quota."""
        return self._clients.pacer.count_throttles()

    def open_root_event_queue(self, url: str, region: str | None, unreadable: UnreadableEvents) -> RootEventSource:
        """A queue that tells of root events, read with the operator's own credentials; nothing is sent yet.

        :raises InputError: if the Region or the settings of the endpoint can't be used.
        """
        from rootkeeper.aws.root_events import AwsRootEventQueue

        return AwsRootEventQueue(self._clients, url, region, unreadable)

    @property
    def region(self) -> str:
        return self._clients.region


def open_gateway(options: GatewayOptions, clock: Clock) -> AwsGateway:
    """Create every client once. No call is made.

    ``clock`` must be the one by which the ledger says how long its intents are valid.

    :raises InputError: if profile, Region, endpoint or another AWS setting can't be used.
    """
    return AwsGateway(AwsClients(options, clock))
