from __future__ import annotations

import queue
from datetime import timedelta

import pytest

from rootkeeper.audit.service import describe_age, remark_setup
from rootkeeper.cli.hints import render_hint
from rootkeeper.inventory.listing import Step
from rootkeeper.organization.accounts import Feature, Setup
from tests.fakes.desk import Desk
from tests.fakes.stores import RecordedProgress


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        (Setup(True, frozenset(Feature), ()), []),
        (Setup(False, None, ()), ["Trusted access for IAM is off"]),
        (Setup(True, frozenset({Feature.ROOT_SESSIONS}), ()), ["Root credentials management is off"]),
        (Setup(True, frozenset(Feature), None), ["Delegated administrators couldn't be read"]),
        (Setup(None, None, ()), []),
    ],
)
def test_what_would_be_said_of_every_account_is_said_once(setup: Setup, words: list[str]) -> None:
    progress = RecordedProgress()
    remark_setup(setup, progress)
    assert len(progress.remarks) == len(words)
    assert all(word in remark for word, remark in zip(words, progress.remarks, strict=True))


def test_the_age_of_an_inventory_is_told_with_how_far_the_listing_came() -> None:
    desk = Desk()
    inventory = desk.read_inventory()
    steps: queue.SimpleQueue[Step] = queue.SimpleQueue()
    listing = desk.inventory.begin(desk.progress, steps.put)
    reported = describe_age(inventory, listing, inventory.listed_at + timedelta(days=2, hours=1))
    assert "2 days old" in reported
    assert "0 of 1" in reported
    assert "--refresh" in (render_hint(reported) or "")
