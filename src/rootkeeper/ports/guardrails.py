"""The guardrails that set-up drift is judged by, as AWS answers now."""

from __future__ import annotations

from typing import Protocol

from rootkeeper.domain.organization_policies import PolicyListing


class GuardrailReader(Protocol):
    """Reading calls on the operator's own credentials; none of them changes anything or opens a session."""

    def list_own_policies(self) -> PolicyListing:
        """Every SCP and RCP of the organization's own that is attached to something; what can't be read is told.

        AWS's own policies are left out: their content is AWS's, and FullAWSAccess is attached to everything, so that
        its targets alone would be as many pages as the organization has.

        organizations:ListRoots once; for each kind that is enabled organizations:ListPolicies, and for each policy
        organizations:ListTargetsForPolicy and DescribePolicy.

        :raises AwsCredentialsError: if there are no usable credentials.
        :raises AwsUnreachableError: if no answer came.
        """
        ...
