"""S3: settings of buckets that are kept and shown, or shown as unset, without effect on any call.

Tags, Block Public Access and default encryption are kept. A new bucket blocks public access and encrypts with S3's own
keys. The others can't be set here; tools that read them get S3's answers for a bucket that never had them.

Source: Amazon S3 API Reference, API version 2006-03-01.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rootkeeper_sandbox.codec.xml import malformed_xml
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError
from rootkeeper_sandbox.services.s3_buckets import (
    bucket_arn,
    canonical_id,
    common_keys,
    get_bucket,
    guard_bucket,
    validate_place,
)
from rootkeeper_sandbox.state.resources import DEFAULT_ENCRYPTION

_MAX_TAGS = 50
_ALGORITHMS = frozenset({"AES256", "aws:kms", "aws:kms:dsse"})

OPERATIONS = ServedOperations(
    "s3", resource=bucket_arn, validate=validate_place, condition_keys=common_keys, guard=guard_bucket
)


def _not_set(call: Call, code: str, message: str) -> ServiceError:
    return ServiceError(code, message, 404, {"BucketName": call.parameters["Bucket"]})


@OPERATIONS.read("GetBucketTagging")
def get_bucket_tagging(call: Call) -> dict[str, Any]:
    tags = get_bucket(call).tags
    if not tags:
        raise _not_set(call, "NoSuchTagSet", "The TagSet does not exist")
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


@OPERATIONS.change("PutBucketTagging")
def put_bucket_tagging(call: Call) -> dict[str, Any]:
    """Replace all tags."""
    given = call.parameters["Tagging"]["TagSet"]
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len(tags) != len(given):
        raise ServiceError("InvalidTag", "Cannot provide multiple Tags with the same key")
    if len(tags) > _MAX_TAGS:
        raise ServiceError("BadRequest", f"Bucket tag count cannot be greater than {_MAX_TAGS}")
    get_bucket(call).tags = tags
    return {}


@OPERATIONS.change("DeleteBucketTagging", action="PutBucketTagging")
def delete_bucket_tagging(call: Call) -> dict[str, Any]:
    get_bucket(call).tags = {}
    return {}


_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@OPERATIONS.read("GetPublicAccessBlock", action="GetBucketPublicAccessBlock")
def get_public_access_block(call: Call) -> dict[str, Any]:
    blocks = get_bucket(call).public_access_block
    if blocks is None:
        message = "The public access block configuration was not found"
        raise _not_set(call, "NoSuchPublicAccessBlockConfiguration", message)
    return {"PublicAccessBlockConfiguration": {name: name in blocks for name in _BLOCKS}}


@OPERATIONS.change("PutPublicAccessBlock", action="PutBucketPublicAccessBlock")
def put_public_access_block(call: Call) -> dict[str, Any]:
    """Replace the configuration; blocks that it leaves out are off."""
    given = call.parameters["PublicAccessBlockConfiguration"]
    get_bucket(call).public_access_block = frozenset(name for name in _BLOCKS if given.get(name))
    return {}


@OPERATIONS.change("DeletePublicAccessBlock", action="PutBucketPublicAccessBlock")
def delete_public_access_block(call: Call) -> dict[str, Any]:
    get_bucket(call).public_access_block = None
    return {}


@OPERATIONS.read("GetBucketEncryption", action="GetEncryptionConfiguration")
def get_bucket_encryption(call: Call) -> dict[str, Any]:
    """Show the default encryption, which every bucket has."""
    return {"ServerSideEncryptionConfiguration": get_bucket(call).encryption}


@OPERATIONS.change("PutBucketEncryption", action="PutEncryptionConfiguration")
def put_bucket_encryption(call: Call) -> dict[str, Any]:
    """Replace the default encryption; the key isn't looked for."""
    given = call.parameters["ServerSideEncryptionConfiguration"]
    chosen = [rule.get("ApplyServerSideEncryptionByDefault") for rule in given["Rules"]]
    if len(chosen) != 1 or chosen[0] is None or chosen[0]["SSEAlgorithm"] not in _ALGORITHMS:
        raise malformed_xml()
    if chosen[0]["SSEAlgorithm"] == "AES256" and "KMSMasterKeyID" in chosen[0]:
        message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
        raise ServiceError("InvalidArgument", message)
    get_bucket(call).encryption = {"Rules": [{"BucketKeyEnabled": False} | given["Rules"][0]]}
    return {}


@OPERATIONS.change("DeleteBucketEncryption", action="PutEncryptionConfiguration")
def delete_bucket_encryption(call: Call) -> dict[str, Any]:
    """Return to the encryption with S3's own keys."""
    get_bucket(call).encryption = DEFAULT_ENCRYPTION
    return {}


@OPERATIONS.read("GetBucketAcl")
def get_bucket_acl(call: Call) -> dict[str, Any]:
    """Show that the owner has full control, as where access control lists are disabled."""
    owner = {"ID": canonical_id(call, get_bucket(call).account_id)}
    return {"Owner": owner, "Grants": [{"Grantee": owner | {"Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}


@OPERATIONS.read("GetBucketRequestPayment")
def get_bucket_request_payment(call: Call) -> dict[str, Any]:
    get_bucket(call)
    return {"Payer": "BucketOwner"}


@OPERATIONS.read("GetBucketLogging")
@OPERATIONS.read("GetBucketAccelerateConfiguration", action="GetAccelerateConfiguration")
def get_unset(call: Call) -> dict[str, Any]:
    """Show an empty configuration."""
    get_bucket(call)
    return {}


_REFUSALS: Mapping[str, tuple[str, str, str]] = {
    "GetBucketCors": ("GetBucketCORS", "NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "GetBucketLifecycleConfiguration": (
        "GetLifecycleConfiguration",
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    ),
    "GetBucketReplication": (
        "GetReplicationConfiguration",
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    "GetBucketWebsite": (
        "GetBucketWebsite",
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    ),
}
"""By operation: its IAM action, and the error of a bucket without such a configuration."""


def _refuse(code: str, message: str) -> Callable[[Call], dict[str, Any]]:
    def refuse_unset(call: Call) -> dict[str, Any]:
        raise _not_set(call, code, message)

    return refuse_unset


for _operation, (_action, *_error) in _REFUSALS.items():
    OPERATIONS.read(_operation, action=_action)(_refuse(*_error))
