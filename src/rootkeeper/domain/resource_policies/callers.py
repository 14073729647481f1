"""What a policy's conditions see of an ordinary caller of the resource's own account.

The caller is the most favourable one: it comes over current TLS, signed in with MFA, straight and not through a
service. So a condition that such a caller gets past locks nobody out. Who it is, and from which network it comes, isn't
known: that stays open.

Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference, Amazon S3 and Amazon SQS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind

PRINCIPAL_KEYS = frozenset({"aws:principalarn"})
"""Keys whose values name principals."""

_ABSENT = frozenset(
    {
        "aws:assumedroot",
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:federatedprovider",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
    }
)
"""Present only on requests of services or of root sessions."""

_PRESENT_IN_S3 = frozenset(
    {
        "s3:authtype",
        "s3:resourceaccount",
        "s3:signatureage",
        "s3:signatureversion",
        "s3:tlsversion",
        "s3:x-amz-content-sha256",
    }
)
"""The keys of S3 that come with a change of a bucket's policy; its others belong to objects, and are absent."""


@dataclass(frozen=True, slots=True)
class OrdinaryCaller:
    """An ordinary caller: the values known of it, by key in lower case."""

    resource: Resource
    known: Mapping[str, str]

    @staticmethod
    def of(resource: Resource, organization_id: str) -> OrdinaryCaller:
        account_id = resource.account_id
        return OrdinaryCaller(
            resource,
            {
                "aws:multifactorauthpresent": "true",
                "aws:principalaccount": account_id,
                "aws:principalisawsservice": "false",
                "aws:principalorgid": organization_id,
                "aws:requestedregion": resource.region,
                "aws:resourceaccount": account_id,
                "aws:resourceorgid": organization_id,
                "aws:securetransport": "true",
                "aws:viaawsservice": "false",
                "s3:authtype": "REST-HEADER",
                "s3:resourceaccount": account_id,
                "s3:signatureversion": "AWS4-HMAC-SHA256",
                "s3:tlsversion": "1.3",
            },
        )

    def lacks(self, key: str) -> bool:
        """Whether the key is surely absent from a change of the policy."""
        is_of_objects = key.startswith("s3:") and key not in _PRESENT_IN_S3
        return key in _ABSENT or (is_of_objects and self.resource.kind is ResourceKind.BUCKET)
