"""Where buckets and queues are asked for: endpoints and Regions."""

from __future__ import annotations

from typing import Any

from rootkeeper.aws.answers import refuse_answer, required
from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.endpoints import host_and_port, is_aws
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.resource_policies.resources import ResourceKind
from rootkeeper.errors import InputError

_ENABLED = ("ENABLED", "ENABLED_BY_DEFAULT")
_PAGE_SIZE = 50


class AwsResourcePlaces:
    """Implements ``ports.resource_policies.ResourcePlaces``."""

    def __init__(self, clients: AwsClients) -> None:
        self._clients = clients

    @property
    def region(self) -> str:
        return self._clients.region

    def require_same_place(self, kind: ResourceKind) -> None:
        """Compare the service's endpoint with the others."""
        url = self._clients.regional_root.get(kind.value, self._clients.region).url
        if is_aws(kind.value, url) is not self._clients.endpoint.is_sandbox:
            return
        raise InputError(
            f"{kind.value} would be asked at {host_and_port(url)}, everything else at {self._clients.endpoint.label}.",
            hint=f"Check AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_{kind.value.upper()}.",
        )

    def list_known_regions(self, kind: ResourceKind) -> tuple[str, ...]:
        """As botocore's endpoint data have them."""
        return tuple(sorted(self._clients.session.get_available_regions(kind.value, self._clients.partition)))

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        """account:ListRegions to the end."""
        about: dict[str, Any] = {} if account_id is None else {"AccountId": account_id}
        regions = self._clients.account.list_all(
            "ListRegions",
            "Regions",
            target=account_id,
            RegionOptStatusContains=list(_ENABLED),
            MaxResults=_PAGE_SIZE,
            **about,
        )
        enabled = sorted(str(required(one, "RegionName", "account:ListRegions")) for one in regions)
        if not enabled:
            refuse_answer("account:ListRegions", "no Region is enabled, and every account has some")
        return tuple(enabled)
