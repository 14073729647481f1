"""A database and a ledger that version 0.1.0 wrote open, verify and settle, once they are upgraded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rootkeeper.composition.changes import make_restorer
from rootkeeper.database.engines import open_store
from rootkeeper.database.version import migrate
from rootkeeper.ledger.database import Database, DatabaseOptions, open_database
from rootkeeper.ledger.rules import Action, Actor, ActorKind, Phase, Result
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.organization.accounts import AccountId
from rootkeeper.settlement.service import Settlement
from rootkeeper.windows.rules import WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from tests.fakes.acting import make_acting
from tests.fakes.clock import FakeClock
from tests.fakes.operators import RecordingProgress
from tests.fakes.organization import FakeOrganization
from tests.old_databases import DUMP_OF_0_1_0, place_old_database

ORGANIZATION_ID = "o-exampleorgid"
EMPTY, ORDERS, LOGS = AccountId("222233334444"), AccountId("333344445555"), AccountId("444455556666")

RESULTS = {
    Action.ACCESS_KEY_DELETE: Result.DONE,
    Action.ACCOUNTS_AUDIT: Result.FAILED,
    Action.BUCKET_POLICY_DELETE: Result.DONE,  # the bucket is gone
    Action.BUCKET_POLICY_PUT: Result.UNKNOWN,  # its policy is a third one
    Action.DELEGATED_ADMINISTRATOR_DEREGISTER: Result.DONE,
    Action.DELEGATED_ADMINISTRATOR_REGISTER: Result.FAILED,
    Action.EMAIL_UPDATE_ACCEPT: Result.FAILED,
    Action.EMAIL_UPDATE_START: Result.FAILED,
    Action.FEATURE_DISABLE: Result.FAILED,
    Action.FEATURE_ENABLE: Result.DONE,
    Action.FINDINGS_IMPORT: Result.UNKNOWN,
    Action.LOGIN_PROFILE_CREATE: Result.FAILED,
    Action.LOGIN_PROFILE_DELETE: Result.DONE,
    Action.MFA_DEVICE_DEACTIVATE: Result.DONE,
    Action.QUEUE_POLICY_SET: Result.DONE,
    Action.REPORT_SEND: Result.UNKNOWN,
    Action.ROOT_SESSION_OPEN: Result.UNKNOWN,
    Action.SIGNING_CERTIFICATE_DELETE: Result.DONE,
    Action.TRUSTED_ACCESS_DISABLE: Result.FAILED,
    Action.TRUSTED_ACCESS_ENABLE: Result.DONE,
    Action.WINDOW_APPROVE: Result.FAILED,
    Action.WINDOW_CLOSE: Result.DONE,  # its row is CLOSED_VERIFIED
    Action.WINDOW_KEEP: Result.FAILED,
}
"""By action, the result of its orphan in the organization of this test."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    url = place_old_database(tmp_path / "rootkeeper.db", DUMP_OF_0_1_0)
    store = open_store(url)
    migrate(store)
    store.engine.dispose()
    with open_database(url, DatabaseOptions(create=False)) as opened:
        yield opened


@pytest.fixture
def clock() -> FakeClock:
    """A day later, when the lease of the process that died has long ended."""
    clock = FakeClock()
    clock.advance(365 * 86_400)
    return clock


def test_it_opens_and_verifies(database: Database) -> None:
    found = database.ledger_reader().verify()
    assert found.is_intact, found.problem
    assert found.entries > 80
    assert database.get_store(RecoveryWindowStore, ORGANIZATION_ID).get("w-1").state is WindowState.CLOSED_VERIFIED


def test_each_of_its_orphans_is_settled_by_a_reread(database: Database, clock: FakeClock) -> None:
    organization = FakeOrganization(clock)
    for account_id in (EMPTY, ORDERS, LOGS):
        organization.add_account(account_id)
    owner = database.register_owner(clock)
    actor = Actor("operator@desk", ActorKind.SELF_ASSERTED)
    ledger: SqlLedger = database.ledger(ORGANIZATION_ID, organization.endpoint, actor, owner)
    orphans = ledger.list_orphans()
    assert {entry.action for entry in orphans} == set(RESULTS)
    windows = database.get_store(RecoveryWindowStore, ORGANIZATION_ID)
    locks = database.locks(ORGANIZATION_ID, owner)
    report = Settlement(
        make_acting(clock, organization, ledger=ledger, locks=locks, stores=[windows]),
        RecordingProgress(),
        organization,
        make_restorer(organization, organization.emails, windows, clock),
    ).settle()
    assert {settled.action: settled.result for settled in report.intents} == RESULTS
    assert ledger.list_orphans() == ()
    assert organization.changing_calls == []
    assert database.ledger_reader().verify().is_intact
    written = [entry for entry in database.ledger_reader().list_entries() if entry.phase is Phase.OUTCOME]
    assert all(entry.result for entry in written)
    owner.close()
