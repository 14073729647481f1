"""Every audit is kept whole, and forgotten in time but for each account's last reading."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy

from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import DatabaseError, NotFoundError
from rootkeeper.inventory.store import AuditHistory, InventoryStore
from rootkeeper.ledger.database import Database
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    FailedAttempt,
    KeptAudit,
    KeptStatus,
    Status,
    StatusReason,
    count_statuses,
)
from tests.unit.database.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, OTHER_ACCOUNT_ID
from tests.unit.inventory.test_account_rows import ACCOUNT, BARE_ACCOUNT, CREDENTIALS

PRESENT = AccountStatus(
    ACCOUNT,
    AccountRole.MEMBER,
    Status.PRESENT,
    summary=CREDENTIALS.summary,
    credentials=CREDENTIALS,
    observed_at=NOW,
    session_access_key_id="ASIAIOSFODNN7EXAMPLE",
)
OTHER = AccountStatus(
    replace(BARE_ACCOUNT, account_id=OTHER_ACCOUNT_ID),
    AccountRole.MEMBER,
    Status.NOT_APPLICABLE,
    StatusReason.NOT_ACTIVE,
    "The account is SUSPENDED.",
)


@pytest.fixture
def history(database: Database) -> AuditHistory:
    return database.get_store(AuditHistory, ORGANIZATION_ID)


def make_audit(audit_id: str, ended_at: datetime, *statuses: AccountStatus, is_complete: bool = True) -> KeptAudit:
    return KeptAudit(
        audit_id=audit_id,
        started_at=ended_at - timedelta(minutes=1),
        ended_at=ended_at,
        endpoint="AWS",
        is_complete=is_complete,
        requested_by="ana",
        summary=count_statuses(statuses),
    )


def keep(
    history: AuditHistory, audit_id: str, days: int, *statuses: AccountStatus, is_complete: bool = True
) -> KeptAudit:
    """An audit of so many days from now, that read every account then."""
    at = NOW + timedelta(days=days)
    read = [status if status.observed_at is None else replace(status, observed_at=at) for status in statuses]
    audit = make_audit(audit_id, at, *read, is_complete=is_complete)
    history.add(audit, read)
    return audit


def test_an_audit_is_read_as_it_was_kept(history: AuditHistory) -> None:
    audit = keep(history, "j-1", 0, PRESENT, OTHER)
    assert history.get("j-1") == audit
    assert history.list_statuses("j-1") == {ACCOUNT_ID: PRESENT, OTHER_ACCOUNT_ID: OTHER}
    assert history.list_account(ACCOUNT_ID) == (KeptStatus("j-1", NOW, PRESENT),)


def test_what_an_audit_found_is_read_in_pages(history: AuditHistory) -> None:
    keep(history, "j-1", 0, PRESENT, OTHER)
    keep(history, "j-2", 1, PRESENT)
    first, second = sorted([PRESENT, OTHER], key=lambda one: one.account.account_id)
    assert history.list_page("j-1", "", 1) == (first,)
    assert history.list_page("j-1", first.account.account_id, 5) == (second,)
    assert history.list_page("j-1", second.account.account_id, 5) == ()
    assert history.list_page("none", "", 5) == ()


def test_the_newest_audit_comes_first(history: AuditHistory) -> None:
    second, first = keep(history, "j-2", 2, PRESENT), keep(history, "j-1", 1, PRESENT, is_complete=False)
    assert history.list_audits() == (second, first)
    assert history.list_audits(limit=1) == (second,)
    assert history.list_audits(only_complete=True) == (second,)
    assert [kept.audit_id for kept in history.list_account(ACCOUNT_ID)] == ["j-2", "j-1"]


def test_an_audit_that_is_kept_again_replaces_itself(history: AuditHistory) -> None:
    keep(history, "j-1", 0, PRESENT, OTHER)
    again = keep(history, "j-1", 1, PRESENT)
    assert history.list_audits() == (again,)
    assert list(history.list_statuses("j-1")) == [ACCOUNT_ID]


def test_an_audit_that_isnt_kept_is_reported_with_how_to_find_one(history: AuditHistory) -> None:
    with pytest.raises(NotFoundError) as missing:
        history.get("j-9")
    assert "rootkeeper diff --list" in str(render_hint(missing.value.hint))
    assert history.list_statuses("j-9") == {}


def test_an_organization_with_a_kept_audit_was_audited(history: AuditHistory, database: Database) -> None:
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    assert not store.has_audits()
    keep(history, "j-1", 0)
    assert store.has_audits()
    assert not database.get_store(InventoryStore, "o-otherorgid00").has_audits()


def test_organizations_are_kept_apart(history: AuditHistory, database: Database) -> None:
    keep(history, "j-1", 0, PRESENT)
    elsewhere = database.get_store(AuditHistory, "o-otherorgid00")
    assert elsewhere.list_audits() == ()
    assert elsewhere.list_account(ACCOUNT_ID) == ()
    assert elsewhere.list_statuses("j-1") == {}
    assert elsewhere.forget_before(NOW + timedelta(days=9)) == 0
    assert len(history.list_statuses("j-1")) == 1


def test_the_newest_reading_of_each_account_in_a_time_is_found(history: AuditHistory) -> None:
    for number in range(4):
        keep(history, f"j-{number}", number, PRESENT, OTHER)
    found = history.list_readings(NOW + timedelta(days=1), NOW + timedelta(days=2))
    assert {key: status.observed_at for key, status in found.items()} == {ACCOUNT_ID: NOW + timedelta(days=2)}
    assert history.list_readings(NOW + timedelta(days=9), NOW + timedelta(days=10)) == {}


def test_what_the_newest_audit_of_a_time_didnt_read_an_earlier_one_may_have(history: AuditHistory) -> None:
    unread = AccountStatus(OTHER.account, AccountRole.MEMBER, Status.UNKNOWN, StatusReason.NEVER_READ)
    read = replace(PRESENT, account=OTHER.account)
    keep(history, "j-1", 1, PRESENT, read)
    keep(history, "j-2", 2, replace(PRESENT, account=OTHER.account), is_complete=False)
    keep(history, "j-3", 3, PRESENT, unread)
    found = history.list_readings(NOW, NOW + timedelta(days=9))
    assert {key: status.observed_at for key, status in found.items()} == {
        ACCOUNT_ID: NOW + timedelta(days=3),
        OTHER_ACCOUNT_ID: NOW + timedelta(days=2),
    }


def test_p06_a_failed_attempt_never_replaces_a_reading_of_the_time(history: AuditHistory) -> None:
    """Also as an earlier version kept it: as the account's whole status."""
    failed = AccountStatus(ACCOUNT, AccountRole.MEMBER, Status.UNKNOWN, StatusReason.ACCESS_DENIED, "Denied.")
    keep(history, "j-1", 1, PRESENT)
    keep(history, "j-2", 2, replace(failed, observed_at=NOW + timedelta(days=2)))
    keep(history, "j-3", 3, replace(failed, observed_at=NOW + timedelta(days=3)))
    found = history.list_readings(NOW, NOW + timedelta(days=9))[ACCOUNT_ID]
    attempt = FailedAttempt(NOW + timedelta(days=3), None, StatusReason.ACCESS_DENIED, "Denied.")
    assert (found.status, found.summary, found.failed_attempt) == (Status.PRESENT, PRESENT.summary, attempt)
    assert found.observed_at == NOW + timedelta(days=1)
    only = history.list_readings(NOW + timedelta(days=2), NOW + timedelta(days=9))[ACCOUNT_ID]
    assert (only.status, only.summary) == (Status.UNKNOWN, None)


