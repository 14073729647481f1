"""The ledger's entries are the truth of windows: a row that someone edited contradicts them, and is corrected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rootkeeper.errors import WindowConflictError
from rootkeeper.ledger.rules import ActorKind, LedgerEntry, compute_entry_hash
from rootkeeper.organization.accounts import AccountId
from rootkeeper.windows.entries import RecordedWindow, RecordedWindows, correct, find_contradictions, rebuild
from rootkeeper.windows.rules import Approval, ApprovalPurpose, RecoveryWindow, WindowState
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.organization import FakeOrganization
from tests.fakes.window_workers import WindowWorker, signed_in

ACCOUNT = AccountId("222233334444")
FORGED = Approval(
    "mallory", ActorKind.SIGNED_IN, ApprovalPurpose.OPENING, START, ACCOUNT, "recovery", 3600, START + timedelta(days=9)
)


@pytest.fixture
def worker() -> WindowWorker:
    organization = FakeOrganization(FakeClock())
    organization.add_account(ACCOUNT, "workload")
    return WindowWorker(organization, FakeDatabase(organization.clock))


def read(worker: WindowWorker) -> tuple[RecoveryWindow, RecordedWindow]:
    recorded = RecordedWindows().take_all(worker.database.entries)
    assert recorded.edited == []
    return worker.database.windows["w-1"], recorded.windows["w-1"]


def edit(worker: WindowWorker, **changes: Any) -> None:
    worker.database.windows["w-1"] = replace(worker.database.windows["w-1"], **changes)


def request(worker: WindowWorker) -> None:
    worker.request(ACCOUNT)


def approve(worker: WindowWorker) -> None:
    request(worker)
    worker.approve("w-1")


def open_window(worker: WindowWorker) -> None:
    worker.open(ACCOUNT)


def extend(worker: WindowWorker) -> None:
    open_window(worker)
    worker.deciding(signed_in("bob")).extend("w-1", 600)


def close(worker: WindowWorker) -> None:
    extend(worker)
    assert worker.close("w-1").is_closed


def deny(worker: WindowWorker) -> None:
    request(worker)
    worker.deciding(signed_in("bob")).deny("w-1", "no")


@pytest.mark.parametrize("live", [request, approve, open_window, extend, close, deny])
def test_a_row_that_nobody_edited_contradicts_nothing(
    worker: WindowWorker, live: Callable[[WindowWorker], None]
) -> None:
    live(worker)
    window, recorded = read(worker)
    assert find_contradictions(window, recorded) == ()
    assert correct(window, recorded, worker.clock.now()) == window


@pytest.mark.parametrize(
    ("live", "changes", "said"),
    [
        (open_window, {"state": WindowState.CLOSED_VERIFIED}, "may be open"),
        (open_window, {"state": WindowState.KEPT}, "may be open"),
        (open_window, {"state": WindowState.APPROVED}, "may be open"),
        (open_window, {"expires_at": START + timedelta(days=1)}, "ends at"),
        (extend, {"expires_at": START + timedelta(seconds=4201)}, "ends at"),
        (open_window, {"account_id": AccountId("999999999999")}, "is for account 999999999999"),
        (request, {"state": WindowState.OPEN}, "no entry opens it"),
        (request, {"approvals": (FORGED,), "approved_by": ("mallory",)}, "an approval by mallory"),
        (request, {"approvals_needed": 0}, "needs 0 approvals"),
        (request, {"is_emergency": True}, "is_emergency"),
        (request, {"requested_by": "eve"}, "requested_by"),
        (request, {"duration_seconds": 7200}, "lasts 7200 seconds"),
        (request, {"lapses_at": START + timedelta(days=99)}, "lapses later"),
        (close, {"reviewed_by": "mallory"}, "a review by mallory"),
    ],
)
def test_an_edited_row_contradicts_the_ledger(
    worker: WindowWorker, live: Callable[[WindowWorker], None], changes: dict[str, Any], said: str
) -> None:
    live(worker)
    edit(worker, **changes)
    window, recorded = read(worker)
    assert said in " ".join(find_contradictions(window, recorded))


def test_a_row_without_a_request_contradicts_the_ledger(worker: WindowWorker) -> None:
    request(worker)
    assert "no entry of the ledger requests it" in find_contradictions(worker.database.windows["w-1"], None)[0]


def test_p11_a_row_that_hides_an_open_window_is_open_again_and_ends_as_recorded(worker: WindowWorker) -> None:
    open_window(worker)
    before = worker.database.windows["w-1"]
    edit(worker, state=WindowState.CLOSED_VERIFIED, closed_at=START, expires_at=START + timedelta(days=1))
    window, recorded = read(worker)
    corrected = correct(window, recorded, worker.clock.now())
    assert (corrected.state, corrected.expires_at, corrected.closed_at) == (WindowState.OPEN, before.expires_at, None)
    assert find_contradictions(corrected, recorded) == ()


def test_p11_the_earlier_end_counts(worker: WindowWorker) -> None:
    open_window(worker)
    edit(worker, expires_at=START + timedelta(seconds=5))
    window, recorded = read(worker)
    assert find_contradictions(window, recorded) == ()
    assert correct(window, recorded, worker.clock.now()).expires_at == START + timedelta(seconds=5)


def test_p11_an_opening_without_an_outcome_may_be_open_and_is_read_again(worker: WindowWorker) -> None:
    open_window(worker)
    call = next(entry for entry in worker.database.entries if entry.action == "login_profile:create")
    kept = [entry for entry in worker.database.entries if entry.sequence <= call.sequence]
    recorded = RecordedWindows().take_all(kept).windows["w-1"]
    edited = replace(worker.database.windows["w-1"], state=WindowState.CANCELLED)
    assert "may be open" in find_contradictions(edited, recorded)[0]
    assert correct(edited, recorded, worker.clock.now()).state is WindowState.OPENING


def test_p11_a_deleted_row_is_made_again(worker: WindowWorker) -> None:
    open_window(worker)
    before, recorded = read(worker)
    made = rebuild(recorded, worker.clock.now())
    assert made is not None
    assert (made.state, made.account_id, made.expires_at) == (WindowState.OPEN, ACCOUNT, before.expires_at)
    assert made.reason == before.reason


def test_p10_only_recorded_approvals_stay_after_a_correction(worker: WindowWorker) -> None:
    request(worker)
    edit(worker, state=WindowState.APPROVED, approvals=(FORGED,), approved_by=("mallory",), approvals_needed=0)
    window, recorded = read(worker)
    corrected = correct(window, recorded, worker.clock.now())
    assert corrected.state is WindowState.REQUESTED
    assert (corrected.approvals, corrected.approved_by, corrected.approvals_needed) == ((), (), 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": WindowState.APPROVED, "approvals_needed": 0},
        {"state": WindowState.APPROVED, "approvals": (FORGED,), "approved_by": ("mallory",)},
    ],
)
def test_p10_a_window_whose_row_contradicts_the_ledger_is_not_opened(
    worker: WindowWorker, changes: dict[str, Any]
) -> None:
    request(worker)
    edit(worker, **changes)
    with pytest.raises(WindowConflictError, match="The database was edited") as refused:
        worker.activate("w-1")
    assert refused.value.hint == "Cancel the window, and request it again."
    assert worker.organization.root_users[ACCOUNT].login_profile is None
    assert worker.deciding(signed_in("alice")).cancel("w-1").state is WindowState.CANCELLED


def test_p10_no_decision_counts_on_a_row_that_contradicts_the_ledger(worker: WindowWorker) -> None:
    request(worker)
    edit(worker, approvals_needed=0)
    deciding = worker.deciding(signed_in("bob"))
    with pytest.raises(WindowConflictError, match="The database was edited"):
        deciding.approve("w-1")
    edit(worker, approvals_needed=1)
    worker.approve("w-1")
    worker.activate("w-1")
    edit(worker, approvals_needed=0)
    with pytest.raises(WindowConflictError, match="The database was edited"):
        deciding.extend("w-1", 600)


def test_p20_an_entry_that_was_edited_counts_for_nothing(worker: WindowWorker) -> None:
    approve(worker)
    entries = worker.database.entries
    number = next(index for index, entry in enumerate(entries) if entry.action == "window:approve")
    edited = replace(entries[number], actor=replace(entries[number].actor, name="mallory"))
    recorded = RecordedWindows().take_all([*entries[:number], edited, *entries[number + 1 :]])
    assert recorded.edited == [edited.sequence]
    assert "an approval by bob" in find_contradictions(*read_with(worker, recorded))[0]
    worker.database.entries[number] = edited
    with pytest.raises(WindowConflictError, match="was edited"):
        worker.activate("w-1")


def read_with(worker: WindowWorker, recorded: RecordedWindows) -> tuple[RecoveryWindow, RecordedWindow]:
    return worker.database.windows["w-1"], recorded.windows["w-1"]


def test_entries_of_before_that_lack_a_detail_contradict_nothing(worker: WindowWorker) -> None:
    extend(worker)
    new = {"approval_expires_at", "decided_at", "expires_at", "lapses_at", "requested_by", "requested_by_kind", "state"}

    def age(entry: LedgerEntry) -> LedgerEntry:
        kept = {name: value for name, value in entry.parameters.items() if name not in new}
        aged = replace(entry, parameters=kept)
        return replace(aged, entry_hash=compute_entry_hash(aged))

    recorded = RecordedWindows().take_all(age(entry) for entry in worker.database.entries)
    assert find_contradictions(*read_with(worker, recorded)) == ()
