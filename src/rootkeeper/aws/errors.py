"""Translates botocore's exceptions into ours, here alone, and refuses incomplete answers.

AWS's error codes come with and without the suffix ``Exception``: the query protocol and the JSON protocol spell them
differently. Nothing secret passes: texts that could repeat a request's headers are replaced, and their exceptions
aren't chained. A member that AWS left out of an answer is never taken for "none".

Source: IAM 2010-05-08, STS 2011-06-15, Organizations 2016-11-28 and SQS 2012-11-05 service models; IAM API Reference,
Common errors; S3 API Reference, Error responses.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsCredentialsError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
    DenialCause,
    Hint,
    InputError,
    RootAccessOffError,
    RootkeeperError,
)
from rootkeeper.installation import describe_installing
from rootkeeper.organization.accounts import POLICY_ID

_CODES: Mapping[type[AwsError], str] = {
    AwsAccessDeniedError: "AccessDenied AccessDeniedException NotAuthorized UnauthorizedOperation",
    AwsAlreadyExistsError: "AccountAlreadyRegisteredException EntityAlreadyExists",
    AwsCredentialsError: (
        "AuthFailure ExpiredToken ExpiredTokenException IncompleteSignature IncompleteSignatureException "
        "InvalidAccessKeyId InvalidClientTokenId InvalidSignatureException InvalidToken "
        "MissingAuthenticationToken MissingAuthenticationTokenException OptInRequired RequestExpired "
        "RequestTimeTooSkewed SignatureDoesNotMatch UnrecognizedClient UnrecognizedClientException"
    ),
    AwsNotFoundError: (
        "AWS.SimpleQueueService.NonExistentQueue AccountNotFoundException AccountNotRegisteredException "
        "ChildNotFoundException NoSuchBucket NoSuchBucketPolicy NoSuchEntity NoSuchKey "
        "OrganizationalUnitNotFoundException ParentNotFoundException PolicyNotFoundException "
        "QueueDoesNotExist ResourceNotFoundException RootNotFoundException TargetNotFoundException"
    ),
    AwsThrottledError: (
        "BandwidthLimitExceeded RequestLimitExceeded RequestThrottled RequestThrottledException SlowDown "
        "ThrottledException Throttling ThrottlingException TooManyRequestsException"
    ),
}

ERRORS: Mapping[str, type[AwsError]] = {code: kind for kind, codes in _CODES.items() for code in codes.split()}
"""Every other code is an AwsRejectedError, or no clear answer where the server failed."""

_CHECK_ACCESS_KEY = "Check the access key: it may be deleted, inactive, or of another partition or endpoint."

_ENABLE = Hint("Enable root access management with credentials of the management account.", "setup.enable")

HINTS: Mapping[str, str] = {
    "AWSOrganizationsNotInUseException": "Use credentials of an account that is in an AWS organization.",
    "AccountNotManagementOrDelegatedAdministratorException": (
        "Use credentials of the management account or of a delegated administrator for IAM."
    ),
    "CallerIsNotManagementAccountException": "Use credentials of the management account.",
    "ExpiredToken": "Get new credentials, then try again.",
    "ExpiredTokenException": "Get new credentials, then try again.",
    "InvalidAccessException": "Enable Security Hub in this account and Region, or name another Region.",
    "InvalidAccessKeyId": _CHECK_ACCESS_KEY,
    "InvalidAction": "Check AWS_ENDPOINT_URL_STS and the Region: only Regional STS endpoints have AssumeRoot.",
    "InvalidClientTokenId": _CHECK_ACCESS_KEY,
    "InvalidSignatureException": "Check the secret access key and this machine's clock.",
    "MissingAuthenticationToken": "Check the AWS_* variables or the profile.",
    "MissingAuthenticationTokenException": "Check the AWS_* variables or the profile.",
    "OptInRequired": "Use a Region that is enabled in the account, such as us-east-1.",
    "OrganizationNotFoundException": "Use credentials of an account that is in an AWS organization.",
    "OrganizationNotInAllFeaturesModeException": "Enable all features of the organization first.",
    "RegionDisabledException": "Use a Region that is enabled in both accounts, such as us-east-1.",
    "RequestExpired": "Check this machine's clock.",
    "RequestTimeTooSkewed": "Check this machine's clock.",
    "ServiceAccessNotEnabledException": _ENABLE,
    "SignatureDoesNotMatch": "Check the secret access key and this machine's clock.",
    "UnrecognizedClient": _CHECK_ACCESS_KEY,
    "UnrecognizedClientException": _CHECK_ACCESS_KEY,
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
"""Which account a call must come from: by operation, or by service where all its calls are alike."""

WRONG_CALLER: frozenset[str] = frozenset(
    {"AccountNotManagementOrDelegatedAdministratorException", "CallerIsNotManagementAccountException"}
)
"""Codes that mean only that the caller's account is the wrong account."""

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
"""Codes with texts that may repeat headers of the request, even the session token: never shown or chained."""