def test_what_no_complete_audit_read_in_a_time_is_not_looked_for_after_it(history: AuditHistory) -> None:
    end = NOW + timedelta(days=1)
    failed = AccountStatus(ACCOUNT, AccountRole.MEMBER, Status.UNKNOWN, StatusReason.THROTTLED, observed_at=end)
    late = replace(PRESENT, observed_at=end + timedelta(seconds=1))
    history.add(make_audit("j-2", end + timedelta(seconds=2), late, is_complete=False), [late])
    history.add(replace(make_audit("j-3", end + timedelta(days=1), failed), started_at=NOW), [failed])
    assert history.list_readings(NOW, end) == {ACCOUNT_ID: failed}


def test_an_audit_that_continued_over_the_end_of_a_time_counts_by_its_readings(history: AuditHistory) -> None:
    end = NOW - timedelta(seconds=30)
    before = replace(PRESENT, observed_at=end - timedelta(seconds=1))
    after = replace(PRESENT, account=OTHER.account, observed_at=end + timedelta(seconds=1))
    history.add(make_audit("j-1", NOW, before, after), [before, after])
    assert history.list_readings(NOW - timedelta(days=1), end) == {ACCOUNT_ID: before}


def test_a_status_that_an_audit_took_over_is_no_second_reading(history: AuditHistory) -> None:
    first = keep(history, "j-1", 1, PRESENT)
    taken_over = replace(PRESENT, observed_at=first.ended_at)
    history.add(make_audit("j-2", NOW + timedelta(days=2), taken_over), [taken_over])
    found = list(history.stream_readings(NOW, NOW + timedelta(days=9)))
    assert [(one.audit_id, one.observed_at) for one in found] == [("j-1", first.ended_at)]


def test_a_damaged_reading_is_an_error_of_the_database(history: AuditHistory, database: Database) -> None:
    keep(history, "j-1", 1, PRESENT)
    with database.store.engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE audit_statuses SET summary = '{'"))
    with pytest.raises(DatabaseError):
        list(history.stream_readings(NOW, NOW + timedelta(days=9)))


def test_old_audits_are_forgotten_but_for_the_last_reading_of_each_account(history: AuditHistory) -> None:
    keep(history, "j-0", 0, PRESENT, OTHER)
    last_of_other = keep(history, "j-1", 1, PRESENT, OTHER)
    young = keep(history, "j-5", 5, PRESENT)
    assert history.forget_before(NOW + timedelta(days=4)) == 1
    assert history.list_audits() == (young, last_of_other)
    assert list(history.list_statuses("j-1")) == [OTHER_ACCOUNT_ID]
    assert [kept.audit_id for kept in history.list_account(ACCOUNT_ID)] == ["j-5"]
    assert history.forget_before(NOW + timedelta(days=4)) == 0


def test_an_audit_that_is_old_enough_and_the_only_one_stays(history: AuditHistory) -> None:
    keep(history, "j-0", 0, PRESENT)
    assert history.forget_before(NOW + timedelta(days=900)) == 0
    assert len(history.list_account(ACCOUNT_ID)) == 1


def test_ten_thousand_accounts_are_kept_in_few_statements(history: AuditHistory) -> None:
    statuses = [
        replace(PRESENT, account=replace(ACCOUNT, account_id=AccountId(f"{number:012d}")), credentials=None)
        for number in range(10_000)
    ]
    statements: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        history.add(make_audit("j-1", NOW, *statuses), statuses)
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)
    assert 0 < len(statements) < 100
    assert len(history.list_statuses("j-1")) == 10_000
