"""A lie is performed on a copy of the world that costs little and leaves the world alone."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper_sandbox.faults import copy_world
from tests.sandbox.calling import Stage

MEMBER = "555566667777"


def break_everything(world: Any) -> None:
    account = world.account(MEMBER)
    account.root_user.access_keys.clear()
    account.root_user.login_profile = None
    account.tags["changed"] = "yes"
    world.organization.features.clear()
    world.organization.trusted_services.clear()
    world.organization.delegations.setdefault("iam.amazonaws.com", {})[MEMBER] = world.clock()
    world.organization.policy_book.policies.clear()
    unit_id = next(iter(world.organization.organizational_units))
    world.organization.organizational_units[unit_id].name = "changed"
    removed = world.organization.remove_account(MEMBER)
    removed.name = "changed"


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.switch_on("RootCredentialsManagement")
    return stage


def test_what_happens_to_the_copy_does_not_happen_to_the_world(stage: Stage) -> None:
    before = stage.world.describe()
    copied = copy_world(stage.world)
    assert copied.describe() == before
    break_everything(copied)
    assert copied.describe() != before
    assert stage.world.describe() == before


def test_only_what_is_looked_up_is_copied(stage: Stage) -> None:
    copied = copy_world(stage.world)
    accounts = stage.world.organization.accounts
    other = next(account_id for account_id in accounts if account_id != MEMBER)
    assert copied.account(MEMBER) is not accounts[MEMBER]
    shared = dict(copied.organization.accounts.items())
    assert shared[other] is accounts[other]