_CAUSES = {
    "identity-based policy": DenialCause.IDENTITY_POLICY,
    "permissions boundary": DenialCause.PERMISSIONS_BOUNDARY,
    "resource control policy": DenialCause.RESOURCE_CONTROL_POLICY,
    "resource-based policy": DenialCause.RESOURCE_POLICY,
    "service control policy": DenialCause.SERVICE_CONTROL_POLICY,
    "session policy": DenialCause.SESSION_POLICY,
    "vpc endpoint policy": DenialCause.VPC_ENDPOINT_POLICY,
}

_NAMES = "|".join(re.escape(name) for name in _CAUSES)

_DENIAL = re.compile(
    rf"(?:with an explicit deny in an? ({_NAMES})|because no ({_NAMES}) allows|an? ({_NAMES}) explicitly denies)",
    re.IGNORECASE,
)

_TAIL = re.compile(r"\s*\bGo to https://\S+ for complete details.*", re.DOTALL)

_FEATURES_OFF = (
    "Root sessions feature is not enabled",
    "Root credentials management feature is not enabled",
    "Service not enabled for AWS Organizations",
)


@dataclass(frozen=True, slots=True)
class Denial:
    """The cause that AWS names; ``None`` where it names none."""

    cause: DenialCause | None
    policy_id: str | None


def parse_denial(message: str) -> Denial:
    """Parse cause and policy from AWS's text. A text that names none isn't an error.

    Only fixed parts of the text are matched, because AWS appended to it in 2026 and may do so again.

    Source: IAM User Guide, "Troubleshoot access denied error messages".
    """
    found = _DENIAL.search(message)
    if found is None:
        return Denial(cause=None, policy_id=None)
    name = next(group for group in found.groups() if group)
    policy_id = POLICY_ID.search(message, found.end())
    return Denial(cause=_CAUSES[name.lower()], policy_id=policy_id.group() if policy_id else None)


def is_feature_off(message: str) -> bool:
    """Whether AssumeRoot was refused because trusted access or a feature is off. Source: STS AssumeRoot, observed."""
    return message.startswith(_FEATURES_OFF)


def shorten_denial(message: str) -> str:
    """The text without the console link that AWS appends."""
    return _TAIL.sub("", message)


class CallDeadlineError(botocore_errors.BotoCoreError):
    """A call took longer than all its time. Botocore doesn't retry it."""

    fmt = "The call took longer than {seconds:g} s."


TRANSLATED = (
    AttributeError,
    KeyError,
    RuntimeError,
    ValueError,
    ResponseParserError,
    botocore_errors.BotoCoreError,
    botocore_errors.ClientError,
)
"""The errors that botocore raises on purpose, its parsers on answers that aren't AWS's, and expired credentials."""

_STILL_EXPIRED = "Credentials were refreshed, but the refreshed credentials are still expired."

_SSO_ERRORS = (
    botocore_errors.NoAuthTokenError,
    botocore_errors.SSOError,
    botocore_errors.TokenRetrievalError,
)

_MISSING_ERRORS = (
    botocore_errors.CredentialRetrievalError,
    botocore_errors.MetadataRetrievalError,
    botocore_errors.NoCredentialsError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.RefreshWithMFAUnsupportedError,
    botocore_errors.UnknownCredentialError,
)

