from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from rootkeeper.domain.ledger import Action, Intent, Result
from rootkeeper.domain.organizations import Account, AccountId, AccountState
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.domain.statuses import AccountStatus, Role, Status, judge_found
from rootkeeper.errors import LockLostError
from rootkeeper.workflows.audit_batches import AuditBatches, ReadingTarget
from tests.fakes.desk import Desk

NOTHING = RootCredentialsSummary(False, False, False, False)


def target(number: int) -> ReadingTarget:
    account_id = AccountId(f"{700000000000 + number}")
    account = Account(account_id, "some", "some@example.com", AccountState.ACTIVE, ("r-exam",), "Root")
    return ReadingTarget(account, Role.MEMBER, has_open_window=False)


@dataclass
class Reader:
    """Reads accounts, and refuses as stale the first ``stale`` tries of each."""

    desk: Desk
    stale: int = 0
    tries: dict[AccountId, int] = field(default_factory=dict)

    def read(self, target: ReadingTarget, intent: Intent) -> AccountStatus:
        account_id = target.account.account_id
        self.tries[account_id] = self.tries.get(account_id, 0) + 1
        if self.tries[account_id] <= self.stale:
            raise LockLostError("The intent is too old.")
        return judge_found(
            target.account,
            target.role,
            NOTHING,
            observed_at=self.desk.clock.now(),
            has_open_window=False,
            session_access_key_id=f"ASIA{account_id}",
        )


def batches_of(desk: Desk, reader: Reader, *, workers: int = 4, batch_size: int = 10) -> AuditBatches:
    return AuditBatches(
        read=reader.read,
        ledger=desk.ledger,
        store=desk.store,
        clock=desk.clock,
        progress=desk.progress,
        workers=workers,
        batch_size=batch_size,
    )


def run(desk: Desk, reader: Reader, count: int) -> dict[AccountId, AccountStatus]:
    with batches_of(desk, reader) as batches:
        batches.add(target(number) for number in range(count))
        batches.finish()
    return batches.statuses


@pytest.mark.parametrize("count", [0, 1, 10, 137])
def test_every_account_is_read_once_and_every_batch_has_its_outcome(count: int) -> None:
    desk = Desk()
    reader = Reader(desk)
    statuses = run(desk, reader, count)
    assert len(statuses) == count
    assert all(tries == 1 for tries in reader.tries.values())
    assert desk.store.statuses == statuses
    assert desk.ledger.open_intents == []
    assert desk.progress.advanced == count


def test_an_account_whose_intent_grew_too_old_gets_a_new_one() -> None:
    desk = Desk()
    reader = Reader(desk, stale=1)
    statuses = run(desk, reader, 3)
    assert {status.status for status in statuses.values()} == {Status.NOT_PRESENT}
    assert all(tries == 2 for tries in reader.tries.values())
    named = [account_id for accounts in desk.ledger.list_audited() for account_id in accounts]
    assert sorted(named) == sorted([*statuses, *statuses])
    assert desk.ledger.open_intents == []


def test_an_account_whose_intents_are_always_too_old_is_unknown() -> None:
    desk = Desk()
    statuses = run(desk, Reader(desk, stale=99), 1)
    assert [status.status for status in statuses.values()] == [Status.UNKNOWN]
    assert desk.ledger.open_intents == []


def test_a_bug_in_reading_is_not_swallowed() -> None:
    desk = Desk()

    class Broken(Reader):
        def read(self, target: ReadingTarget, intent: Intent) -> AccountStatus:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(desk, Broken(desk), 3)
    assert desk.ledger.open_intents == []


def test_a_batch_that_another_process_settled_is_remarked_and_its_statuses_are_kept() -> None:
    desk = Desk()
    with batches_of(desk, Reader(desk)) as batches:
        batches.add([target(1)])
        desk.ledger.append_outcome(Intent(1, Action.ACCOUNTS_AUDIT, None, 0.0), Result.UNKNOWN)
        batches.finish()
    assert len(batches.statuses) == 1
    assert any("settled by another process" in remark for remark in desk.progress.remarks)
