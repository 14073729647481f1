"""AWS managed policies that the sandbox knows: what can be attached, and what permission sets bring.

Source: IAM User Guide, "AWS managed policies"; of ReadOnlyAccess what concerns the services that the sandbox serves.
"""

from __future__ import annotations

import json

from rootkeeper.sandbox.state.policies import FULL_ACCESS_DOCUMENT

_READ_ONLY = (
    "account:Get*",
    "account:List*",
    "cloudtrail:LookupEvents",
    "iam:Get*",
    "iam:List*",
    "identitystore:Describe*",
    "identitystore:List*",
    "organizations:Describe*",
    "organizations:List*",
    "s3:Get*",
    "s3:List*",
    "sqs:GetQueue*",
    "sqs:ListQueue*",
    "sso:Describe*",
    "sso:Get*",
    "sso:List*",
)
_POWER_USER_EXTRAS = (
    "account:GetAccountInformation",
    "account:GetPrimaryEmail",
    "account:ListRegions",
    "iam:CreateServiceLinkedRole",
    "iam:DeleteServiceLinkedRole",
    "iam:ListRoles",
    "organizations:DescribeEffectivePolicy",
    "organizations:DescribeOrganization",
)


def _allow(**elements: object) -> dict[str, object]:
    return {"Effect": "Allow", "Resource": "*"} | elements


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


MANAGED_DOCUMENTS = {
    "AdministratorAccess": FULL_ACCESS_DOCUMENT,
    "PowerUserAccess": _document(
        _allow(NotAction=["iam:*", "organizations:*", "account:*"]), _allow(Action=list(_POWER_USER_EXTRAS))
    ),
    "ReadOnlyAccess": _document(_allow(Action=list(_READ_ONLY))),
}
"""JSON text by name."""


def find_managed_document(arn: str, partition: str) -> str | None:
    """Find the document of an AWS managed policy; ``None`` for those that the sandbox doesn't know."""
    prefix = f"arn:{partition}:iam::aws:policy/"
    return MANAGED_DOCUMENTS.get(arn.removeprefix(prefix)) if arn.startswith(prefix) else None
