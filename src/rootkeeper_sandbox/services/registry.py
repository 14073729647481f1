"""What the sandbox serves: for each service its operations.

Identity and Access Management: root user credentials, organization features, and users and roles to call with.

Organizations: the tree, accounts and invitations, trusted access and delegated administrators, policies, tags.

Simple Storage Service: buckets, their policies, and objects enough to feel a lock-out and to anchor a ledger.

What the sandbox serves: for each service its operations, by the name that CloudTrail gives them.
"""

from __future__ import annotations

from rootkeeper_sandbox.exchange import Operation
from rootkeeper_sandbox.services import (
    account,
    cloudtrail,
    iam_account,
    iam_credentials,
    iam_identities,
    identity_center,
    organizations_accounts,
    organizations_policies,
    organizations_tree,
    s3_buckets,
    s3_locks,
    s3_objects,
    sqs_messages,
    sts,
)

IAM_OPERATIONS: dict[str, Operation] = {
    **iam_identities.AUTHORIZATION_DETAILS_OPERATIONS,
    **iam_account.CREDENTIAL_REPORT_OPERATIONS,
    **iam_credentials.CREDENTIALS_OPERATIONS,
    **iam_account.FEATURES_OPERATIONS,
    **iam_identities.IDENTITIES_OPERATIONS,
    **iam_credentials.MFA_DEVICES_OPERATIONS,
    **iam_account.SUMMARY_OPERATIONS,
}

ORGANIZATIONS_OPERATIONS: dict[str, Operation] = {
    **organizations_accounts.ACCOUNTS_OPERATIONS,
    **organizations_accounts.DELEGATION_OPERATIONS,
    **organizations_accounts.INVITATIONS_OPERATIONS,
    **organizations_policies.POLICIES_OPERATIONS,
    **organizations_policies.POLICY_CHANGES_OPERATIONS,
    **organizations_tree.TAGS_OPERATIONS,
    **organizations_tree.TREE_OPERATIONS,
    **organizations_tree.UNITS_OPERATIONS,
}

S3_OPERATIONS: dict[str, Operation] = {
    **s3_buckets.BUCKETS_OPERATIONS,
    **s3_objects.LISTINGS_OPERATIONS,
    **s3_locks.OPERATIONS,
    **s3_objects.OBJECTS_OPERATIONS,
    **s3_buckets.POLICIES_OPERATIONS,
}

SERVICES: dict[str, dict[str, Operation]] = {
    "account": account.OPERATIONS,
    "cloudtrail": cloudtrail.OPERATIONS,
    "iam": IAM_OPERATIONS,
    "identitystore": identity_center.IDENTITYSTORE_OPERATIONS,
    "organizations": ORGANIZATIONS_OPERATIONS,
    "s3": S3_OPERATIONS,
    "sqs": sqs_messages.OPERATIONS,
    "sso-admin": identity_center.SSO_ADMIN_OPERATIONS,
    "sts": sts.OPERATIONS,
}
"""By service, as botocore names it, then by operation."""
