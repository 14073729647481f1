"""How often what is known of accounts was changed."""

from __future__ import annotations

import pytest

from rootkeeper.database.engines import reading
from rootkeeper.errors import InputError
from rootkeeper.ledger.database import Database
from rootkeeper.ledger.writer import (
    ChangedPart,
    GroupCommit,
    Revisions,
    WriteTransaction,
    find_revisions,
)
from tests.unit.database.samples import ORGANIZATION_ID


@pytest.fixture
def commits(database: Database) -> GroupCommit:
    return database.commits


def look(database: Database) -> Revisions:
    with reading(database.store) as connection:
        return find_revisions(connection, ORGANIZATION_ID)


def count(part: ChangedPart, transaction: WriteTransaction) -> None:
    transaction.note_change(ORGANIZATION_ID, part)


def test_each_part_is_counted_by_itself(database: Database, commits: GroupCommit) -> None:
    assert look(database) == Revisions()
    commits.run(lambda transaction: count(ChangedPart.INVENTORY, transaction))
    first = look(database)
    assert first == Revisions(1, 1, 1)
    commits.run(lambda transaction: count(ChangedPart.STATUSES, transaction))
    commits.run(lambda transaction: count(ChangedPart.WINDOWS, transaction))
    commits.run(lambda transaction: count(ChangedPart.WINDOWS, transaction))
    assert look(database) == Revisions(1, 2, 3)


def test_a_change_that_was_noted_is_counted_with_the_commit(database: Database, commits: GroupCommit) -> None:
    def change(transaction: WriteTransaction) -> None:
        transaction.note_change(ORGANIZATION_ID, ChangedPart.STATUSES)
        transaction.note_change(ORGANIZATION_ID, ChangedPart.STATUSES)

    commits.run(change)
    commits.run(change)
    assert look(database).statuses == 2


def test_what_was_refused_is_counted_at_most_in_vain(database: Database, commits: GroupCommit) -> None:
    def refuse(transaction: WriteTransaction) -> None:
        raise InputError("No.")

    with pytest.raises(InputError):
        commits.run(refuse)
    assert look(database) == Revisions()
