"""An account's past and a comparison of audits as JSON values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from rootkeeper.history.records import HistoryAnswer, comparison_record
from rootkeeper.history.rules import TimelineEntry, TimelineKind, compare_audits
from rootkeeper.history.service import AccountHistory, ComparedAudits
from rootkeeper.organization.accounts import Account, AccountId, AccountState
from rootkeeper.organization.statuses import AccountRole, AccountStatus, KeptAudit, RootCredentialsSummary, Status
from rootkeeper.shapes import fill_record

SHOP = AccountId("333344445555")
AT = datetime(2026, 1, 15, 9, tzinfo=UTC)
ACCOUNT = Account(SHOP, "Shop", "shop@example.com", AccountState.ACTIVE, ("r-abcd",), "Root")
CLEAN = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)
BEFORE = AccountStatus(ACCOUNT, AccountRole.MEMBER, Status.NOT_PRESENT, summary=CLEAN, observed_at=AT)
AFTER = replace(BEFORE, status=Status.PRESENT, summary=replace(CLEAN, has_password=True))


def test_a_history_has_the_account_and_its_time_line() -> None:
    entry = TimelineEntry(AT, TimelineKind.STATUS, "present", "a password", "j-1", is_alarming=True)
    record = fill_record(HistoryAnswer, AccountHistory(SHOP, "Shop", 2, AT, (entry,)), organization_id="o-exampleorgid")
    (shown,) = record.pop("entries")
    assert record == {
        "schema_version": 1,
        "organization_id": "o-exampleorgid",
        "account_id": SHOP,
        "name": "Shop",
        "audits": 2,
        "last_read_at": "2026-01-15T09:00:00Z",
    }
    assert (shown["at"], shown["kind"], shown["alarming"]) == ("2026-01-15T09:00:00Z", "status", True)


def test_a_comparison_has_both_audits_what_changed_and_how_much() -> None:
    older = KeptAudit("j-1", AT, AT, "AWS", True, "ana", {"accounts": 1})
    newer = replace(older, audit_id="j-2", ended_at=AT + timedelta(days=1))
    difference = compare_audits({SHOP: BEFORE}, {SHOP: AFTER}, are_complete=True)
    record = comparison_record(ComparedAudits(older, newer, difference), "o-exampleorgid")
    assert (record["older"]["audit_id"], record["newer"]["ended_at"]) == ("j-1", "2026-01-16T09:00:00Z")
    (changed,) = record["accounts"]
    assert (changed["account_id"], changed["after"]["status"]) == (SHOP, "present")
    assert (record["summary"]["changed"], record["summary"]["unchanged"]) == (1, 0)
