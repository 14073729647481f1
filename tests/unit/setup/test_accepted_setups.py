"""Accepted set-ups and daily readings in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.ledger.database import Database
from rootkeeper.organization.accounts import Feature, Setup
from rootkeeper.setup.drift import AcceptedSetupStore
from rootkeeper.setup.rules import AcceptedSetup, SetupState
from tests.fakes.evidence import READ, make_guardrail, make_state
from tests.unit.database.samples import ORGANIZATION_ID

WHOLE = make_state(guardrails=(make_guardrail(),))
UNREAD = make_state(
    trusted_access=None, features=None, delegates=None, guardrails=None, unknown=("Denied.",), guardrails_unknown="Why."
)


@pytest.mark.parametrize("state", [WHOLE, UNREAD, make_state(trusted_access=False, features=frozenset(), delegates=())])
def test_a_set_up_is_read_as_it_was_accepted(database: Database, state: SetupState) -> None:
    setups = database.get_store(AcceptedSetupStore, ORGANIZATION_ID)
    assert setups.find_last() is None
    accepted = AcceptedSetup(state, READ, "mary@desk", 4)
    setups.add(accepted)
    assert setups.find_last() == accepted


def test_the_last_one_accepted_holds_and_what_held_at_a_time_is_still_known(database: Database) -> None:
    setups = database.get_store(AcceptedSetupStore, ORGANIZATION_ID)
    first = AcceptedSetup(WHOLE, READ, "mary@desk", 4)
    second = AcceptedSetup(UNREAD, READ + timedelta(days=1), "john@desk", 9)
    setups.add(first)
    setups.add(second)
    assert setups.find_last() == second
    assert setups.find_last(READ + timedelta(hours=1)) == first
    assert setups.find_last(READ - timedelta(seconds=1)) is None


def test_the_last_reading_of_each_day_is_kept(database: Database) -> None:
    setups = database.get_store(AcceptedSetupStore, ORGANIZATION_ID)
    assert setups.find_last_reading() is None
    morning, evening, next_day = (replace(WHOLE, read_at=READ + timedelta(hours=hours)) for hours in (0, 8, 24))
    for state in (morning, evening, next_day):
        setups.save_reading(state)
    assert setups.find_last_reading() == next_day
    assert setups.find_last_reading(READ + timedelta(hours=23)) == evening
    assert setups.find_last_reading(READ + timedelta(hours=1)) is None


def test_readings_say_whether_root_credentials_management_was_on(database: Database) -> None:
    setups = database.get_store(AcceptedSetupStore, ORGANIZATION_ID)
    off = Setup(trusted_access=True, features=frozenset({Feature.ROOT_SESSIONS}), delegated_administrators=())
    untrusted = Setup(trusted_access=False, features=None, delegated_administrators=None)
    for days, setup in enumerate((off, WHOLE.setup, UNREAD.setup, untrusted, off)):
        setups.save_reading(replace(WHOLE, setup=setup, read_at=READ + timedelta(days=days)))
    found = setups.list_management_readings(READ, READ + timedelta(days=3))
    assert [reading.read_at for reading in found] == [READ + timedelta(days=days) for days in range(4)]
    assert [reading.is_on for reading in found] == [False, True, None, False]
    elsewhere = database.get_store(AcceptedSetupStore, "o-otherorgid00")
    assert elsewhere.list_management_readings(READ, READ + timedelta(days=9)) == ()


def test_a_reading_that_is_saved_late_replaces_no_newer_one(database: Database) -> None:
    setups = database.get_store(AcceptedSetupStore, ORGANIZATION_ID)
    newer, older = replace(UNREAD, read_at=READ + timedelta(minutes=2)), replace(WHOLE, read_at=READ)
    setups.save_reading(newer)
    setups.save_reading(older)
    assert setups.find_last_reading() == newer


def test_set_ups_of_another_organization_arent_seen(database: Database) -> None:
    setups = database.get_store(AcceptedSetupStore, ORGANIZATION_ID)
    setups.add(AcceptedSetup(WHOLE, READ, "mary@desk", 4))
    setups.save_reading(WHOLE)
    elsewhere = database.get_store(AcceptedSetupStore, "o-otherorgid00")
    assert elsewhere.find_last() is None
    assert elsewhere.find_last_reading() is None
