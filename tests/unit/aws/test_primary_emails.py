"""Account Management's answers, well and badly."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from rootkeeper.aws.clients import AwsClients
from rootkeeper.aws.primary_emails import AwsPrimaryEmails
from rootkeeper.aws.rules import EmailUpdate, EmailUpdateStatus, OneTimePassword
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
    OneTimePasswordError,
)
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from tests.fakes.aws_server import CUT, FakeAwsServer, Reply
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

ACCOUNT = AccountId("444455556666")
NEW = "aws+shop@example.com"
OTP = OneTimePassword("K7Q2ZX")


@pytest.fixture
def emails(clients: AwsClients) -> AwsPrimaryEmails:
    return AwsPrimaryEmails(clients)


def refuse(code: str, status: int = 400, message: str = "no") -> Reply:
    """An error as Account Management words it."""
    return Reply(status, json.dumps({"message": message, "__type": code, "errorType": code}))


def accept(emails: AwsPrimaryEmails, clock: FakeClock) -> None:
    emails.accept_email_update(ACCOUNT, NEW, OTP, make_intent(clock, Action.EMAIL_UPDATE_ACCEPT, ACCOUNT))


def start(emails: AwsPrimaryEmails, clock: FakeClock) -> None:
    emails.start_email_update(ACCOUNT, NEW, make_intent(clock, Action.EMAIL_UPDATE_START, ACCOUNT))


def test_the_calls_name_account_address_and_one_time_password(
    emails: AwsPrimaryEmails, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    for operation in ("StartPrimaryEmailUpdate", "AcceptPrimaryEmailUpdate"):
        aws_server.answer(operation, Reply(body='{"Status": "PENDING"}'))
    start(emails, clock)
    accept(emails, clock)
    sent = [json.loads(request.parameters) for request in aws_server.received]
    assert sent == [
        {"AccountId": ACCOUNT, "PrimaryEmail": NEW},
        {"AccountId": ACCOUNT, "PrimaryEmail": NEW, "Otp": OTP.value},
    ]
    assert clock.slept == []


def test_an_address_is_read_and_an_answer_without_one_is_none(
    emails: AwsPrimaryEmails, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("GetPrimaryEmail", Reply(body='{"PrimaryEmail": "old@example.com"}'), Reply(body="{}"))
    assert emails.read_primary_email(ACCOUNT) == "old@example.com"
    with pytest.raises(AwsUnreachableError, match="lacks PrimaryEmail"):
        emails.read_primary_email(ACCOUNT)


@pytest.mark.parametrize(
    ("body", "update"),
    [
        (
            '{"Status": "PENDING", "UpdatedAt": "2026-01-15T09:00:00Z"}',
            EmailUpdate(EmailUpdateStatus.PENDING, datetime(2026, 1, 15, 9, tzinfo=UTC)),
        ),
        ('{"Status": "ACCEPTED"}', EmailUpdate(EmailUpdateStatus.ACCEPTED, None)),
        ('{"Status": "BROODING"}', EmailUpdate(EmailUpdateStatus.UNKNOWN, None)),
    ],
)
def test_how_far_a_change_is(
    emails: AwsPrimaryEmails, aws_server: FakeAwsServer, body: str, update: EmailUpdate
) -> None:
    aws_server.answer("GetPrimaryEmailUpdateStatus", Reply(body=body))
    assert emails.find_email_update(ACCOUNT) == update


def test_no_change_is_distinguished_from_other_refusals(emails: AwsPrimaryEmails, aws_server: FakeAwsServer) -> None:
    aws_server.answer(
        "GetPrimaryEmailUpdateStatus",
        refuse("ValidationException", message="No email update found for account"),
        refuse("ValidationException", message="1 validation error detected"),
    )
    assert emails.find_email_update(ACCOUNT) is None
    with pytest.raises(AwsRejectedError):
        emails.find_email_update(ACCOUNT)


def test_an_account_that_is_not_there_is_not_found(emails: AwsPrimaryEmails, aws_server: FakeAwsServer) -> None:
    aws_server.answer("GetPrimaryEmail", refuse("ResourceNotFoundException", 404, "No such account"))
    with pytest.raises(AwsNotFoundError, match="No such account") as raised:
        emails.read_primary_email(ACCOUNT)
    assert raised.value.aws_code == "ResourceNotFoundException"


def test_a_refusal_says_who_may_ask(emails: AwsPrimaryEmails, aws_server: FakeAwsServer) -> None:
    aws_server.answer(
        "GetPrimaryEmail",
        refuse("AccessDeniedException", 403, "not authorized to perform: account:GetPrimaryEmail"),
        refuse(
            "AccessDeniedException",
            403,
            "not authorized (Your organization must first enable trusted access with AWS Account Management.)",
        ),
    )
    for said in ("delegated administrator for Account Management", "enable-aws-service-access"):
        with pytest.raises(AwsAccessDeniedError) as raised:
            emails.read_primary_email(ACCOUNT)
        assert said in (render_hint(raised.value.hint) or "")


ACCEPTANCES: list[tuple[Reply, type[AwsError], int]] = [
    (refuse("ValidationException"), OneTimePasswordError, 4),
    (refuse("ResourceNotFoundException", 404), AwsNotFoundError, 3),
    (refuse("ConflictException", 409), AwsAlreadyExistsError, 3),
    (refuse("AccessDeniedException", 403), AwsAccessDeniedError, 3),
    (refuse("TooManyRequestsException", 429), AwsThrottledError, 3),
    (refuse("InternalServerException", 500), AwsUnclearError, 3),
    (CUT, AwsUnclearError, 3),
]


@pytest.mark.parametrize(("reply", "kind", "status"), ACCEPTANCES)
def test_p08_no_error_of_an_acceptance_repeats_or_chains_the_one_time_password(
    emails: AwsPrimaryEmails,
    aws_server: FakeAwsServer,
    clock: FakeClock,
    reply: Reply,
    kind: type[AwsError],
    status: int,
) -> None:
    assert isinstance(reply.body, str)
    quoting = Reply(reply.status, reply.body.replace('"no"', f'"Value {OTP.value} at otp is bad"'), cut=reply.cut)
    aws_server.answer("AcceptPrimaryEmailUpdate", quoting)
    with pytest.raises(kind) as raised:
        accept(emails, clock)
    error = raised.value
    assert type(error) is kind
    assert error.exit_status == status
    assert OTP.value not in f"{error.message} {error.hint} {error.args}"
    assert error.__cause__ is error.__context__ is None
    assert aws_server.operations == ["AcceptPrimaryEmailUpdate"]


def test_an_address_in_use_says_what_to_do(
    emails: AwsPrimaryEmails, aws_server: FakeAwsServer, clock: FakeClock
) -> None:
    aws_server.answer("StartPrimaryEmailUpdate", refuse("ConflictException", 409, "The email is in use"))
    with pytest.raises(AwsAlreadyExistsError, match="in use") as raised:
        start(emails, clock)
    assert raised.value.hint == "Choose another address, or free this one first."


def test_published_rates_are_kept(emails: AwsPrimaryEmails, aws_server: FakeAwsServer, clock: FakeClock) -> None:
    aws_server.answer("GetPrimaryEmail", Reply(body='{"PrimaryEmail": "old@example.com"}'))
    for _ in range(4):
        emails.read_primary_email(ACCOUNT)
    assert sum(clock.slept) >= 1 / 3
