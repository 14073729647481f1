"""What every history of audits and every store of watched events does, in memory and in the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from rootkeeper.errors import InputError
from rootkeeper.inventory.store import AuditHistory
from rootkeeper.ledger.database import open_database
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Endpoint
from rootkeeper.organization.statuses import AccountRole, AccountStatus, KeptAudit, RootCredentialsSummary, Status
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from rootkeeper.watching.store import WindowEventStore
from tests.contracts.stores import ORGANIZATION_ID
from tests.fakes.clock import START, FakeClock
from tests.fakes.histories import InMemoryHistory
from tests.fakes.stores import InMemoryLedger
from tests.fakes.watching import InMemoryWindowEvents

SHOP, OTHER = AccountId("333344445555"), AccountId("444455556666")
NOTHING = RootCredentialsSummary(
    has_password=False, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
)
EVENT = WatchedEvent("e-1", SHOP, START, "ConsoleLogin", EventVerdict.EXPECTED, "First.", "w-1", has_mfa=False)


@pytest.fixture(params=["fake", "database"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditHistory]:
    if request.param == "fake":
        yield InMemoryHistory()
        return
    with open_database(f"sqlite:///{tmp_path}/rootkeeper.db") as database:
        yield database.get_store(AuditHistory, ORGANIZATION_ID)


@pytest.fixture(params=["fake", "database"])
def events(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WindowEventStore]:
    clock = FakeClock()
    if request.param == "fake":
        yield InMemoryWindowEvents(InMemoryLedger(clock))
        return
    with open_database(f"sqlite:///{tmp_path}/rootkeeper.db") as database:
        owner = database.register_owner(clock, lease_seconds=300)
        actor = Actor("rootkeeper", ActorKind.SERVER)
        ledger = database.ledger(ORGANIZATION_ID, Endpoint("AWS"), actor, owner)
        yield WindowEventStore(database.store, database.commits, ORGANIZATION_ID, ledger, owner)
        owner.close()


def make_status(account_id: AccountId, at: datetime | None) -> AccountStatus:
    account = Account(account_id, "Shop", "shop@example.com", AccountState.ACTIVE, ("r-abcd",), "Root")
    return AccountStatus(account, AccountRole.MEMBER, Status.NOT_PRESENT, summary=NOTHING, observed_at=at)


def keep(history: AuditHistory, day: int, *account_ids: AccountId) -> KeptAudit:
    at = START + timedelta(days=day)
    audit = KeptAudit(f"j-{day}", at, at, "AWS", True, "ana", {"accounts": len(account_ids)})
    history.add(audit, [make_status(account_id, at) for account_id in account_ids])
    return audit


def test_audits_are_kept_whole_and_listed_newest_first(history: AuditHistory) -> None:
    first, second = keep(history, 1, SHOP, OTHER), keep(history, 2, SHOP)
    assert history.list_audits() == (second, first)
    assert history.list_audits(limit=1) == (second,)
    assert history.get("j-1") == first
    assert set(history.list_statuses("j-1")) == {SHOP, OTHER}
    assert [one.audit_id for one in history.list_account(SHOP)] == ["j-2", "j-1"]
    assert [one.audit_id for one in history.list_account(OTHER)] == ["j-1"]


def test_an_audit_of_the_same_id_is_replaced(history: AuditHistory) -> None:
    keep(history, 1, SHOP, OTHER)
    keep(history, 1, SHOP)
    assert set(history.list_statuses("j-1")) == {SHOP}


def test_an_audit_that_isnt_kept_is_an_error(history: AuditHistory) -> None:
    with pytest.raises(InputError):
        history.get("j-9")
    assert history.list_statuses("j-9") == {}
    assert history.list_account(SHOP) == ()


def test_the_newest_reading_between_two_moments_is_found(history: AuditHistory) -> None:
    for day in (1, 2, 3):
        keep(history, day, SHOP, OTHER)
    found = history.list_readings(START, START + timedelta(days=2))
    assert {key: status.observed_at for key, status in found.items()} == dict.fromkeys(
        (SHOP, OTHER), START + timedelta(days=2)
    )


def test_the_readings_of_a_time_follow_the_last_one_before_it(history: AuditHistory) -> None:
    for day in (1, 2, 3, 4):
        keep(history, day, *([SHOP, OTHER] if day != 3 else [OTHER]))
    found = history.stream_readings(START + timedelta(days=2.5), START + timedelta(days=4))
    assert [(one.account_id, one.audit_id) for one in found] == [
        (SHOP, "j-2"),
        (SHOP, "j-4"),
        (OTHER, "j-2"),
        (OTHER, "j-3"),
        (OTHER, "j-4"),
    ]
    last = list(history.stream_readings(START + timedelta(days=3), START + timedelta(days=3)))
    assert [(one.account_id, one.audit_id) for one in last] == [(SHOP, "j-2"), (OTHER, "j-2"), (OTHER, "j-3")]
    assert {one.summary for one in last} == {NOTHING}


def test_an_account_that_an_audit_could_not_read_has_no_reading_of_it(history: AuditHistory) -> None:
    at = START + timedelta(days=1)
    unread = replace(make_status(SHOP, at), status=Status.UNKNOWN, summary=None)
    history.add(KeptAudit("j-1", at, at, "AWS", True, "ana", {"accounts": 1}), [unread])
    assert list(history.stream_readings(START, at)) == []


def test_audits_of_the_whole_organization_are_listed_by_their_end(history: AuditHistory) -> None:
    first, second, third = (keep(history, day, SHOP) for day in (1, 2, 3))
    history.add(replace(second, is_complete=False), [])
    assert history.list_complete(START, START + timedelta(days=9)) == (first.ended_at, third.ended_at)
    assert history.list_complete(first.ended_at, second.ended_at) == (first.ended_at,)


def test_an_event_is_judged_by_its_accounts_sign_ins_and_once(events: WindowEventStore) -> None:
    seen: list[int] = []

    def judge_as(event: WatchedEvent) -> WatchedEvent:
        def judge(recorded: tuple[WatchedEvent, ...]) -> WatchedEvent:
            seen.append(len(recorded))
            return event

        return events.record(event.event_id, event.account_id, judge)

    second = replace(EVENT, event_id="e-2", at=START - timedelta(minutes=1), window_id=None)
    assert judge_as(EVENT) == EVENT
    assert judge_as(replace(EVENT, verdict=EventVerdict.SUSPICIOUS)) == EVENT
    assert judge_as(second) == second
    unrelated = replace(EVENT, event_id="e-3", verdict=EventVerdict.UNRELATED)
    assert judge_as(unrelated) == unrelated
    assert seen == [0, 1, 2]
    judge_as(replace(EVENT, event_id="e-4", name="PasswordUpdated", account_id=OTHER, has_mfa=None))
    judge_as(replace(EVENT, event_id="e-5", account_id=OTHER))
    assert seen == [0, 1, 2, 0, 0]
    assert events.list_of_account(SHOP) == (second, EVENT)
    assert {event.event_id for event in events.list_of_window("w-1")} == {"e-1", "e-4", "e-5"}
