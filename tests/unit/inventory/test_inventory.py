"""The last inventory, the statuses and the audits of an organization."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.inventory.store import InventoryStore
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.writer import Revisions
from rootkeeper.organization.accounts import AccountId, Inventory, Organization, OrganizationalUnit
from rootkeeper.organization.statuses import (
    NO_CREDENTIALS,
    AccountRole,
    AccountStatus,
    RootCredentialsSummary,
    Status,
)
from rootkeeper.windows.rules import WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from tests.unit.database.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, OTHER_ACCOUNT_ID, Stage
from tests.unit.inventory.test_account_rows import ACCOUNT, BARE_ACCOUNT, CREDENTIALS
from tests.unit.windows.test_windows_store import WINDOW

OTHER_ACCOUNT = replace(BARE_ACCOUNT, account_id=OTHER_ACCOUNT_ID)
INVENTORY = Inventory(
    Organization(ORGANIZATION_ID, ACCOUNT_ID, has_all_features=True, partition="aws"),
    (OTHER_ACCOUNT, ACCOUNT),
    (OrganizationalUnit("r-abcd", "Root", None), OrganizationalUnit("ou-abcd-11111111", "Workloads", "r-abcd")),
    NOW,
    frozenset({OTHER_ACCOUNT_ID}),
)
STATUS = AccountStatus(ACCOUNT, AccountRole.MEMBER, Status.PRESENT, summary=CREDENTIALS.summary, observed_at=NOW)


def test_an_inventory_is_read_as_it_was_saved_in_its_order(database: Database) -> None:
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    assert store.find_last() is None
    store.save(INVENTORY)
    assert store.find_last() == INVENTORY


def test_the_next_inventory_replaces_the_last_as_a_whole(database: Database) -> None:
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    store.save(INVENTORY)
    smaller = replace(INVENTORY, accounts=(ACCOUNT,), organizational_units=(), delegated_administrator_ids=None)
    store.save(smaller)
    assert store.find_last() == smaller


def test_the_last_status_of_each_account_is_kept(database: Database) -> None:
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    other = replace(STATUS, account=OTHER_ACCOUNT, status=Status.NOT_PRESENT)
    store.save_statuses([STATUS, other])
    store.save_statuses([])
    detailed = replace(STATUS, credentials=CREDENTIALS)
    store.save_statuses([STATUS, detailed])
    assert store.list_statuses() == {ACCOUNT_ID: detailed, OTHER_ACCOUNT_ID: other}


def test_details_stay_beside_later_readings_for_the_kinds_that_are_still_there(database: Database) -> None:
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    store.save_statuses([replace(STATUS, credentials=CREDENTIALS)])
    assert CREDENTIALS.summary.has_password
    without_password = replace(CREDENTIALS.summary, has_password=False)
    later = replace(STATUS, observed_at=NOW + timedelta(days=1))

    def read_again(summary: RootCredentialsSummary) -> AccountStatus:
        store.save_statuses([replace(later, summary=summary)])
        return store.find_statuses([ACCOUNT_ID])[ACCOUNT_ID]

    kept = read_again(CREDENTIALS.summary)
    assert (kept.credentials, kept.details, kept.has_all_details) == (None, CREDENTIALS, True)
    kept = read_again(without_password)
    assert (kept.details, kept.has_all_details) == (replace(CREDENTIALS, login_profile=None), True)
    # A password that came back isn't the old one: its age and last use aren't known.
    kept = read_again(CREDENTIALS.summary)
    assert (kept.details, kept.has_all_details) == (replace(CREDENTIALS, login_profile=None), False)
    assert (read_again(NO_CREDENTIALS).details, read_again(CREDENTIALS.summary).details) == (None, None)
    detailed = replace(later, credentials=CREDENTIALS)
    store.save_statuses([detailed])
    assert store.find_statuses([ACCOUNT_ID]) == {ACCOUNT_ID: detailed}


def test_details_were_read_once_an_audit_has_read_them_of_an_account(database: Database) -> None:
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    store.save_statuses([replace(STATUS, account=OTHER_ACCOUNT)])
    assert not store.has_details()
    store.save_statuses([replace(STATUS, credentials=CREDENTIALS)])
    assert store.has_details()
    store.save_statuses([replace(STATUS, observed_at=NOW + timedelta(days=1))])
    assert store.has_details()
    assert not database.get_store(InventoryStore, "o-otherorgid00").has_details()


def test_brief_statuses_leave_out_accounts_that_arent_listed(database: Database) -> None:
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    store.save_statuses([replace(STATUS, credentials=CREDENTIALS), replace(STATUS, account=OTHER_ACCOUNT)])
    renamed = replace(ACCOUNT, name="another name")
    found = store.list_brief_statuses({ACCOUNT_ID: renamed})
    assert found == {ACCOUNT_ID: replace(STATUS, account=renamed, credentials=CREDENTIALS)}


def test_the_statuses_of_some_accounts_are_read_in_detail(database: Database) -> None:
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    detailed = replace(STATUS, credentials=CREDENTIALS)
    store.save_statuses([detailed, replace(STATUS, account=OTHER_ACCOUNT)])
    assert store.find_statuses([ACCOUNT_ID, AccountId("999999999999")]) == {ACCOUNT_ID: detailed}
    assert store.find_statuses([]) == {}


def test_each_change_of_what_is_known_is_counted(database: Database) -> None:
    store, windows = (
        database.get_store(InventoryStore, ORGANIZATION_ID),
        database.get_store(RecoveryWindowStore, ORGANIZATION_ID),
    )
    elsewhere = database.get_store(InventoryStore, "o-otherorgid00")
    seen = [store.find_revisions()]
    for change in (
        lambda: store.save(INVENTORY),
        lambda: store.save_statuses([STATUS]),
        lambda: windows.add(WINDOW),
        lambda: windows.change(replace(WINDOW, state=WindowState.CLOSING), WindowState.OPEN),
        lambda: windows.update(WINDOW.window_id, lambda one: replace(one, state=WindowState.CLOSED_VERIFIED)),
    ):
        change()
        seen.append(store.find_revisions())
    assert len(set(seen)) == len(seen)
    assert [one.windows for one in seen[-3:]] == [seen[2].windows + 1, seen[2].windows + 2, seen[2].windows + 3]
    assert store.find_revisions() == seen[-1]
    assert elsewhere.find_revisions() == Revisions()


def test_organizations_are_kept_apart(database: Database) -> None:
    store, elsewhere = (
        database.get_store(InventoryStore, ORGANIZATION_ID),
        database.get_store(InventoryStore, "o-otherorgid00"),
    )
    store.save(INVENTORY)
    store.save_statuses([STATUS])
    assert elsewhere.find_last() is None
    assert elsewhere.list_statuses() == {}
    elsewhere.save(replace(INVENTORY, organization=replace(INVENTORY.organization, organization_id="o-otherorgid00")))
    assert store.find_last() == INVENTORY
    assert database.list_organization_ids() == (ORGANIZATION_ID, "o-otherorgid00")


def test_ten_thousand_accounts_are_saved_and_read(stage: Stage, database: Database) -> None:
    accounts = tuple(replace(ACCOUNT, account_id=AccountId(f"{number:012d}")) for number in range(10_000))
    store = database.get_store(InventoryStore, ORGANIZATION_ID)
    store.save(replace(INVENTORY, accounts=accounts))
    assert stage.query("SELECT count(*) FROM inventory_accounts") == [(10_000,)]
    found = store.find_last()
    assert found is not None
    assert found.accounts[9_999].account_id == "000000009999"
