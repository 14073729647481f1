"""What a mirror tells a starting server that has no database."""

from __future__ import annotations

from pathlib import Path

from rootkeeper.composition.mirrored_closings import list_open_windows
from rootkeeper.ledger.rules import Action, Result, render_entry
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.approvals import WindowPolicy
from rootkeeper.windows.imports import list_spilled_closings
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.window_workers import WindowWorker
from tests.unit.database.samples import ACCOUNT_ID, ACTOR, ENDPOINT, ORGANIZATION_ID, Stage, Worker

FIRST, SECOND = AccountId("222233334444"), AccountId("333344445555")


def read_mirror(path: Path, database: FakeDatabase, organization_id: str | None = None) -> list[RecoveryWindow]:
    lines = [render_entry(entry) for entry in database.entries]
    path.write_text("\n".join([*lines, '{no entry: "action":"window:open"}', ""]))
    own_id = database.entries[0].organization_id
    return list(list_open_windows(path, organization_id or own_id, database.clock.now()))


def test_p11_a_mirror_tells_which_windows_are_open_and_when_they_end(tmp_path: Path) -> None:
    organization = FakeOrganization(FakeClock())
    for account_id in (FIRST, SECOND):
        organization.add_account(account_id)
    database = FakeDatabase(organization.clock)
    worker = WindowWorker(organization, database, WindowPolicy(approvals=0))
    mirror = tmp_path / "mirror.jsonl"
    for account_id in (FIRST, SECOND):
        worker.request(account_id, seconds=600)
    assert read_mirror(mirror, database) == [], "only requested"
    worker.activate("w-1")
    worker.activate("w-2")
    worker.close("w-2")

    (known,) = read_mirror(mirror, database)

    window = database.windows["w-1"]
    assert (known.window_id, known.account_id, known.state) == ("w-1", FIRST, WindowState.OPEN)
    assert known.expires_at == window.expires_at
    assert read_mirror(mirror, database, "o-other") == []


def test_a_closing_that_only_a_spill_records_isnt_repeated_at_each_start(stage: Stage, worker: Worker) -> None:
    with worker.database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as ledger:
        for window_id, result in (("w-done", Result.DONE), ("w-failed", Result.FAILED)):
            intent = ledger.append_intent(
                Action.WINDOW_CLOSE, account_id=ACCOUNT_ID, parameters={"window_id": window_id}
            )
            ledger.append_outcome(intent, result)

    assert list_spilled_closings(worker.database.list_spills()) == {"w-done"}
