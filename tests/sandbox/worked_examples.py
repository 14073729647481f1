"""Policies from public AWS documentation, and what they must decide, negative cases included.

Read again in the documentation itself: IAM User Guide, "Policy evaluation for requests within a single account" and
"Cross-account policy evaluation logic"; Amazon SQS Developer Guide, "Custom Amazon SQS Access Policy Language examples"
and "Basic examples of Amazon SQS policies"; Billing Conductor User Guide (the S3 example by IP address). From memory of
the documentation: Amazon S3 User Guide, "Examples of Amazon S3 bucket policies"; IAM User Guide, "NotPrincipal";
Organizations User Guide, "Resource control policy examples". Documents are shortened to what decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OWNER, OTHER = "444455556666", "111122223333"
BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket"
QUEUE = f"arn:aws:sqs:us-east-2:{OWNER}:queue2"
USER = f"arn:aws:iam::{OWNER}:user/carlossalazar"
STRANGER = f"arn:aws:iam::{OTHER}:user/mary"
ROOT = f"arn:aws:iam::{OWNER}:root"
FULL = {"Effect": "Allow", "Action": "*", "Resource": "*"}

ALLOWED = ""
"""Expected outcomes: allowed, or the start of the cause of the denial."""
DENIED_BY_RESOURCE = "explicit resource-based policy"
DENIED_BY_IDENTITY = "explicit identity-based policy"
DENIED_BY_RCP = "explicit resource control policy"
NOT_ALLOWED_BY_RESOURCE = "implicit resource-based policy"
NOT_ALLOWED_BY_IDENTITY = "implicit identity-based policy"


@dataclass(frozen=True)
class Example:
    """One request under one set of policies."""

    name: str
    expected: str
    action: str
    resource: str
    resource_policy: str | None = None
    caller: str = USER
    identity: tuple[Mapping[str, Any], ...] = ()
    """Statements of the caller's own policies; a root user has none and needs none."""
    context: Mapping[str, Any] = field(default_factory=dict)
    rcp: str | None = None


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


CARLOS = (
    {
        "Sid": "AllowS3ListRead",
        "Effect": "Allow",
        "Action": [
            "s3:GetBucketLocation",
            "s3:GetAccountPublicAccessBlock",
            "s3:ListAccessPoints",
            "s3:ListAllMyBuckets",
        ],
        "Resource": "arn:aws:s3:::*",
    },
    {
        "Sid": "AllowS3Self",
        "Effect": "Allow",
        "Action": "s3:*",
        "Resource": [
            "arn:aws:s3:::amzn-s3-demo-bucket-carlossalazar/*",
            "arn:aws:s3:::amzn-s3-demo-bucket-carlossalazar",
        ],
    },
    {"Sid": "DenyS3Logs", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*log*"},
)
CARLOS_BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket-carlossalazar"
ALLOW_CARLOS = document(
    {
        "Effect": "Allow",
        "Principal": {"AWS": USER},
        "Action": "s3:*",
        "Resource": [CARLOS_BUCKET, f"{CARLOS_BUCKET}/*"],
    }
)
BY_ADDRESS = document(
    {
        "Sid": "IPAllow",
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"{BUCKET}/*",
        "Condition": {
            "IpAddress": {"aws:SourceIp": "54.240.143.0/24"},
            "NotIpAddress": {"aws:SourceIp": "54.240.143.188/32"},
        },
    }
)
TLS_ONLY = document(
    {
        "Sid": "RestrictToTLSRequestsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [BUCKET, f"{BUCKET}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
)
WITH_ACL = document(
    {
        "Sid": "AddCannedAcl",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{OTHER}:root"]},
        "Action": "s3:PutObject",
        "Resource": f"{BUCKET}/*",
        "Condition": {"StringEquals": {"s3:x-amz-acl": ["bucket-owner-full-control"]}},
    }
)
OF_ORGANIZATION = document(
    {
        "Sid": "AllowGetObject",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "s3:GetObject",
        "Resource": f"{BUCKET}/*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": ["o-aa111bb222"]}},
    }
)
WITH_MFA = document(
    {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"{BUCKET}/taxdocuments/*",
        "Condition": {"Null": {"aws:MultiFactorAuthAge": True}},
    }
)
HOME_FOLDERS = (
    {
        "Effect": "Allow",
        "Action": ["s3:ListBucket"],
        "Resource": [BUCKET],
        "Condition": {"StringLike": {"s3:prefix": ["", "home/", "home/${aws:username}/*"]}},
    },
    {"Effect": "Allow", "Action": "s3:*", "Resource": [f"{BUCKET}/home/${{aws:username}}/*"]},
)
ALL_BUT_BOB = document(
    {
        "Effect": "Deny",
        "NotPrincipal": {"AWS": [f"arn:aws:iam::{OWNER}:user/Bob", f"arn:aws:iam::{OWNER}:root"]},
        "Action": "s3:*",
        "Resource": [BUCKET, f"{BUCKET}/*"],
    }
)
SERVICE_ONLY = document(
    {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"{BUCKET}/*",
    }
)
ONE_ACCOUNT = document(
    {
        "Sid": "1",
        "Effect": "Allow",
        "Principal": {"AWS": [OTHER]},
        "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
        "Resource": QUEUE,
    }
)
UNTIL_2009 = document(
    {
        "Sid": "1",
        "Effect": "Allow",
        "Principal": {"AWS": [OTHER, OWNER]},
        "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
        "Resource": QUEUE,
        "Condition": {"DateLessThan": {"AWS:CurrentTime": "2009-06-30T12:00Z"}},
    }
)
FROM_NETWORK = document(
    {
        "Sid": "1",
        "Effect": "Allow",
        "Principal": {"AWS": [OTHER]},
        "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
        "Resource": QUEUE,
        "Condition": {
            "DateLessThan": {"AWS:CurrentTime": "2009-06-30T12:00Z"},
            "IpAddress": {"AWS:SourceIp": "203.0.113.0/24"},
        },
    }
)
ORGANIZATION_ONLY_RCP = document(
    {
        "Sid": "EnforceOrgIdentities",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*", "sqs:*"],
        "Resource": "*",
        "Condition": {
            "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-aa111bb222"},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        },
    }
)
SECURE_RCP = document(
    {
        "Sid": "EnforceSecureTransport",
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["sts:*", "s3:*", "sqs:*", "secretsmanager:*", "kms:*"],
        "Resource": "*",
        "Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}},
    }
)

