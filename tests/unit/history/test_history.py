"""One account's past, and what changed between audits, from what is kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from rootkeeper.errors import Hint, InputError
from rootkeeper.history.rules import TimelineKind
from rootkeeper.history.service import ComparedAudits, HistoryReader
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Inventory, Organization
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    KeptAudit,
    RootCredentialsSummary,
    Status,
    count_statuses,
)
from rootkeeper.watching.rules import EventVerdict, WatchedEvent
from tests.fakes.clock import START, FakeClock
from tests.fakes.histories import InMemoryHistory
from tests.fakes.stores import InMemoryInventory, InMemoryLedger, InMemoryWindows, make_window
from tests.fakes.watching import InMemoryWindowEvents

ORGANIZATION_ID = "o-exampleorgid"
SHOP, OTHER, GONE = AccountId("333344445555"), AccountId("444455556666"), AccountId("555566667777")


def make_account(account_id: AccountId, name: str) -> Account:
    return Account(account_id, name, f"{account_id}@example.com", AccountState.ACTIVE, ("r-abcd",), "Root")


def make_status(account: Account, at: datetime, *, password: bool = False) -> AccountStatus:
    summary = RootCredentialsSummary(
        has_password=password, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
    )
    status = Status.PRESENT if password else Status.NOT_PRESENT
    return AccountStatus(account, AccountRole.MEMBER, status, summary=summary, observed_at=at)


@dataclass
class Archive:
    """What one organization's database holds."""

    history: InMemoryHistory = field(default_factory=InMemoryHistory)
    store: InMemoryInventory = field(default_factory=InMemoryInventory)
    windows: InMemoryWindows = field(default_factory=InMemoryWindows)
    ledger: InMemoryLedger = field(default_factory=lambda: InMemoryLedger(FakeClock()))
    events: InMemoryWindowEvents = field(init=False)

    def __post_init__(self) -> None:
        self.events = InMemoryWindowEvents(self.ledger)
        accounts = (make_account(SHOP, "Shop"), make_account(OTHER, "Twin"), make_account(GONE, "Twin"))
        organization = Organization(ORGANIZATION_ID, SHOP, has_all_features=True, partition="aws")
        self.store.save(Inventory(organization, accounts, (), START))

    def audit(self, day: int, *, password: bool = False, complete: bool = True, counts_alone: bool = False) -> None:
        at = START + timedelta(days=day)
        statuses = [make_status(make_account(SHOP, "Shop"), at, password=password)]
        audit = KeptAudit(f"j-{day}", at, at, "AWS", complete, "ana", count_statuses(statuses))
        self.history.add(audit, [] if counts_alone else statuses)

    @property
    def reading(self) -> HistoryReader:
        return HistoryReader(ORGANIZATION_ID, self.history, self.store, self.windows, self.events, self.ledger)

    def compare(self, older: str | None = None, newer: str | None = None) -> ComparedAudits:
        return self.reading.compare(older, newer, datetime.fromisoformat)


@pytest.fixture
def archive() -> Archive:
    return Archive()


def test_an_account_is_found_by_its_id_or_its_name(archive: Archive) -> None:
    archive.audit(1)
    for named in (SHOP, "Shop"):
        found = archive.reading.read_account(named)
        assert (found.account_id, found.name, found.audits) == (SHOP, "Shop", 1)
        assert found.last_read_at == START + timedelta(days=1)


