"""Which of our errors each error code of AWS is, and what a person can do about it.

Codes come with and without the suffix ``Exception``: the query protocol and the JSON protocol spell them differently.

Source: IAM 2010-05-08, STS 2011-06-15, Organizations 2016-11-28 and SQS 2012-11-05 service models; IAM API Reference,
Common errors; S3 API Reference, Error responses.
"""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsCredentialsError,
    AwsError,
    AwsNotFoundError,
    AwsThrottledError,
)

ERRORS: Mapping[str, type[AwsError]] = {
    "AWS.SimpleQueueService.NonExistentQueue": AwsNotFoundError,
    "AccessDenied": AwsAccessDeniedError,
    "AccessDeniedException": AwsAccessDeniedError,
    "AccountAlreadyRegisteredException": AwsAlreadyExistsError,
    "AccountNotFoundException": AwsNotFoundError,
    "AccountNotRegisteredException": AwsNotFoundError,
    "AuthFailure": AwsCredentialsError,
    "BandwidthLimitExceeded": AwsThrottledError,
    "ChildNotFoundException": AwsNotFoundError,
    "EntityAlreadyExists": AwsAlreadyExistsError,
    "ExpiredToken": AwsCredentialsError,
    "ExpiredTokenException": AwsCredentialsError,
    "IncompleteSignature": AwsCredentialsError,
    "IncompleteSignatureException": AwsCredentialsError,
    "InvalidAccessKeyId": AwsCredentialsError,
    "InvalidClientTokenId": AwsCredentialsError,
    "InvalidSignatureException": AwsCredentialsError,
    "InvalidToken": AwsCredentialsError,
    "MissingAuthenticationToken": AwsCredentialsError,
    "MissingAuthenticationTokenException": AwsCredentialsError,
    "NoSuchBucket": AwsNotFoundError,
    "NoSuchBucketPolicy": AwsNotFoundError,
    "NoSuchEntity": AwsNotFoundError,
    "NoSuchKey": AwsNotFoundError,
    "NotAuthorized": AwsAccessDeniedError,
    "OptInRequired": AwsCredentialsError,
    "OrganizationalUnitNotFoundException": AwsNotFoundError,
    "ParentNotFoundException": AwsNotFoundError,
    "PolicyNotFoundException": AwsNotFoundError,
    "QueueDoesNotExist": AwsNotFoundError,
    "RequestExpired": AwsCredentialsError,
    "RequestLimitExceeded": AwsThrottledError,
    "RequestThrottled": AwsThrottledError,
    "RequestThrottledException": AwsThrottledError,
    "RequestTimeTooSkewed": AwsCredentialsError,
    "RootNotFoundException": AwsNotFoundError,
    "SignatureDoesNotMatch": AwsCredentialsError,
    "SlowDown": AwsThrottledError,
    "TargetNotFoundException": AwsNotFoundError,
    "ThrottledException": AwsThrottledError,
    "Throttling": AwsThrottledError,
    "ThrottlingException": AwsThrottledError,
    "TooManyRequestsException": AwsThrottledError,
    "UnauthorizedOperation": AwsAccessDeniedError,
    "UnrecognizedClient": AwsCredentialsError,
    "UnrecognizedClientException": AwsCredentialsError,
}
"""Every other code is an AwsRejectedError, or no clear answer where the server failed."""

HINTS: Mapping[str, str] = {
    "AWSOrganizationsNotInUseException": "Use credentials of an account that is in an AWS organization.",
    "AccountNotManagementOrDelegatedAdministratorException": (
        "Use credentials of the management account or of a delegated administrator for IAM."
    ),
    "CallerIsNotManagementAccountException": "Use credentials of the management account.",
    "ExpiredToken": "Get new credentials and run the command again.",
    "ExpiredTokenException": "Get new credentials and run the command again.",
    "InvalidAccessKeyId": "Check the access key id; it may be deleted, inactive or of another partition or endpoint.",
    "InvalidAction": "AssumeRoot exists on Regional STS endpoints only: check AWS_ENDPOINT_URL_STS and the Region.",
    "InvalidClientTokenId": "Check the access key; it may be deleted, inactive or of another partition or endpoint.",
    "InvalidSignatureException": "Check the secret access key and this machine's clock.",
    "MissingAuthenticationToken": "Check AWS_* variables or the profile.",
    "MissingAuthenticationTokenException": "Check AWS_* variables or the profile.",
    "OptInRequired": "The account isn't signed up, or the Region isn't enabled: try --region us-east-1.",
    "OrganizationNotFoundException": "Use credentials of an account that is in an AWS organization.",
    "OrganizationNotInAllFeaturesModeException": "Enable all features of the organization first.",
    "RegionDisabledException": "Use a Region that is enabled in both accounts, such as --region us-east-1.",
    "RequestExpired": "Check this machine's clock.",
    "RequestTimeTooSkewed": "Check this machine's clock.",
    "ServiceAccessNotEnabledException": "Run `rootkeeper enable`.",
    "SignatureDoesNotMatch": "Check the secret access key and this machine's clock.",
    "UnrecognizedClient": "Check the access key; it may be deleted, inactive or of another partition or endpoint.",
    "UnrecognizedClientException": "Check the access key; it may be deleted, inactive or of another partition.",
}

_IAM_CALLERS = "the management account or a delegated administrator for IAM"

NEEDED_CALLERS: Mapping[str, str] = {
    "account": "the management account or the delegated administrator for Account Management",
    "iam:ListOrganizationsFeatures": _IAM_CALLERS,
    "identitystore": "the management account or the delegated administrator for IAM Identity Center",
    "organizations": "the management account or a delegated administrator of any service",
    "sso-admin": "the management account or the delegated administrator for IAM Identity Center",
    "sts:AssumeRoot": f"{_IAM_CALLERS}, with sts:AssumeRoot for the task policy",
}
"""Whose account a call must come from, by operation or, where all its calls are alike, by service."""

WRONG_CALLER: frozenset[str] = frozenset(
    {"AccountNotManagementOrDelegatedAdministratorException", "CallerIsNotManagementAccountException"}
)
"""Codes that tell nothing but that the caller's account is the wrong one."""

WITHHELD: frozenset[str] = frozenset(
    {
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
    }
)
"""Codes whose text may repeat headers of the request, the session token among them: it is never shown or chained."""