CREDENTIALS_ERRORS = (
    *_SSO_ERRORS,
    *_MISSING_ERRORS,
    botocore_errors.LoginError,
    botocore_errors.MissingDependencyException,
)
"""The errors that botocore raises when it can't get the operator's credentials."""

_NOT_SENT_ERRORS = (
    botocore_errors.ConnectTimeoutError,
    botocore_errors.EndpointConnectionError,
    botocore_errors.ProxyConnectionError,
)

_POLICIES_OF_THE_ORGANIZATION = (DenialCause.SERVICE_CONTROL_POLICY, DenialCause.RESOURCE_CONTROL_POLICY)
_LONGEST_TEXT = 600


@dataclass(frozen=True, slots=True)
class FailedCall:
    """The failed call, for its translation."""

    operation: str
    """Such as ``iam:DeleteLoginProfile``."""
    host: str
    """Where it went, such as ``127.0.0.1:4599``."""
    profile: str | None
    target: str | None = None
    """The account or other entity that the call names, if any."""
    in_root_session: bool = False
    may_have_acted: bool = False
    """Whether the call is a changing call, and its request has left."""

    def __str__(self) -> str:
        return f"{self.operation} for {self.target}" if self.target else self.operation


def raise_translated(error: Exception, call: FailedCall) -> NoReturn:
    """Raise our error for ``error``.

    :raises RootkeeperError: of the class in the tables.
    :raises RuntimeError: ``error`` itself, where it is a bug.
    """
    if isinstance(error, RuntimeError) and str(error) != _STILL_EXPIRED:
        raise error
    translated = translate(error, call)
    if _may_hold_secrets(error):
        raise translated from None
    raise translated from error


def translate(error: Exception, call: FailedCall) -> RootkeeperError:
    """Return our error for ``error``, an instance of ``TRANSLATED``."""
    profile = call.profile or "default"
    if isinstance(error, botocore_errors.ClientError):
        return _translate_answer(error, call)
    if isinstance(error, RuntimeError):
        return AwsCredentialsError("The AWS credentials have expired.", hint=HINTS["ExpiredToken"])
    if isinstance(error, _SSO_ERRORS):
        return AwsCredentialsError(
            "The SSO session of these credentials has expired, or there is none.",
            hint=Hint(f"Sign in to SSO again with the profile {profile}.", "aws.sso_login", profile=profile),
            operation=call.operation,
        )
    if isinstance(error, botocore_errors.LoginError):
        return AwsCredentialsError(
            "The login session has expired.",
            hint=Hint(f"Sign in to AWS again with the profile {profile}.", "aws.login", profile=profile),
        )
    if isinstance(error, botocore_errors.MissingDependencyException):
        command = describe_installing("crt")  # for two things: profiles of ``aws login``, and Signature Version 4a
        reason = (
            f"The profile {call.profile or 'default'} signs in with `aws login`, which needs the package awscrt."
            if "login" in str(error)
            else f"{call.operation} must be signed with Signature Version 4a, which needs the package awscrt."
        )
        return AwsCredentialsError(
            f"{reason} It isn't installed.", hint=Hint(f"Install it: {command}", "aws.login_package", command=command)
        )
    if isinstance(error, _MISSING_ERRORS):
        return _credentials_missing(error, call)
    if isinstance(error, botocore_errors.ParamValidationError):
        return InputError(f"{call} doesn't accept these parameters: {_one_line(str(error))}")
    return _translate_no_answer(error, call)


