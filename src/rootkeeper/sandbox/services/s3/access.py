"""Which bucket a call means, whose it is, where it lies, and what a wrong Region is told.

Before anybody is authorized, a bucket that doesn't exist and a Region in which it doesn't lie are told to everyone,
as S3 does: names of buckets are public.

Source: Amazon S3 API Reference, "Error responses"; Amazon S3 User Guide, "Request redirection and the REST API".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from rootkeeper.sandbox.codec.s3_addresses import find_s3_region
from rootkeeper.sandbox.exchange import Call, GuardedResource, ServiceError
from rootkeeper.sandbox.state import Bucket

REGION_HEADER = "x-amz-bucket-region"
DEFAULT_REGION = "us-east-1"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_RESERVED_PREFIXES = ("xn--", "sthree-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_ASSUMED_FROM_ANYWHERE = "GetBucketLocation"


def is_bucket_name(name: str) -> bool:
    """Tell whether S3 lets a bucket be named so.

    Source: Amazon S3 User Guide, "General purpose bucket naming rules". The prefix of the guide's own examples is
    allowed here.
    """
    return (
        _NAME.fullmatch(name) is not None
        and ".." not in name
        and ".-" not in name
        and "-." not in name
        and not _IP_ADDRESS.fullmatch(name)
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
    )


def invalid_name(name: str) -> ServiceError:
    return ServiceError("InvalidBucketName", "The specified bucket is not valid.", fields={"BucketName": name})


def no_such_bucket(name: str) -> ServiceError:
    return ServiceError("NoSuchBucket", "The specified bucket does not exist", 404, {"BucketName": name})


def access_denied(message: str = "Access Denied") -> ServiceError:
    return ServiceError("AccessDenied", message, 403)


def find_bucket(call: Call) -> Bucket | None:
    return call.world.buckets.buckets.get(call.parameters["Bucket"])


def get_bucket(call: Call) -> Bucket:
    """Get the bucket that ``validate_place`` has found.

    :raises ServiceError: NoSuchBucket.
    """
    bucket = find_bucket(call)
    if bucket is None:
        raise no_such_bucket(call.parameters["Bucket"])
    return bucket


def validate_endpoint(call: Call) -> None:
    """Check that a request is signed for the Region to whose endpoint it was sent.

    :raises ServiceError: AuthorizationHeaderMalformed, naming the Region expected.
    """
    region = find_s3_region(call.host)
    if region is not None and region != call.region:
        message = f"The authorization header is malformed; the region '{call.region}' is wrong; expecting '{region}'"
        raise ServiceError("AuthorizationHeaderMalformed", message, fields={"Region": region})


def validate_place(call: Call) -> None:
    """Check that there is such a bucket, in the Region that was asked, and of the owner that the caller expects.

    :raises ServiceError: InvalidBucketName, NoSuchBucket, PermanentRedirect or AccessDenied.
    """
    validate_endpoint(call)
    name = call.parameters["Bucket"]
    if not is_bucket_name(name):
        raise invalid_name(name)
    bucket = get_bucket(call)
    if bucket.region != call.region and call.operation != _ASSUMED_FROM_ANYWHERE:
        call.response_headers[REGION_HEADER] = bucket.region
        raise _redirect(bucket)
    if call.operation == "HeadBucket":
        call.response_headers[REGION_HEADER] = bucket.region
    expected = call.parameters.get("ExpectedBucketOwner")
    if expected is not None and expected != bucket.account_id:
        raise access_denied()


def _redirect(bucket: Bucket) -> ServiceError:
    message = (
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future"
        " requests to this endpoint."
    )
    host = "s3" if bucket.region == DEFAULT_REGION else f"s3.{bucket.region}"
    fields = {"Endpoint": f"{bucket.name}.{host}.amazonaws.com", "Bucket": bucket.name}
    return ServiceError("PermanentRedirect", message, 301, fields)


def guard_bucket(call: Call) -> GuardedResource | None:
    """Give owner and policy of the bucket; the caller's own for a bucket that isn't there yet."""
    bucket = find_bucket(call)
    return GuardedResource(bucket.account_id, bucket.policy) if bucket else None


def bucket_arn(call: Call) -> str:
    return f"arn:{call.world.partition}:s3:::{call.parameters['Bucket']}"


def object_arn(call: Call) -> str:
    return f"{bucket_arn(call)}/{call.parameters['Key']}"


def all_buckets_arn(call: Call) -> str:
    return f"arn:{call.world.partition}:s3:::*"


def common_keys(call: Call) -> dict[str, str]:
    """Give the condition keys of every S3 request."""
    bucket = find_bucket(call) if "Bucket" in call.parameters else None
    keys = {"s3:authType": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256", "s3:TlsVersion": "1.3"}
    return keys | ({"s3:ResourceAccount": bucket.account_id} if bucket else {})


def keys_from(names: Mapping[str, str]) -> Callable[[Call], dict[str, str]]:
    """Make the function that gives condition keys from parameters, by the key's name, beside the common ones."""

    def condition_keys(call: Call) -> dict[str, str]:
        found = ((key, call.parameters.get(parameter)) for key, parameter in names.items())
        return common_keys(call) | {key: str(value) for key, value in found if value is not None}

    return condition_keys
