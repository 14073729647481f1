from __future__ import annotations

import logging
import ssl
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from botocore import exceptions as botocore_errors
from botocore.parsers import ResponseParserError

from rootkeeper.aws.errors import ERRORS, HINTS, WITHHELD, FailedCall, raise_translated, translate
from rootkeeper.cli.hints import render_hint
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

READ = FailedCall("iam:GetAccountSummary", "iam.amazonaws.com:443", None, target="222233334444")
CHANGE = FailedCall("iam:DeleteLoginProfile", "iam.amazonaws.com:443", None, target="222233334444", may_have_acted=True)
SCP = "arn:aws:organizations::111122223333:policy/o-exampleorgid/service_control_policy/p-examplescp"


def answer(code: str, status: int = 400, message: str = "no", call: FailedCall = READ) -> botocore_errors.ClientError:
    response = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "example-request"},
    }
    return botocore_errors.ClientError(response, call.operation.partition(":")[2])  # type: ignore[arg-type]  # partial


@pytest.mark.parametrize(("code", "kind"), ERRORS.items())
def test_every_code_of_the_table_becomes_its_error_with_its_facts(code: str, kind: type[AwsError]) -> None:
    error = translate(answer(code), READ)
    assert type(error) is kind
    assert isinstance(error, AwsError)
    assert error.aws_code == code
    assert error.operation == "iam:GetAccountSummary"
    assert error.request_id == "example-request"
    assert "222233334444" in error.message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AWSOrganizationsNotInUseException", AwsRejectedError),
        ("AccountAlreadyRegisteredException", AwsAlreadyExistsError),
        ("AccountNotFoundException", AwsNotFoundError),
        ("AccountNotManagementOrDelegatedAdministratorException", AwsRejectedError),
        ("AccountNotRegisteredException", AwsNotFoundError),
        ("CallerIsNotManagementAccountException", AwsRejectedError),
        ("ConcurrentModification", AwsRejectedError),
        ("ConstraintViolationException", AwsRejectedError),
        ("EntityAlreadyExists", AwsAlreadyExistsError),
        ("EntityTemporarilyUnmodifiable", AwsRejectedError),
        ("InvalidAction", AwsRejectedError),
        ("LimitExceeded", AwsRejectedError),
        ("NoSuchEntity", AwsNotFoundError),
        ("OrganizationNotFoundException", AwsRejectedError),
        ("RegionDisabledException", AwsRejectedError),
        ("ServiceAccessNotEnabledException", AwsRejectedError),
        ("Throttling", AwsThrottledError),
        ("TooManyRequestsException", AwsThrottledError),
        ("ValidationError", AwsRejectedError),
    ],
)
@pytest.mark.parametrize("call", [READ, CHANGE])
def test_what_aws_understood_and_refused_is_never_unclear(code: str, kind: type[AwsError], call: FailedCall) -> None:
    error = translate(answer(code, call=call), call)
    assert type(error) is kind
    assert error.hint == HINTS.get(code)


def test_every_error_has_an_exit_status_of_3() -> None:
    assert {kind.exit_status for kind in ERRORS.values()} == {3}


# Denials.


@pytest.mark.parametrize(
    "message",
    [
        "Root sessions feature is not enabled for your AWS Organization.",
        "Root credentials management feature is not enabled for your AWS Organization.",
        "Service not enabled for AWS Organizations.",
    ],
)
def test_a_feature_that_is_off_leads_to_enable(message: str) -> None:
    call = FailedCall("sts:AssumeRoot", "sts.us-east-1.amazonaws.com:443", None, target="222233334444")
    error = translate(answer("AccessDenied", 403, message, call), call)
    assert isinstance(error, RootAccessOffError)
    assert isinstance(error.hint, Hint)
    assert error.hint.code == "setup.enable"
    assert error.denied_by is None
    assert error.message.startswith("Root access management is off, so AWS denied sts:AssumeRoot for 222233334444:")
    assert message in error.message


def test_a_denial_in_a_root_session_names_the_policy() -> None:
    call = FailedCall(
        "iam:GetAccountSummary", "iam.amazonaws.com:443", None, target="222233334444", in_root_session=True
    )
    message = f"User: x is not authorized with an explicit deny in a service control policy: {SCP}"
    error = translate(answer("AccessDenied", 403, message, call), call)
    assert isinstance(error, AwsAccessDeniedError)
    assert error.denied_by is DenialCause.SERVICE_CONTROL_POLICY
    assert error.policy_id == "p-examplescp"
    assert error.hint is not None
    assert "p-examplescp" in error.hint


def test_a_denial_without_a_cause_has_none() -> None:
    error = translate(answer("AccessDeniedException", message="You don't have permissions."), READ)
    assert isinstance(error, AwsAccessDeniedError)
    assert error.denied_by is None
    assert error.hint == "The caller needs the permission iam:GetAccountSummary."


# Credentials.