IN_2009, IN_2010 = {"aws:currenttime": "2009-06-30T11:59:59Z"}, {"aws:currenttime": "2010-01-01T00:00:00Z"}
INSIDE, OUTSIDE = {"aws:principalorgid": "o-aa111bb222"}, {"aws:principalorgid": "o-zz999yy888"}
LOG = "arn:aws:s3:::amzn-s3-demo-bucket-carlossalazar-logs"

EXAMPLES = (
    # IAM User Guide: Carlos within one account.
    Example("Carlos saves to his bucket", ALLOWED, "s3:PutObject", f"{CARLOS_BUCKET}/a", None, USER, CARLOS),
    Example("Carlos saves to the logs", DENIED_BY_IDENTITY, "s3:PutObject", f"{LOG}/a", None, USER, CARLOS),
    Example("Carlos saves elsewhere", NOT_ALLOWED_BY_IDENTITY, "s3:PutObject", f"{BUCKET}/a", None, USER, CARLOS),
    Example("Carlos lists buckets", ALLOWED, "s3:ListAllMyBuckets", "arn:aws:s3:::*", None, USER, CARLOS),
    Example("the bucket's policy alone is enough for him", ALLOWED, "s3:PutObject", f"{CARLOS_BUCKET}/a", ALLOW_CARLOS),
    Example(
        "but not for another user",
        NOT_ALLOWED_BY_IDENTITY,
        "s3:PutObject",
        f"{CARLOS_BUCKET}/a",
        ALLOW_CARLOS,
        f"arn:aws:iam::{OWNER}:user/paulo",
    ),
    Example(
        "his own deny wins over the bucket's allow",
        DENIED_BY_IDENTITY,
        "s3:GetObject",
        f"{LOG}/a",
        document({"Effect": "Allow", "Principal": {"AWS": USER}, "Action": "s3:*", "Resource": f"{LOG}/*"}),
        USER,
        CARLOS,
    ),
    # IAM User Guide: across accounts both sides must allow.
    Example("both sides allow", ALLOWED, "sqs:SendMessage", QUEUE, ONE_ACCOUNT, STRANGER, (FULL,)),
    Example("only the resource allows", NOT_ALLOWED_BY_IDENTITY, "sqs:SendMessage", QUEUE, ONE_ACCOUNT, STRANGER),
    Example(
        "only the caller's side allows", NOT_ALLOWED_BY_RESOURCE, "sqs:SendMessage", QUEUE, None, STRANGER, (FULL,)
    ),
    Example(
        "the resource allows something else",
        NOT_ALLOWED_BY_RESOURCE,
        "sqs:PurgeQueue",
        QUEUE,
        ONE_ACCOUNT,
        STRANGER,
        (FULL,),
    ),
    Example(
        "an account as principal hands on",
        NOT_ALLOWED_BY_IDENTITY,
        "sqs:SendMessage",
        QUEUE,
        UNTIL_2009,
        USER,
        (),
        IN_2009,
    ),
    Example(
        "a foreign root user needs the resource",
        ALLOWED,
        "sqs:SendMessage",
        QUEUE,
        ONE_ACCOUNT,
        f"arn:aws:iam::{OTHER}:root",
    ),
    Example(
        "a foreign root user without it",
        NOT_ALLOWED_BY_RESOURCE,
        "sqs:SendMessage",
        QUEUE,
        None,
        f"arn:aws:iam::{OTHER}:root",
    ),
    # Amazon SQS Developer Guide.
    Example("before the date", ALLOWED, "sqs:SendMessage", QUEUE, UNTIL_2009, STRANGER, (FULL,), IN_2009),
    Example(
        "after the date", NOT_ALLOWED_BY_RESOURCE, "sqs:SendMessage", QUEUE, UNTIL_2009, STRANGER, (FULL,), IN_2010
    ),
    Example(
        "from the network",
        ALLOWED,
        "sqs:ReceiveMessage",
        QUEUE,
        FROM_NETWORK,
        STRANGER,
        (FULL,),
        IN_2009 | {"aws:sourceip": "203.0.113.7"},
    ),
    Example(
        "from another network",
        NOT_ALLOWED_BY_RESOURCE,
        "sqs:ReceiveMessage",
        QUEUE,
        FROM_NETWORK,
        STRANGER,
        (FULL,),
        IN_2009 | {"aws:sourceip": "198.51.100.7"},
    ),
    # S3: by IP address.
    Example(
        "an address of the range",
        ALLOWED,
        "s3:GetObject",
        f"{BUCKET}/a",
        BY_ADDRESS,
        USER,
        (),
        {"aws:sourceip": "54.240.143.1"},
    ),
    Example(
        "the address left out",
        NOT_ALLOWED_BY_IDENTITY,
        "s3:GetObject",
        f"{BUCKET}/a",
        BY_ADDRESS,
        USER,
        (),
        {"aws:sourceip": "54.240.143.188"},
    ),
    Example(
        "the bucket itself isn't among the objects",
        NOT_ALLOWED_BY_IDENTITY,
        "s3:ListBucket",
        BUCKET,
        BY_ADDRESS,
        USER,
        (),
        {"aws:sourceip": "54.240.143.1"},
    ),
    # Amazon S3 User Guide.
    Example(
        "plain HTTP",
        DENIED_BY_RESOURCE,
        "s3:GetObject",
        f"{BUCKET}/a",
        TLS_ONLY,
        USER,
        (FULL,),
        {"aws:securetransport": "false"},
    ),
    Example("TLS", ALLOWED, "s3:GetObject", f"{BUCKET}/a", TLS_ONLY, USER, (FULL,), {"aws:securetransport": "true"}),
    Example(
        "plain HTTP as root",
        DENIED_BY_RESOURCE,
        "s3:GetObject",
        f"{BUCKET}/a",
        TLS_ONLY,
        ROOT,
        (),
        {"aws:securetransport": "false"},
    ),
    Example(
        "with the ACL",
        ALLOWED,
        "s3:PutObject",
        f"{BUCKET}/a",
        WITH_ACL,
        STRANGER,
        (FULL,),
        {"s3:x-amz-acl": "bucket-owner-full-control"},
    ),
    Example("without the ACL", NOT_ALLOWED_BY_RESOURCE, "s3:PutObject", f"{BUCKET}/a", WITH_ACL, STRANGER, (FULL,)),
    Example("of the organization", ALLOWED, "s3:GetObject", f"{BUCKET}/a", OF_ORGANIZATION, STRANGER, (FULL,), INSIDE),
    Example(
        "of another one",
        NOT_ALLOWED_BY_RESOURCE,
        "s3:GetObject",
        f"{BUCKET}/a",
        OF_ORGANIZATION,
        STRANGER,
        (FULL,),
        OUTSIDE,
    ),
    Example("of none", NOT_ALLOWED_BY_RESOURCE, "s3:GetObject", f"{BUCKET}/a", OF_ORGANIZATION, STRANGER, (FULL,)),
    Example("without MFA", DENIED_BY_RESOURCE, "s3:GetObject", f"{BUCKET}/taxdocuments/a", WITH_MFA, USER, (FULL,)),
    Example(
        "with MFA",
        ALLOWED,
        "s3:GetObject",
        f"{BUCKET}/taxdocuments/a",
        WITH_MFA,
        USER,
        (FULL,),
        {"aws:multifactorauthage": "60"},
    ),
    Example("elsewhere without MFA", ALLOWED, "s3:GetObject", f"{BUCKET}/public/a", WITH_MFA, USER, (FULL,)),
    Example(
        "the own home folder",
        ALLOWED,
        "s3:PutObject",
        f"{BUCKET}/home/carlossalazar/a",
        None,
        USER,
        HOME_FOLDERS,
        {"aws:username": "carlossalazar"},
    ),
    Example(
        "another's home folder",
        NOT_ALLOWED_BY_IDENTITY,
        "s3:PutObject",
        f"{BUCKET}/home/bob/a",
        None,
        USER,
        HOME_FOLDERS,
        {"aws:username": "carlossalazar"},
    ),
    Example(
        "listing the own folder",
        ALLOWED,
        "s3:ListBucket",
        BUCKET,
        None,
        USER,
        HOME_FOLDERS,
        {"aws:username": "carlossalazar", "s3:prefix": "home/carlossalazar/2026"},
    ),
    Example(
        "listing everything",
        NOT_ALLOWED_BY_IDENTITY,
        "s3:ListBucket",
        BUCKET,
        None,
        USER,
        HOME_FOLDERS,
        {"aws:username": "carlossalazar"},
    ),
    Example("a service's allow is no user's", NOT_ALLOWED_BY_IDENTITY, "s3:GetObject", f"{BUCKET}/a", SERVICE_ONLY),
    # IAM User Guide: NotPrincipal.
    Example(
        "Bob is excepted",
        ALLOWED,
        "s3:GetObject",
        f"{BUCKET}/a",
        ALL_BUT_BOB,
        f"arn:aws:iam::{OWNER}:user/Bob",
        (FULL,),
    ),
    Example("the root user is excepted", ALLOWED, "s3:GetObject", f"{BUCKET}/a", ALL_BUT_BOB, ROOT),
    Example("another user isn't", DENIED_BY_RESOURCE, "s3:GetObject", f"{BUCKET}/a", ALL_BUT_BOB, USER, (FULL,)),
    # Organizations User Guide: resource control policies.
    Example(
        "an RCP keeps strangers out",
        DENIED_BY_RCP,
        "s3:GetObject",
        f"{BUCKET}/a",
        OF_ORGANIZATION,
        STRANGER,
        (FULL,),
        OUTSIDE,
        ORGANIZATION_ONLY_RCP,
    ),
    Example(
        "but not one's own",
        ALLOWED,
        "s3:GetObject",
        f"{BUCKET}/a",
        OF_ORGANIZATION,
        STRANGER,
        (FULL,),
        INSIDE,
        ORGANIZATION_ONLY_RCP,
    ),
    Example(
        "an RCP binds the owner's root user",
        DENIED_BY_RCP,
        "s3:GetBucketPolicy",
        BUCKET,
        None,
        ROOT,
        (),
        {"aws:securetransport": "false"},
        SECURE_RCP,
    ),
    Example(
        "an RCP grants nothing",
        NOT_ALLOWED_BY_IDENTITY,
        "s3:GetObject",
        f"{BUCKET}/a",
        None,
        USER,
        (),
        {"aws:securetransport": "true"},
        SECURE_RCP,
    ),
)
