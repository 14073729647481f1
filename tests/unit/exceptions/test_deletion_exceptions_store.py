"""Exceptions from deletion in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.ledger.database import Database
from tests.unit.database.samples import ACCOUNT_ID, NOW, ORGANIZATION_ID, OTHER_ACCOUNT_ID

EXCEPTION = DeletionException(ACCOUNT_ID, "billing team", "pays by invoice", NOW + timedelta(days=90), "operator", NOW)


def test_an_exception_is_read_as_it_was_added_and_the_later_one_replaces_it(database: Database) -> None:
    exceptions = database.get_store(DeletionExceptionStore, ORGANIZATION_ID)
    exceptions.add(EXCEPTION)
    other = replace(EXCEPTION, account_id=OTHER_ACCOUNT_ID)
    exceptions.add(other)
    assert exceptions.list_exceptions() == (EXCEPTION, other)
    longer = replace(EXCEPTION, until=NOW + timedelta(days=180))
    exceptions.add(longer)
    assert exceptions.list_exceptions() == (longer, other)


def test_an_exception_is_removed_once(database: Database) -> None:
    exceptions = database.get_store(DeletionExceptionStore, ORGANIZATION_ID)
    exceptions.add(EXCEPTION)
    assert exceptions.remove(ACCOUNT_ID)
    assert not exceptions.remove(ACCOUNT_ID)
    assert exceptions.list_exceptions() == ()


def test_the_exceptions_of_another_organization_arent_seen(database: Database) -> None:
    database.get_store(DeletionExceptionStore, ORGANIZATION_ID).add(EXCEPTION)
    elsewhere = database.get_store(DeletionExceptionStore, "o-otherorgid00")
    assert elsewhere.list_exceptions() == ()
    assert not elsewhere.remove(ACCOUNT_ID)