@pytest.mark.parametrize(
    ("named", "said"), [("Twin", "2 accounts"), ("Unknown", "No account"), ("123", "not an AWS account id")]
)
def test_an_account_that_isnt_clear_is_an_error(archive: Archive, named: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        archive.reading.read_account(named)


def test_an_account_of_which_nothing_is_known_is_an_error(archive: Archive) -> None:
    with pytest.raises(InputError, match="no record of account 999988887777"):
        archive.reading.read_account("999988887777")


def test_an_account_that_left_keeps_its_past_and_its_name(archive: Archive) -> None:
    archive.store.last = None
    archive.audit(1)
    assert archive.reading.read_account(SHOP).name == "Shop"


def test_everything_comes_in_one_time_line(archive: Archive) -> None:
    archive.audit(1)
    archive.audit(2)
    archive.audit(3, password=True)
    archive.ledger.append_fact(Action.WINDOW_REQUEST, account_id=SHOP)
    archive.ledger.append_fact(Action.WINDOW_REQUEST, account_id=OTHER)
    archive.windows.add(make_window(SHOP, START + timedelta(hours=1)))
    archive.windows.add(make_window(OTHER, START))
    at = START + timedelta(days=2)
    for account_id, event_id in ((SHOP, "e-1"), (OTHER, "e-2")):
        event = WatchedEvent(event_id, account_id, at, "ConsoleLogin", EventVerdict.SUSPICIOUS, "Late.")
        archive.events.kept[event_id] = event
    entries = archive.reading.read_account(SHOP).entries
    assert [entry.kind for entry in entries] == [
        TimelineKind.LEDGER,
        TimelineKind.WINDOW,
        TimelineKind.STATUS,
        TimelineKind.EVENT,
        TimelineKind.STATUS,
    ]
    later = archive.reading.read_account(SHOP, START + timedelta(days=1), at).entries
    assert [entry.kind for entry in later] == [TimelineKind.STATUS, TimelineKind.EVENT]


def test_entries_of_another_organization_are_none_of_this_ones_past(archive: Archive) -> None:
    archive.ledger.append_fact(Action.WINDOW_REQUEST, account_id=SHOP)
    archive.ledger.entries = [replace(entry, organization_id="o-otherorgid00") for entry in archive.ledger.entries]
    assert archive.reading.read_account(SHOP).entries == ()


def test_the_last_two_audits_of_the_whole_organization_are_compared(archive: Archive) -> None:
    archive.audit(1)
    archive.audit(2, password=True)
    archive.audit(3, complete=False)
    compared = archive.compare()
    assert (compared.older.audit_id, compared.newer.audit_id) == ("j-1", "j-2")
    assert [one.account_id for one in compared.difference.accounts] == [SHOP]


def test_audits_are_chosen_by_their_id_or_a_date(archive: Archive) -> None:
    for day in (1, 2, 3, 4):
        archive.audit(day, complete=day != 3)

    def chosen(*named: str) -> tuple[str, str]:
        compared = archive.compare(*named)
        return compared.older.audit_id, compared.newer.audit_id

    assert chosen("j-1") == ("j-1", "j-4")
    assert chosen("j-1", "j-3") == ("j-1", "j-3")
    assert chosen("j-4", "j-1") == ("j-1", "j-4")
    by_date = (START + timedelta(days=3, hours=1)).isoformat()
    assert chosen("j-1", by_date) == ("j-1", "j-2")


def test_a_selection_is_compared_without_saying_who_joined_or_left(archive: Archive) -> None:
    archive.audit(1)
    archive.audit(2, complete=False)
    archive.history.found["j-2"] = {}
    archive.history.audits["j-2"] = replace(archive.history.audits["j-2"], summary={"accounts": 0})
    assert archive.compare("j-1", "j-2").difference.not_compared == 1


def test_two_audits_are_needed(archive: Archive) -> None:
    archive.audit(1)
    archive.audit(2, complete=False)
    with pytest.raises(InputError, match="needs two audits of the whole organization; only one is stored") as missing:
        archive.compare()
    assert isinstance(missing.value.hint, Hint)
    assert missing.value.hint.code == "history.audit_again"
    with pytest.raises(InputError, match="Both are audit j-1"):
        archive.compare("j-1")


def test_before_the_first_audit_there_is_none(archive: Archive) -> None:
    archive.audit(2)
    with pytest.raises(InputError, match="No audit of the whole organization ended by"):
        archive.compare(START.isoformat())
    with pytest.raises(InputError, match="ended before audit j-2"):
        archive.compare(newer="j-2")


def test_an_audit_of_which_only_counts_are_kept_isnt_compared(archive: Archive) -> None:
    archive.audit(1, counts_alone=True)
    archive.audit(2)
    with pytest.raises(InputError, match="only its counts are stored"):
        archive.compare("j-1", "j-2")


def test_an_audit_of_which_some_accounts_were_forgotten_isnt_compared(archive: Archive) -> None:
    """Those accounts would look as if they had joined since."""
    archive.audit(1)
    archive.history.audits["j-1"].summary["accounts"] = 3
    archive.audit(2)
    with pytest.raises(InputError, match="1 of its 3 accounts are stored"):
        archive.compare()
