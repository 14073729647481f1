"""Appends until the disk is full, then with some space again: ``filling.py FOLDER``.

A limit on the size of files replaces the full disk. Prints how many entries were acknowledged, the error, whether a
spill was written meanwhile, and how many entries were acknowledged once the limit is lifted.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from rootkeeper.errors import LedgerUnavailableError
from rootkeeper.ledger.rules import Action, Result
from tests.unit.database.samples import ACCOUNT_ID, ACTOR, ENDPOINT, ORGANIZATION_ID, Stage, Worker, make_worker

ENTRY = {"reason": "x" * 2000}


def append_until_refused(worker: Worker) -> tuple[int, str]:
    acknowledged = 0
    while True:
        try:
            worker.ledger.append_intent(Action.WINDOW_REQUEST, account_id=ACCOUNT_ID, parameters=ENTRY)
        except LedgerUnavailableError as error:
            return acknowledged, str(error)
        acknowledged += 1


def spill(worker: Worker) -> str:
    with worker.database.open_spill(ORGANIZATION_ID, ENDPOINT, ACTOR, worker.owner) as ledger:
        intent = ledger.append_intent(Action.LOGIN_PROFILE_DELETE, account_id=ACCOUNT_ID)
        ledger.append_outcome(intent, Result.DONE)
        return str(ledger.path)


def main() -> None:
    with Stage(Path(sys.argv[1])).open() as database:
        worker = make_worker(database)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        acknowledged, error = append_until_refused(worker)
        again, _ = append_until_refused(worker)
        sys.stdout.write(f"{acknowledged}\n{again}\n{error}\n{spill(worker)}\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        entry = worker.ledger.append_fact(Action.WINDOW_REQUEST, account_id=ACCOUNT_ID)
        sys.stdout.write(f"{entry.sequence}\n")
        worker.owner.close()


main()