def _translate_answer(error: botocore_errors.ClientError, call: FailedCall) -> AwsError:
    facts = _ErrorFacts.of(error, call)
    if error.operation_name != call.operation.partition(":")[2]:
        return AwsCredentialsError(
            f"The credentials couldn't be renewed: {error.operation_name} returned {facts.aws_code}.",
            hint=f"Check the profile {call.profile or 'default'} and its roles, then try again.",
            aws_code=facts.aws_code,
            request_id=facts.request_id,
        )
    if facts.is_foreign:
        return _translate_no_answer(ResponseParserError(f"HTTP {facts.http_status}"), call)
    kind = ERRORS.get(facts.aws_code)
    if kind is AwsAccessDeniedError:
        return _denied(facts, call)
    if kind is None and facts.http_status >= 500:
        answer = f"HTTP {facts.http_status} {facts.aws_code}"
        if call.may_have_acted:
            message = f"{call} got no clear answer: {answer}. It may have acted."
            return AwsUnclearError(message, **facts.as_arguments())
        return AwsUnreachableError(f"{call} failed at AWS: {answer}.", hint="Try again later.", **facts.as_arguments())
    hint = HINTS.get(facts.aws_code)
    if call.in_root_session and kind is AwsCredentialsError:
        hint = "The root session has expired or was never valid. Open a new one."
    refused = (kind or AwsRejectedError)(f"{call} was refused: {facts.text}", hint=hint, **facts.as_arguments())
    refused.needs = _find_needed_caller(call) if facts.aws_code in WRONG_CALLER else None
    return refused


def _denied(facts: _ErrorFacts, call: FailedCall) -> AwsAccessDeniedError:
    denial = parse_denial(facts.text)
    is_off = is_feature_off(facts.text)
    denial_text = f"Root access management is off, so AWS denied {call}" if is_off else f"{call} was denied"
    denied = (RootAccessOffError if is_off else AwsAccessDeniedError)(
        f"{denial_text}: {shorten_denial(facts.text)}",
        hint=_denial_hint(facts.text, denial.cause, denial.policy_id, call),
        denied_by=denial.cause,
        policy_id=denial.policy_id,
        **facts.as_arguments(),
    )
    if denial.cause is None and not is_off:
        denied.needs = _find_needed_caller(call)
    return denied


def _find_needed_caller(call: FailedCall) -> str | None:
    """Find which account could make the call. AWS named no cause, so the caller's account may be the wrong account."""
    if call.in_root_session:
        return None
    return NEEDED_CALLERS.get(call.operation) or NEEDED_CALLERS.get(call.operation.partition(":")[0])


def _denial_hint(text: str, cause: DenialCause | None, policy_id: str | None, call: FailedCall) -> str | None:
    if is_feature_off(text):
        return _ENABLE
    if call.in_root_session and cause in _POLICIES_OF_THE_ORGANIZATION:
        named = policy_id or "that denies the root user"
        text = f"Exempt root sessions (aws:AssumedRoot) in policy {named}. The preflight shows all policies that block."
        return Hint(text, "preflight.blocking_policies", policy=named)
    if call.operation == "sts:AssumeRoot":
        return (
            "The caller needs sts:AssumeRoot for this task policy. It must be an IAM user or role in the management"
            " account or a delegated administrator for IAM, and the target must be an active member account."
        )
    if call.in_root_session:
        return "AssumeRoot succeeded, so an SCP of the organization denies the root session. Check its SCPs."
    return f"The caller needs the permission {call.operation}."


def _translate_no_answer(error: Exception, call: FailedCall) -> AwsError:
    """Translate an error without an answer of AWS: not sent, cut off, timed out or unreadable."""
    if call.may_have_acted and not _was_never_sent(error):
        return AwsUnclearError(
            f"{call} got no clear answer from {call.host} ({type(error).__name__}). It may have acted.",
            operation=call.operation,
        )
    return AwsUnreachableError(
        f"{call} got no answer from {call.host}: {_explain(error)}.",
        hint="Check the network, the proxy, the Region and AWS_ENDPOINT_URL.",
        operation=call.operation,
    )


def _was_never_sent(error: Exception) -> bool:
    if not isinstance(error, botocore_errors.SSLError):
        return isinstance(error, _NOT_SENT_ERRORS)
    reason: object = error.kwargs.get("error")
    while isinstance(reason, Exception) and reason.args and isinstance(reason.args[-1], Exception):
        reason = reason.args[-1]
    return isinstance(reason, ssl.SSLCertVerificationError)


