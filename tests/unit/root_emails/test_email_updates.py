"""How far a change of a root e-mail address is, and what a re-read proves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.aws.rules import EmailUpdate, EmailUpdateStatus, OneTimePassword
from rootkeeper.errors import InputError
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.root_emails.rules import (
    EmailReread,
    EmailUpdateSnapshot,
    StartedEmailUpdate,
    evaluate_acceptance,
    find_started_update,
    is_overtaken,
    parse_one_time_password,
    was_started,
)

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
OLD, NEW = "old@example.com", "aws@example.com"
START, ACCEPT = Action.EMAIL_UPDATE_START, Action.EMAIL_UPDATE_ACCEPT


class Entries:
    """A ledger of one account, written line by line."""

    def __init__(self) -> None:
        self.list: list[LedgerEntry] = []

    def add(self, action: Action, result: Result | None, *, email: str = NEW, hours_ago: float = 1) -> Entries:
        """An intent, and its outcome unless ``result`` is ``None``."""
        at = NOW - timedelta(hours=hours_ago)
        intent = self._append(action, at, {"email": email}, Phase.INTENT, None, None)
        if result is not None:
            self._append(action, at, {}, Phase.OUTCOME, intent.sequence, result)
        return self

    def _append(
        self,
        action: Action,
        at: datetime,
        parameters: dict[str, str],
        phase: Phase,
        intent_sequence: int | None,
        result: Result | None,
    ) -> LedgerEntry:
        entry = LedgerEntry(
            sequence=len(self.list) + 1,
            at=at,
            organization_id="o-exampleorgid",
            endpoint="AWS",
            actor=Actor("operator", ActorKind.SELF_ASSERTED),
            action=action,
            account_id=AccountId("444455556666"),
            parameters=parameters,
            phase=phase,
            owner_id="owner",
            intent_sequence=intent_sequence,
            result=result,
            previous_hash="",
            entry_hash="",
        )
        self.list.append(entry)
        return entry


@pytest.mark.parametrize("text", ["ABC123", " abc123\n", "000000"])
def test_a_one_time_password_has_six_letters_and_digits(text: str) -> None:
    assert parse_one_time_password(text).value == text.strip()


@pytest.mark.parametrize("text", ["", "ABC12", "ABC1234", "ABC 12", "ABC-12", "ÄBC123", "\N{SUPERSCRIPT TWO}BC123"])
def test_p08_what_isnt_a_one_time_password_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_one_time_password(text)
    assert not text.strip() or text.strip() not in f"{raised.value.message}{raised.value.hint}"


def test_p08_a_one_time_password_isnt_shown_by_its_repr() -> None:
    assert "SECRET" not in f"{OneTimePassword('SECRET')!r} {OneTimePassword('SECRET')}"


def test_a_start_is_open_for_24_hours() -> None:
    entries = Entries().add(START, Result.DONE, hours_ago=23).list
    started = find_started_update(entries, NOW)
    assert started is not None
    assert (started.email, started.is_certain) == (NEW, True)
    assert find_started_update(entries, NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize("result", [Result.UNKNOWN, None])
def test_a_start_without_a_clear_answer_may_be_open(result: Result | None) -> None:
    started = find_started_update(Entries().add(START, result).list, NOW)
    assert started is not None
    assert not started.is_certain


def test_a_refused_start_leaves_the_one_before_it_open() -> None:
    entries = Entries().add(START, Result.DONE, email=OLD, hours_ago=2).add(START, Result.FAILED).list
    started = find_started_update(entries, NOW)
    assert started is not None
    assert started.email == OLD


def test_the_newest_start_counts() -> None:
    entries = Entries().add(START, Result.DONE, email=OLD, hours_ago=2).add(START, Result.DONE).list
    started = find_started_update(entries, NOW)
    assert started is not None
    assert started.email == NEW


@pytest.mark.parametrize(("result", "is_open"), [(Result.DONE, False), (Result.FAILED, True), (Result.UNKNOWN, True)])
def test_only_a_proven_acceptance_ends_a_start(result: Result, *, is_open: bool) -> None:
    entries = Entries().add(START, Result.DONE, hours_ago=2).add(ACCEPT, result).list
    assert (find_started_update(entries, NOW) is not None) is is_open


def test_other_entries_dont_matter() -> None:
    assert find_started_update(Entries().add(Action.LOGIN_PROFILE_CREATE, Result.DONE).list, NOW) is None


PENDING, ACCEPTED, FAILED = EmailUpdateStatus.PENDING, EmailUpdateStatus.ACCEPTED, EmailUpdateStatus.FAILED
BEFORE, AFTER = NOW - timedelta(hours=1), NOW


def read(at: datetime | None, status: EmailUpdateStatus = PENDING) -> EmailUpdateSnapshot:
    return EmailUpdateSnapshot(was_read=True, update=EmailUpdate(status, at))


NOTHING, UNREAD = EmailUpdateSnapshot(was_read=True), EmailUpdateSnapshot(was_read=False)


@pytest.mark.parametrize(
    ("before", "after", "started"),
    [
        (NOTHING, NOTHING, False),
        (NOTHING, read(AFTER), True),
        (read(BEFORE), read(BEFORE), False),
        (read(BEFORE), read(AFTER), True),
        (read(BEFORE), read(AFTER, ACCEPTED), True),
        (read(BEFORE), read(None), None),
        (UNREAD, read(AFTER), None),
        (NOTHING, UNREAD, None),
    ],
)
def test_a_start_acted_if_the_newest_change_isnt_the_one_of_before(
    before: EmailUpdateSnapshot, after: EmailUpdateSnapshot, *, started: bool | None
) -> None:
    assert was_started(before.describe(), after) is started
    assert was_started({}, after) is None


@pytest.mark.parametrize(
    ("update", "overtaken"),
    [
        (None, False),
        (EmailUpdate(PENDING, None), False),
        (EmailUpdate(PENDING, NOW - timedelta(minutes=4)), False),
        (EmailUpdate(PENDING, NOW - timedelta(minutes=6)), True),
        (EmailUpdate(PENDING, NOW + timedelta(minutes=6)), True),
        (EmailUpdate(ACCEPTED, NOW + timedelta(hours=1)), False),
        (EmailUpdate(FAILED, NOW + timedelta(hours=1)), True),
    ],
)
def test_a_start_is_overtaken_by_another_or_by_its_end(update: EmailUpdate | None, *, overtaken: bool) -> None:
    assert is_overtaken(StartedEmailUpdate(NEW, NOW, is_certain=True), update) is overtaken


def reread(email: str | None, status: EmailUpdateStatus | None = None) -> EmailReread:
    return EmailReread(email, EmailUpdate(status, NOW) if status else None)


CASES: list[tuple[EmailReread, bool, float, Result | None]] = [
    (reread(NEW), True, 0, Result.DONE),
    (reread(NEW.upper()), False, 0, Result.DONE),
    (reread(NEW, EmailUpdateStatus.PENDING), False, 0, Result.DONE),
    (reread(None), True, 0, None),
    (reread(None), False, 99, None),
    (reread(OLD), True, 0, None),
    (reread(OLD), False, 3.9, None),
    (reread(OLD), False, 4, Result.FAILED),
    (reread(OLD, EmailUpdateStatus.ACCEPTED), True, 0, None),
    (reread(OLD, EmailUpdateStatus.ACCEPTED), False, 1, None),
    (reread(OLD, EmailUpdateStatus.COMPLETED), False, 1, None),
    (reread(OLD, EmailUpdateStatus.UNKNOWN), False, 1, None),
    (reread(OLD, EmailUpdateStatus.PENDING), False, 0, Result.FAILED),
    (reread(OLD, EmailUpdateStatus.FAILED), False, 0, Result.FAILED),
    (reread(OLD, EmailUpdateStatus.PENDING), True, 0, None),
    (EmailReread(OLD, EmailUpdate(EmailUpdateStatus.PENDING, NOW + timedelta(minutes=4))), False, 1, Result.FAILED),
    (EmailReread(OLD, EmailUpdate(EmailUpdateStatus.PENDING, NOW + timedelta(minutes=6))), False, 1, None),
    (EmailReread(OLD, EmailUpdate(EmailUpdateStatus.PENDING, NOW + timedelta(minutes=6))), False, 4, Result.FAILED),
    (EmailReread(OLD, EmailUpdate(EmailUpdateStatus.PENDING, None)), False, 0, Result.FAILED),
]


@pytest.mark.parametrize(("found", "was_answered", "hours", "result"), CASES)
def test_p05_only_a_re_read_that_shows_the_address_proves_a_change(
    found: EmailReread, hours: float, result: Result | None, *, was_answered: bool
) -> None:
    now = NOW + timedelta(hours=hours)
    assert evaluate_acceptance(found, NEW, NOW, now, was_answered=was_answered) is result
