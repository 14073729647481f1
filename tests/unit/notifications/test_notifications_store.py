"""Beyond the contract (tests/contracts/test_notification_store.py): many processes at once, and what is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import text

from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.notifications.store import NotificationStore
from tests.fakes.clock import START
from tests.unit.database.samples import Stage

ORGANIZATION_ID = "o-exampleorgid"
TEST = Notification(NotificationEvent.NOTIFICATION_TEST, Severity.INFO, "t", "b", START, ORGANIZATION_ID, "AWS")


def test_of_many_that_claim_at_once_each_delivery_goes_to_one(stage: Stage) -> None:
    with stage.open() as here, stage.open() as there:
        stores = [one.get_store(NotificationStore, ORGANIZATION_ID) for one in (here, there)]
        for number in range(40):
            stores[0].add(f"n-{number:02}", TEST, ["chat"], START)

        def claim(number: int) -> list[str]:
            found = stores[number % 2].claim_due("chat", START, START + timedelta(minutes=1), 3)
            return [one.notification_id for one in found]

        with ThreadPoolExecutor(8) as pool:
            claimed = [name for names in pool.map(claim, range(20)) for name in names]
    assert sorted(claimed) == [f"n-{number:02}" for number in range(40)]


def test_a_target_is_kept_by_its_name_alone(stage: Stage) -> None:
    with stage.open() as database:
        database.get_store(NotificationStore, ORGANIZATION_ID).add("n-1", TEST, ["chat"], START)
        with database.store.engine.connect() as connection:
            rows = connection.execute(text("SELECT * FROM deliveries")).all()
    assert [column for row in rows for column in row if isinstance(column, str)].count("chat") == 1
