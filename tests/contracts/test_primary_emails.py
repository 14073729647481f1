"""The contract of PrimaryEmails, tried on the fake and on the real adapter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import pytest

from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.aws.primary_emails import PrimaryEmails
from rootkeeper.aws.rules import ACCOUNT_SERVICE_PRINCIPAL, EmailUpdateStatus, OneTimePassword
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsAlreadyExistsError,
    AwsNotFoundError,
    AwsThrottledError,
    AwsUnclearError,
    LockLostError,
    OneTimePasswordError,
)
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId
from rootkeeper.root_emails.rules import parse_one_time_password
from tests.contracts.subjects import FOREIGN, MANAGEMENT, MEMBER, SECURITY, FakeSubject, SandboxSubject, Subject
from tests.fakes.intents import make_intent
from tests.functional.administration import open_client

NEW = "aws+renamed@example.com"
WRONG = OneTimePassword("000000")
BEGIN, ACCEPT = Action.EMAIL_UPDATE_START, Action.EMAIL_UPDATE_ACCEPT


class Mailroom(Protocol):
    """One implementation, and the mail that it sends."""

    @property
    def subject(self) -> Subject: ...

    @property
    def emails(self) -> PrimaryEmails: ...

    def true_email(self, account_id: AccountId) -> str: ...

    def newest_otp(self) -> OneTimePassword:
        """Out of the newest mail to ``NEW``."""
        ...

    def distrust(self) -> None:
        """Switch trusted access for Account Management off."""
        ...


@dataclass
class FakeMailroom:
    subject: FakeSubject

    @property
    def emails(self) -> PrimaryEmails:
        return self.subject.organization.emails

    def true_email(self, account_id: AccountId) -> str:
        return self.subject.organization.accounts[account_id].email

    def newest_otp(self) -> OneTimePassword:
        return self.subject.organization.emails.newest_otp(NEW)

    def distrust(self) -> None:
        self.subject.organization.emails.trusted_access = False


@dataclass
class SandboxMailroom:
    subject: SandboxSubject

    @property
    def emails(self) -> AwsGateway:
        return self.subject.organization

    def true_email(self, account_id: AccountId) -> str:
        return str(self.subject.sandbox.accounts()[account_id]["email"])

    def newest_otp(self) -> OneTimePassword:
        bodies = [str(mail["body"]) for mail in self.subject.sandbox.mailbox(NEW)]
        found = re.search(r"Verification code: (\w+)", bodies[-1])
        assert found is not None
        return parse_one_time_password(found[1])

    def trust(self, *, on: bool) -> None:
        sandbox = self.subject.sandbox
        client = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
        switch = client.enable_aws_service_access if on else client.disable_aws_service_access
        switch(ServicePrincipal=ACCOUNT_SERVICE_PRINCIPAL)
        self.subject.start = sandbox.last_request()

    def distrust(self) -> None:
        self.trust(on=False)


@pytest.fixture
def mailroom(subject: Subject) -> Mailroom:
    """Trusted access for Account Management is on."""
    if isinstance(subject, FakeSubject):
        return FakeMailroom(subject)
    assert isinstance(subject, SandboxSubject)
    mailroom = SandboxMailroom(subject)
    mailroom.trust(on=True)
    return mailroom


def intent(mailroom: Mailroom, action: Action, account_id: AccountId = MEMBER) -> Intent:
    return make_intent(mailroom.subject.clock, action, account_id)


def start(mailroom: Mailroom, email: str = NEW, account_id: AccountId = MEMBER) -> None:
    mailroom.emails.start_email_update(account_id, email, intent(mailroom, BEGIN, account_id))


def accept(mailroom: Mailroom, otp: OneTimePassword, email: str = NEW) -> None:
    mailroom.emails.accept_email_update(MEMBER, email, otp, intent(mailroom, ACCEPT))


def test_an_address_is_read(mailroom: Mailroom) -> None:
    assert mailroom.emails.read_primary_email(MEMBER) == mailroom.true_email(MEMBER)
    assert [operation for operation, _ in mailroom.subject.operations()] == ["GetPrimaryEmail"]


def test_a_change_is_pending_from_its_start_and_done_with_the_one_time_password(mailroom: Mailroom) -> None:
    assert mailroom.emails.find_email_update(MEMBER) is None
    started_at = mailroom.subject.clock.now()
    start(mailroom)
    pending = mailroom.emails.find_email_update(MEMBER)
    assert pending is not None
    assert (pending.status, pending.updated_at is not None) == (EmailUpdateStatus.PENDING, True)
    assert mailroom.emails.read_primary_email(MEMBER) != NEW
    accept(mailroom, mailroom.newest_otp())
    done = mailroom.emails.find_email_update(MEMBER)
    assert done is not None
    assert done.status in {EmailUpdateStatus.ACCEPTED, EmailUpdateStatus.COMPLETED}
    assert mailroom.emails.read_primary_email(MEMBER) == NEW == mailroom.true_email(MEMBER)
    assert mailroom.subject.clock.now() - started_at < timedelta(hours=1)


def test_an_address_that_an_account_has_cant_be_started(mailroom: Mailroom) -> None:
    with pytest.raises(AwsAlreadyExistsError) as raised:
        start(mailroom, mailroom.true_email(SECURITY).upper())
    assert raised.value.aws_code == "ConflictException"


def test_p08_a_wrong_one_time_password_changes_nothing_and_isnt_repeated(mailroom: Mailroom) -> None:
    start(mailroom)
    with pytest.raises(OneTimePasswordError) as raised:
        accept(mailroom, WRONG)
    assert WRONG.value not in str(raised.value)
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert mailroom.true_email(MEMBER) != NEW
    accept(mailroom, mailroom.newest_otp())
    assert mailroom.true_email(MEMBER) == NEW


def test_a_one_time_password_is_of_the_newest_start_and_its_address(mailroom: Mailroom) -> None:
    start(mailroom)
    first = mailroom.newest_otp()
    with pytest.raises(AwsNotFoundError):
        accept(mailroom, first, "aws+other@example.com")
    start(mailroom)
    with pytest.raises(OneTimePasswordError):
        accept(mailroom, first)


def test_without_a_start_and_after_an_acceptance_nothing_is_open(mailroom: Mailroom) -> None:
    with pytest.raises(AwsNotFoundError):
        accept(mailroom, WRONG)
    start(mailroom)
    otp = mailroom.newest_otp()
    accept(mailroom, otp)
    with pytest.raises(AwsNotFoundError):
        accept(mailroom, otp)


@pytest.mark.parametrize("account_id", [MANAGEMENT, FOREIGN])
def test_the_management_account_and_foreign_ones_are_refused(mailroom: Mailroom, account_id: AccountId) -> None:
    with pytest.raises(AwsAccessDeniedError):
        mailroom.emails.read_primary_email(account_id)
    with pytest.raises(AwsAccessDeniedError):
        start(mailroom, account_id=account_id)


def test_without_trusted_access_nothing_can_be_read_or_changed(mailroom: Mailroom) -> None:
    mailroom.distrust()
    for call in (mailroom.emails.read_primary_email, mailroom.emails.find_email_update):
        with pytest.raises(AwsAccessDeniedError):
            call(MEMBER)
    with pytest.raises(AwsAccessDeniedError):
        start(mailroom)


@pytest.mark.parametrize(
    ("operation", "action"), [("StartPrimaryEmailUpdate", BEGIN), ("AcceptPrimaryEmailUpdate", ACCEPT)]
)
class TestEveryChange:
    """What holds for both of them."""

    def change(self, mailroom: Mailroom, action: Action, receipt: Intent, otp: OneTimePassword = WRONG) -> None:
        if action is BEGIN:
            mailroom.emails.start_email_update(MEMBER, NEW, receipt)
        else:
            mailroom.emails.accept_email_update(MEMBER, NEW, otp, receipt)

    def test_p04_it_is_sent_once_even_when_its_answer_is_lost(
        self, mailroom: Mailroom, operation: str, action: Action
    ) -> None:
        otp = WRONG
        if action is ACCEPT:
            start(mailroom)
            otp = mailroom.newest_otp()
        mailroom.subject.cut_off(operation)
        with pytest.raises(AwsUnclearError):
            self.change(mailroom, action, intent(mailroom, action), otp)
        assert [made for made, _ in mailroom.subject.operations()].count(operation) == 1

    def test_a_throttled_one_is_sent_once_and_says_so(self, mailroom: Mailroom, operation: str, action: Action) -> None:
        mailroom.subject.throttle(operation)
        with pytest.raises(AwsThrottledError):
            self.change(mailroom, action, intent(mailroom, action))
        assert [made for made, _ in mailroom.subject.operations()] == [operation]

    def test_it_does_not_leave_without_a_valid_intent_of_its_own(
        self, mailroom: Mailroom, operation: str, action: Action
    ) -> None:
        clock = mailroom.subject.clock
        with pytest.raises(LockLostError):
            self.change(mailroom, action, make_intent(clock, action, MEMBER, valid_seconds=0))
        for wrong in (make_intent(clock, Action.ACCESS_KEY_DELETE, MEMBER), make_intent(clock, action, FOREIGN)):
            with pytest.raises(ValueError, match="intent"):
                self.change(mailroom, action, wrong)
        assert operation not in [made for made, _ in mailroom.subject.operations()]