@pytest.mark.parametrize(
    ("profile", "command"),
    [("ops", "Run `aws sso login --profile ops`."), (None, "Run `aws sso login --profile default`.")],
)
@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.UnauthorizedSSOTokenError(),
        botocore_errors.SSOTokenLoadError(error_msg="Token for x does not exist"),
        botocore_errors.TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
    ],
)
def test_an_expired_sso_session_says_how_to_sign_in_again(error: Exception, profile: str | None, command: str) -> None:
    translated = translate(error, FailedCall("sts:GetCallerIdentity", "x:443", profile))
    assert isinstance(translated, AwsCredentialsError)
    assert render_hint(translated.hint) == command


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.NoCredentialsError(),
        botocore_errors.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        botocore_errors.CredentialRetrievalError(provider="custom-process", error_msg="canary"),
        botocore_errors.RefreshWithMFAUnsupportedError(),
        botocore_errors.MetadataRetrievalError(error_msg="x"),
        botocore_errors.LoginRefreshRequired(),
        answer("ExpiredTokenException"),
        answer("InvalidClientTokenId", 403),
    ],
)
def test_credentials_that_cannot_be_used_say_what_to_do(error: Exception) -> None:
    translated = translate(error, READ)
    assert isinstance(translated, AwsCredentialsError)
    assert translated.hint
    assert "canary" not in translated.message


def test_an_expired_root_session_is_not_blamed_on_the_operator_s_credentials() -> None:
    call = FailedCall("iam:GetUser", "iam.amazonaws.com:443", "ops", in_root_session=True)
    error = translate(answer("ExpiredToken", 403, call=call), call)
    assert isinstance(error, AwsCredentialsError)
    assert error.hint is not None
    assert "root session" in error.hint


def test_a_failure_to_renew_the_credentials_is_no_failure_of_the_call() -> None:
    error = botocore_errors.ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}},  # type: ignore[typeddict-item]  # partial
        "AssumeRole",
    )
    translated = translate(error, READ)
    assert isinstance(translated, AwsCredentialsError)
    assert "AssumeRole" in translated.message


# Silence.


CONNECTION: dict[str, Any] = {"endpoint_url": "https://iam.amazonaws.com/", "error": OSError("x")}


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.ConnectionClosedError(**CONNECTION),
        botocore_errors.ReadTimeoutError(**CONNECTION),
        botocore_errors.HTTPClientError(**CONNECTION),
        botocore_errors.ResponseStreamingError(**CONNECTION),
        botocore_errors.SSLError(**CONNECTION),
        ResponseParserError("garbage"),
        KeyError("GetUserResult"),
        ValueError("Invalid timestamp"),
        AttributeError("get"),
        answer("InternalFailure", 500, call=CHANGE),
        answer("502", 502, call=CHANGE),
        answer("Unknown", 403, call=CHANGE),
    ],
    ids=lambda error: f"{type(error).__name__}",
)
def test_p04_a_change_that_left_and_got_no_clear_answer_is_unclear(error: Exception) -> None:
    assert isinstance(translate(error, CHANGE), AwsUnclearError)


@pytest.mark.parametrize(
    "error",
    [
        botocore_errors.ConnectTimeoutError(**CONNECTION),
        botocore_errors.EndpointConnectionError(**CONNECTION),
        botocore_errors.ProxyConnectionError(proxy_url="http://proxy.example:3128", error=OSError("x")),
        botocore_errors.SSLError(
            endpoint_url="https://iam.amazonaws.com/", error=OSError(ssl.SSLCertVerificationError("self-signed"))
        ),
    ],
)
@pytest.mark.parametrize("call", [READ, CHANGE])
def test_what_surely_was_not_sent_is_unreachable(error: Exception, call: FailedCall) -> None:
    translated = translate(error, call)
    assert isinstance(translated, AwsUnreachableError)
    assert "iam.amazonaws.com:443" in translated.message
    assert translated.hint


def test_a_reading_call_without_an_answer_is_unreachable() -> None:
    for error in (
        botocore_errors.ReadTimeoutError(**CONNECTION),
        ResponseParserError("garbage"),
        answer("InternalFailure", 500),
        answer("502", 502),
    ):
        assert isinstance(translate(error, READ), AwsUnreachableError)


def test_parameters_that_aws_does_not_take_are_the_user_s_input() -> None:
    error = translate(botocore_errors.ParamValidationError(report="Invalid length for parameter SerialNumber"), READ)
    assert isinstance(error, InputError)
    assert "SerialNumber" in error.message


# Secrets.


CANARIES = ("canary-secret-access-key", "canary-session-token")
CANONICAL = (
    "The request signature we calculated does not match. The Canonical String for this request should have been "
    "'POST / host:iam.amazonaws.com x-amz-security-token:canary-session-token'; canary-secret-access-key"
)


def everything_shown(error: RootkeeperError) -> Iterator[str]:
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)), str(error.hint))
    yield "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "error",
    [
        *(answer(code, 403, CANONICAL) for code in sorted(WITHHELD)),
        botocore_errors.CredentialRetrievalError(provider="custom-process", error_msg=CANONICAL),
        ResponseParserError(CANONICAL),
    ],
    ids=lambda error: f"{type(error).__name__}",
)
def test_p08_no_secret_passes_in_an_error_or_a_log(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(RootkeeperError) as raised:
        raise_translated(error, READ)
    for shown in (*everything_shown(raised.value), caplog.text):
        assert not [canary for canary in CANARIES if canary in shown]


def test_other_errors_keep_their_cause() -> None:
    error = answer("NoSuchEntity", 404)
    with pytest.raises(AwsNotFoundError) as raised:
        raise_translated(error, READ)
    assert raised.value.__cause__ is error


def test_a_text_of_aws_stays_one_line_and_short() -> None:
    error = translate(answer("ValidationError", message="a\n\tb " * 1000), READ)
    assert "\n" not in error.message
    assert len(error.message) < 800
