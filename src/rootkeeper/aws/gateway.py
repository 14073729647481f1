"""The gateway as a whole: every port to AWS behind one object."""

from __future__ import annotations

from rootkeeper.aws.administration import AwsOrganizationAdministration
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.options import GatewayOptions
from rootkeeper.aws.organizations import AwsOrganizationReader
from rootkeeper.aws.root_sessions import AwsRootSession, AwsRootSessions
from rootkeeper.ports.clock import Clock

__all__ = ["AwsGateway", "AwsRootSession", "GatewayOptions", "open_gateway"]


class AwsGateway(AwsOrganizationReader, AwsOrganizationAdministration, AwsRootSessions):
    """Implements OrganizationReader, OrganizationAdministration and RootSessions; safe in many threads."""


def open_gateway(options: GatewayOptions, clock: Clock) -> AwsGateway:
    """Create every client once. No call is made.

    ``clock`` must be the one by which the ledger says how long its intents are valid.

    :raises InputError: if profile, Region, endpoint or another AWS setting can't be used.
    """
    return AwsGateway(AwsClients(options, clock))
