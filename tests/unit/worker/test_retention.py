"""Sign-ins that ended and old notifications are forgotten, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, create_engine, insert

from rootkeeper.database import schema
from rootkeeper.database import schema as access_schema
from rootkeeper.ledger.database import Database
from rootkeeper.worker.service import RetentionStore
from tests.unit.database.samples import NOW, ORGANIZATION_ID, Stage


@pytest.fixture
def retention(database: Database) -> RetentionStore:
    return RetentionStore(database.store, database.commits, ORGANIZATION_ID)


def insert_rows(stage: Stage, *rows: tuple[Table, dict[str, Any]]) -> None:
    engine = create_engine(stage.url)
    with engine.begin() as connection:
        for table, row in rows:
            connection.execute(insert(table).values(row))
    engine.dispose()


def add_sign_in(stage: Stage, name: str, expires_at: datetime, organization_id: str = ORGANIZATION_ID) -> None:
    own = {"organization_id": organization_id, "identity_id": f"u-{name}", "created_at": NOW}
    about = {"kind": "user", "name": name, "folded_name": name, "role": "viewer", "proof_hash": "x"}
    insert_rows(
        stage,
        (access_schema.identities, {**own, **about, "created_by": "ana"}),
        (
            access_schema.sign_ins,
            {
                **own,
                "token_hash": name,
                "session_id": f"s-{name}",
                "kind": "browser",
                "last_used_at": NOW,
                "expires_at": expires_at,
            },
        ),
    )


def add_notification(stage: Stage, name: str, created_at: datetime, *, waits: bool = False) -> None:
    own = {"organization_id": ORGANIZATION_ID, "notification_id": name}
    delivery = {"target": "oncall", "state": "x", "attempts": 1, "next_attempt_at": NOW if waits else None}
    insert_rows(
        stage,
        (
            schema.notifications,
            {**own, "deduplication_key": name, "content": {"title": "Open"}, "created_at": created_at},
        ),
        (schema.deliveries, {**own, **delivery}),
    )


def test_challenges_and_links_that_no_one_answered_are_forgotten_with_them(
    stage: Stage, retention: RetentionStore
) -> None:
    own = {"organization_id": ORGANIZATION_ID, "ends_at": NOW - timedelta(seconds=1)}
    for name, changes in (("past", {}), ("present", {"ends_at": NOW + timedelta(seconds=1)})):
        row = {**own, **changes}
        asked = {**row, "challenge_hash": name, "session_id": "s-1", "purpose": "prove"}
        insert_rows(
            stage,
            (access_schema.factor_challenges, asked),
            (access_schema.first_administrator_links, {**row, "token_hash": name}),
        )
    assert retention.forget_sign_ins(NOW) == 0
    assert stage.query("SELECT challenge_hash FROM factor_challenges") == [("present",)]
    assert stage.query("SELECT token_hash FROM first_administrator_links") == [("present",)]


def test_failed_attempts_kept_answers_and_sign_ins_that_were_begun_are_forgotten_with_them(
    stage: Stage, retention: RetentionStore
) -> None:
    for name, ends_at in (("past", NOW - timedelta(seconds=1)), ("present", NOW + timedelta(seconds=1))):
        own = {"organization_id": ORGANIZATION_ID, "ends_at": ends_at}
        insert_rows(
            stage,
            (access_schema.failed_attempts, {**own, "attempt_id": name, "key_hash": name}),
            (schema.kept_answers, {**own, "key_hash": name, "fingerprint": "f", "claimed_by": "o-1"}),
            (access_schema.sign_in_starts, {**own, "secret_hash": name, "started_at": NOW, "return_to": "/"}),
        )
    retention.forget_sign_ins(NOW)
    assert stage.query("SELECT attempt_id FROM failed_attempts") == [("present",)]
    assert stage.query("SELECT key_hash FROM kept_answers") == [("present",)]
    assert stage.query("SELECT secret_hash FROM sign_in_starts") == [("present",)]


def test_sign_ins_are_forgotten_once_they_ended(stage: Stage, retention: RetentionStore) -> None:
    add_sign_in(stage, "past", NOW - timedelta(seconds=1))
    add_sign_in(stage, "present", NOW + timedelta(hours=1))
    add_sign_in(stage, "others", NOW - timedelta(days=1), "o-otherorgid00")
    assert retention.forget_sign_ins(NOW) == 1
    assert sorted(stage.query("SELECT token_hash FROM sign_ins")) == [("others",), ("present",)]
    assert len(stage.query("SELECT name FROM identities")) == 3


def test_old_notifications_are_forgotten_with_their_deliveries(stage: Stage, retention: RetentionStore) -> None:
    add_notification(stage, "old", NOW - timedelta(days=91))
    add_notification(stage, "young", NOW - timedelta(days=89))
    assert retention.forget_notifications(NOW - timedelta(days=90)) == 1
    assert stage.query("SELECT notification_id FROM notifications") == [("young",)]
    assert stage.query("SELECT notification_id FROM deliveries") == [("young",)]


def test_a_notification_that_waits_for_its_target_stays_however_old(stage: Stage, retention: RetentionStore) -> None:
    add_notification(stage, "waiting", NOW - timedelta(days=91), waits=True)
    assert retention.forget_notifications(NOW - timedelta(days=90)) == 0
    assert stage.query("SELECT notification_id FROM notifications") == [("waiting",)]
