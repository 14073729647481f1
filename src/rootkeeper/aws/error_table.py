"""Which of our errors each error code of AWS is, and what a person can do about it.

Codes come with and without the suffix ``Exception``: the query protocol and the JSON protocol spell them differently.

Source: IAM 2010-05-08, STS 2011-06-15 and Organizations 2016-11-28 service models; IAM API Reference, Common errors.
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
    "NoSuchEntity": AwsNotFoundError,
    "NotAuthorized": AwsAccessDeniedError,
    "OptInRequired": AwsCredentialsError,
    "OrganizationalUnitNotFoundException": AwsNotFoundError,
    "ParentNotFoundException": AwsNotFoundError,
    "RequestExpired": AwsCredentialsError,
    "RequestLimitExceeded": AwsThrottledError,
    "RequestThrottled": AwsThrottledError,
    "RequestThrottledException": AwsThrottledError,
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
    "ServiceAccessNotEnabledException": "Run `rootkeeper enable`.",
    "SignatureDoesNotMatch": "Check the secret access key and this machine's clock.",
    "UnrecognizedClient": "Check the access key; it may be deleted, inactive or of another partition or endpoint.",
    "UnrecognizedClientException": "Check the access key; it may be deleted, inactive or of another partition.",
}

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
