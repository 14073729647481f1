"""The gateway's reading of SCPs and RCPs. What reads and keeps them is imported when it is needed: few commands do."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

from rootkeeper.aws.clients import GatewayPart

if TYPE_CHECKING:
    from rootkeeper.policy_language.evaluation import PolicyListing


class AwsPolicies(GatewayPart):
    """Implements ``PolicyReader``, and ``GuardrailReader`` of the guardrails."""

    def list_policies(self) -> PolicyListing:
        from rootkeeper.aws.policy_listings import PolicyListingReader

        return PolicyListingReader(self._clients.organizations).read(None)

    def list_policies_under_full_access(self) -> PolicyListing:
        from rootkeeper.aws.policy_listings import ATTACHED_EVERYWHERE, FULL_ACCESS, PolicyListingReader

        everywhere = ATTACHED_EVERYWHERE | FULL_ACCESS
        return PolicyListingReader(self._clients.organizations, everywhere=everywhere).read(None)

    def list_own_policies(self) -> PolicyListing:
        """As ``list_policies``, without the policies that AWS manages."""
        from rootkeeper.aws.policy_listings import PolicyListingReader

        return PolicyListingReader(self._clients.organizations, skips_aws_managed=True).read(None)

    def list_policies_over(self, target_ids: Collection[str]) -> PolicyListing:
        from rootkeeper.aws.policy_listings import PolicyListingReader

        return PolicyListingReader(self._clients.organizations).read(target_ids)


class PolicyReader(Protocol):
    """Reads with the operator's own credentials; changes nothing and opens no session."""

    def list_policies(self) -> PolicyListing:
        """List every SCP and RCP with its document and its targets. What AWS denies, or throttles despite all retries,
        is in ``problems``.

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
