"""What the sandbox serves: for each service its operations, by the name that CloudTrail gives them."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services import (
    account,
    cloudtrail,
    iam,
    identitystore,
    organizations,
    s3,
    sqs,
    sso_admin,
    sts,
)

SERVICES: dict[str, dict[str, Operation]] = {
    "account": account.OPERATIONS,
    "cloudtrail": cloudtrail.OPERATIONS,
    "iam": iam.OPERATIONS,
    "identitystore": identitystore.OPERATIONS,
    "organizations": organizations.OPERATIONS,
    "s3": s3.OPERATIONS,
    "sqs": sqs.OPERATIONS,
    "sso-admin": sso_admin.OPERATIONS,
    "sts": sts.OPERATIONS,
}
"""By service, as botocore names it, then by operation."""
