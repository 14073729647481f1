"""Holds an account's lock and acts under it step by step: ``holding.py FOLDER LEASE_SECONDS``.

Each line on its input is a step: ``take`` prints the fencing token, or ``busy``; ``append`` prints ``appended`` with
the seconds that its call may still take to leave, or ``lost``; ``check`` prints how long the last intent is valid yet.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from rootkeeper.clock import SystemClock
from rootkeeper.errors import AccountBusyError, LockLostError
from rootkeeper.ledger.owners import AccountLock
from rootkeeper.ledger.rules import Action, Intent
from tests.unit.database.samples import ACCOUNT_ID, ORGANIZATION_ID, Stage, Worker, make_worker


class Holder:
    """One process that acts on one account."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.locks = worker.database.locks(ORGANIZATION_ID, worker.owner)
        self.held = ExitStack()
        self.lock: AccountLock | None = None
        self.intent: Intent | None = None

    def take(self) -> str:
        try:
            self.lock = self.held.enter_context(self.locks.hold(ACCOUNT_ID, "deletion"))
        except AccountBusyError as error:
            return f"busy: {error}"
        return str(self.lock.fencing_token)

    def append(self) -> str:
        try:
            self.intent = self.worker.ledger.append_intent(
                Action.ACCESS_KEY_DELETE, account_id=ACCOUNT_ID, lock=self.lock
            )
        except LockLostError:
            return "lost"
        return f"appended {self.check()}"

    def check(self) -> str:
        assert self.intent is not None
        return str(self.intent.valid_until - SystemClock().monotonic())


def main() -> None:
    with Stage(Path(sys.argv[1])).open() as database:
        worker = make_worker(database, lease_seconds=float(sys.argv[2]))
        holder = Holder(worker)
        steps = {"take": holder.take, "append": holder.append, "check": holder.check}
        for line in sys.stdin:
            sys.stdout.write(steps[line.strip()]() + "\n")
            sys.stdout.flush()
        holder.held.close()
        worker.owner.close()


main()