def _explain(error: Exception) -> str:
    match error:
        case botocore_errors.EndpointConnectionError():
            return "it can't be reached"
        case botocore_errors.ConnectTimeoutError() | botocore_errors.ReadTimeoutError() | CallDeadlineError():
            return "it took too long"
        case botocore_errors.ProxyConnectionError():
            return "the proxy can't be reached"
        case botocore_errors.SSLError():
            return "its TLS certificate or handshake is invalid"
        case botocore_errors.ConnectionClosedError():
            return "it closed the connection"
        case ResponseParserError() | ValueError() | KeyError() | AttributeError():
            return "its answer isn't in AWS's protocol"
        case _:
            return type(error).__name__


def _credentials_missing(error: Exception, call: FailedCall) -> AwsCredentialsError:
    match error:
        case botocore_errors.NoCredentialsError():
            message = "There are no AWS credentials."
            hint: str = Hint("Set the AWS_* variables, or choose a profile.", "aws.credentials_missing")
        case botocore_errors.PartialCredentialsError():
            message = f"The AWS credentials are incomplete: {error.kwargs.get('cred_var')} is missing."
            hint = Hint("Set it, or choose another profile.", "aws.credentials_partial")
        case botocore_errors.RefreshWithMFAUnsupportedError():
            message = "The credentials have expired. To renew them, AWS needs an MFA code."
            hint = "Try again and enter a new code."
        case _:
            provider = getattr(error, "kwargs", {}).get("provider", "The credential source")
            message = f"{provider} returned no AWS credentials."
            hint = f"`aws sts get-caller-identity` with the profile {call.profile or 'default'} shows the cause."
    return AwsCredentialsError(message, hint=hint, operation=call.operation)


def _may_hold_secrets(error: Exception) -> bool:
    if isinstance(error, botocore_errors.ClientError):
        return error.response.get("Error", {}).get("Code") in WITHHELD
    return isinstance(error, botocore_errors.CredentialRetrievalError | ResponseParserError)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_TEXT]


_HEAD_CODES = {"403": "AccessDenied", "404": "NoSuchKey"}
"""An answer to HeadObject has no body, so botocore gives its status for a code."""


@dataclass(frozen=True, slots=True)
class _ErrorFacts:
    operation: str
    aws_code: str
    text: str
    request_id: str
    http_status: int

    @staticmethod
    def of(error: botocore_errors.ClientError, call: FailedCall) -> _ErrorFacts:
        answer: dict[str, Any] = dict(error.response)
        metadata = answer.get("ResponseMetadata", {})
        request_id = str(metadata.get("RequestId", ""))
        code = str(answer.get("Error", {}).get("Code", ""))
        if call.operation == "s3:HeadObject" and request_id:
            code = _HEAD_CODES.get(code, code)
        text = _one_line(str(answer.get("Error", {}).get("Message") or "AWS gives no reason"))
        return _ErrorFacts(
            operation=call.operation,
            aws_code=code,
            text=f"{code}." if code in WITHHELD else f"{text} ({code})" if code not in ERRORS else text,
            request_id=request_id,
            http_status=int(metadata.get("HTTPStatusCode", 0)),
        )

    @property
    def is_foreign(self) -> bool:
        """Whether a proxy or another server answered: the code isn't AWS's."""
        return self.aws_code in ("", "Unknown") or self.aws_code.isdecimal()

    def as_arguments(self) -> dict[str, str]:
        return {"operation": self.operation, "aws_code": self.aws_code, "request_id": self.request_id}


AwsResponse: TypeAlias = Mapping[str, Any]
"""An answer as botocore parsed it; members that AWS left out are missing."""


def required(answer: AwsResponse, member: str, operation: str) -> Any:
    """Return a member that every whole answer to ``operation`` (such as ``iam:GetUser``) has.

    :raises AwsUnreachableError: if it is missing.
    """
    found = answer.get(member)
    if found is None:
        refuse_answer(operation, f"it lacks {member}")
    return found


def refuse_answer(operation: str, problem: str) -> NoReturn:
    """:raises AwsUnreachableError: always, because an incomplete answer counts as none."""
    raise AwsUnreachableError(
        f"The answer to {operation} is incomplete: {problem}.",
        hint="Check AWS_ENDPOINT_URL and the proxy, then try again.",
        operation=operation,
    )
