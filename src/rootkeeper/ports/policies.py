"""The organization's own policies, as AWS answers now."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from rootkeeper.domain.organization_policies import PolicyListing


class PolicyReader(Protocol):
    """Reading calls on the operator's own credentials; none of them changes anything or opens a session."""

    def list_policies(self) -> PolicyListing:
        """Every SCP and RCP, what it says and where it is attached; what can't be read, be it denied or throttled in
        spite of all retries, is told, not raised.

        organizations:ListRoots once; for each kind that is enabled organizations:ListPolicies, and for each policy
        organizations:ListTargetsForPolicy and, if it is attached, organizations:DescribePolicy.

        :raises AwsCredentialsError: if there are no usable credentials.
        :raises AwsUnreachableError: if no answer came, or a list was cut off.
        """
        ...

    def list_policies_under_full_access(self) -> PolicyListing:
        """The same, in far fewer calls: FullAWSAccess is taken to be attached to everything, as it usually is.

        Its targets aren't listed, which are as many pages as the organization has. So what an explicit Deny blocks is
        as sure as in a full listing; where an Allow is missing doesn't show.

        :raises AwsCredentialsError, AwsUnreachableError: as above.
        """
        ...

    def list_policies_over(self, target_ids: Collection[str]) -> PolicyListing:
        """The same of these roots, units and accounts alone: what is attached elsewhere isn't told.

        organizations:ListRoots once; for each target and kind organizations:ListPoliciesForTarget, and for each policy
        organizations:DescribePolicy once. Dear for many targets.

        :raises AwsCredentialsError, AwsUnreachableError: as above.
        """
        ...
