"""The operations that the sandbox serves, by service and by the names that CloudTrail gives them."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper_sandbox.exchange import Operation
from rootkeeper_sandbox.services import (
    account,
    cloudtrail,
    ec2,
    eventbridge,
    iam_account,
    iam_credentials,
    iam_identities,
    iam_policies,
    iam_simulation,
    identity_center,
    organizations_accounts,
    organizations_policies,
    organizations_tree,
    s3_buckets,
    s3_listings,
    s3_locks,
    s3_objects,
    s3_settings,
    sqs_messages,
    sqs_queues,
    sts,
)
from rootkeeper_sandbox.services.security_hub.service import OPERATIONS as SECURITY_HUB_OPERATIONS

SERVICES: Mapping[str, Mapping[str, Operation]] = {
    "account": account.OPERATIONS,
    "cloudtrail": cloudtrail.OPERATIONS,
    "ec2": ec2.OPERATIONS,
    "events": eventbridge.OPERATIONS,
    "iam": (
        iam_account.OPERATIONS
        | iam_credentials.OPERATIONS
        | iam_identities.OPERATIONS
        | iam_policies.OPERATIONS
        | iam_simulation.OPERATIONS
    ),
    "identitystore": identity_center.IDENTITYSTORE_OPERATIONS,
    "organizations": (
        organizations_accounts.OPERATIONS | organizations_policies.OPERATIONS | organizations_tree.OPERATIONS
    ),
    "s3": (
        s3_buckets.OPERATIONS
        | s3_listings.OPERATIONS
        | s3_locks.OPERATIONS
        | s3_objects.OPERATIONS
        | s3_settings.OPERATIONS
    ),
    "securityhub": SECURITY_HUB_OPERATIONS,
    "sqs": sqs_messages.OPERATIONS | sqs_queues.OPERATIONS,
    "sso-admin": identity_center.SSO_ADMIN_OPERATIONS,
    "sts": sts.OPERATIONS,
}
"""By service, as botocore names it."""
