"""The gateway's reading of SCPs and RCPs. Few commands need their reader, so it is imported on first use."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from rootkeeper.aws.clients import GatewayPart

if TYPE_CHECKING:
    from rootkeeper.aws.policy_listings import PolicyListingReader
    from rootkeeper.policy_language.evaluation import PolicyListing


class AwsPolicies(GatewayPart):
    """Implements ``PolicyReader``, and ``GuardrailReader`` of the guardrails."""

    def list_policies(self) -> PolicyListing:
        return self._begin_listing().read(None)

    def list_policies_under_full_access(self) -> PolicyListing:
        return self._begin_listing(assumes_full_access=True).read(None)

    def list_own_policies(self) -> PolicyListing:
        """As ``list_policies``, without the policies that AWS manages."""
        return self._begin_listing(skips_aws_managed=True).read(None)

    def list_policies_over(self, target_ids: Collection[str]) -> PolicyListing:
        return self._begin_listing().read(target_ids)

    def _begin_listing(
        self, *, assumes_full_access: bool = False, skips_aws_managed: bool = False
    ) -> PolicyListingReader:
        from rootkeeper.aws.policy_listings import PolicyListingReader

        return PolicyListingReader(
            self._clients.organizations, assumes_full_access=assumes_full_access, skips_aws_managed=skips_aws_managed
        )


class PolicyReader(Protocol):
    """Reads with the operator's own credentials; changes nothing and opens no session."""

    def list_policies(self) -> PolicyListing:
        """List every SCP and RCP with its document and its targets. Calls that AWS denies, or throttles despite all
        retries, are in ``problems``.

        organizations:ListRoots once; for each kind that is enabled organizations:ListPolicies, and for each policy
        organizations:ListTargetsForPolicy and, if it is attached, organizations:DescribePolicy.

        :raises AwsCredentialsError: if there are no usable credentials.
        :raises AwsUnreachableError: if no answer came, or a list is incomplete.
        """
        ...

    def list_policies_under_full_access(self) -> PolicyListing:
        """List the same in far fewer calls, assuming that FullAWSAccess is attached to everything, as it usually is.

        Its targets fill many pages. Explicit Denies are as certain as in a full listing; a missing Allow doesn't show.

        :raises AwsCredentialsError, AwsUnreachableError: as above.
        """
        ...

    def list_policies_over(self, target_ids: Collection[str]) -> PolicyListing:
        """List the policies that are attached to these roots, units and accounts.

        organizations:ListRoots once; for each target and kind organizations:ListPoliciesForTarget, and for each policy
        organizations:DescribePolicy once. Expensive for many targets.

        :raises AwsCredentialsError, AwsUnreachableError: as above.
        """
        ...
