"""Beyond the contract (tests/contracts/test_notification_store.py): many workers at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from rootkeeper.worker.schedules import ScheduleStore
from tests.fakes.clock import START
from tests.unit.database.samples import Stage


def test_of_many_workers_exactly_one_takes_each_run(stage: Stage) -> None:
    with stage.open() as here, stage.open() as there:
        stores = [ScheduleStore(one.store, one.commits, "o-exampleorgid") for one in (here, there)]
        last = START
        stores[0].keep("audits-1", last)
        for minute in range(1, 6):
            due = START + timedelta(minutes=minute)
            with ThreadPoolExecutor(8) as pool:
                taken = list(
                    pool.map(lambda n, due=due, last=last: stores[n % 2].claim("audits-1", last, due), range(8))
                )
            assert taken.count(True) == 1
            stores[1].settle("audits-1", due, last)
            last = due
        assert stores[0].find_last_run("audits-1") == last
