from __future__ import annotations

import queue
from datetime import timedelta

import pytest

from rootkeeper.audit.service import describe_age, find_root_access_off
from rootkeeper.cli.hints import render_hint
from rootkeeper.inventory.listing import Step
from rootkeeper.organization.accounts import Feature, Setup
from tests.fakes.desk import Desk


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        (Setup(True, frozenset(Feature), ()), None),
        (Setup(False, None, ()), "Trusted access for IAM is off"),
        (Setup(True, frozenset({Feature.ROOT_SESSIONS}), ()), "Root credentials management is off"),
        (Setup(True, frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT}), ()), None),
        (Setup(None, None, ()), None),
    ],
)
def test_what_makes_aws_deny_every_root_session_is_named_with_the_command_that_fixes_it(
    setup: Setup, words: str | None
) -> None:
    error = find_root_access_off(setup)
    assert (error is None) == (words is None)
    if error is not None and words is not None:
        assert words in error.message
        assert render_hint(error.hint) == "Run `rootkeeper enable`."


def test_the_age_of_an_inventory_is_shown_with_how_far_the_listing_came() -> None:
    desk = Desk()
    inventory = desk.read_inventory()
    steps: queue.SimpleQueue[Step] = queue.SimpleQueue()
    listing = desk.inventory.begin(desk.progress, steps.put)
    reported = describe_age(inventory, listing, inventory.listed_at + timedelta(days=2, hours=1))
    assert "2 days old" in reported
    assert "0 of 1" in reported
    assert "--refresh" in (render_hint(reported) or "")
