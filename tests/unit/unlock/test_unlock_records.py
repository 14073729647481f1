"""Policies as JSON: the same as the command line's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.unlocks import (
    show_listing_of_resources,
    show_outcome,
    show_resource_policy,
    show_unneeded,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.unlock.records import (
    listing_to_record,
    outcome_to_record,
    resource_policy_to_record,
    unneeded_to_record,
)
from rootkeeper.unlock.rules import ChangeKind
from tests.fakes.unlock_desk import OPEN, UnlockDesk

ORGANIZATION_ID = "o-exampleorgid"
Shown = Callable[[Callable[[Terminal], None]], Any]


@pytest.fixture
def desk() -> UnlockDesk:
    return UnlockDesk()


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """What a command writes to stdout as JSON."""

    def show(write: Callable[[Terminal], None]) -> Any:
        write(Terminal({}))
        return json.loads(capsys.readouterr().out)

    return show


def test_a_list_is_as_the_command_line_shows_it(desk: UnlockDesk, shown: Shown) -> None:
    desk.add("logs")
    desk.add("open", OPEN)
    desk.add("bare", None)
    listing = desk.reading.list_all(desk.account, ResourceKind.BUCKET, (), desk.progress)
    assert listing_to_record(listing, ORGANIZATION_ID) == shown(
        lambda terminal: show_listing_of_resources(
            listing_to_record(listing, ORGANIZATION_ID), OutputFormat.JSON, terminal
        )
    )


@pytest.mark.parametrize("policy", [None, OPEN, "{}", "no JSON"])
def test_one_policy_is_as_the_command_line_shows_it(desk: UnlockDesk, shown: Shown, policy: str | None) -> None:
    for bucket in (desk.add("logs"), desk.add("other", policy)):
        resource_state = desk.reading.show_one(desk.account, bucket.kind, bucket.name, (), desk.progress)
        record = resource_policy_to_record(resource_state, ORGANIZATION_ID)
        assert record == shown(
            lambda terminal: show_resource_policy(record, OutputFormat.JSON, terminal)  # noqa: B023 - at once
        )


def test_a_policys_text_is_shown_exactly_so_that_it_can_be_put_back(desk: UnlockDesk) -> None:
    text = OPEN.replace(": ", " :  ")
    bucket = desk.add("spaced", text)
    record = resource_policy_to_record(
        desk.reading.show_one(desk.account, bucket.kind, bucket.name, (), desk.progress), "o-x"
    )
    assert (record["policy_text"], record["policy"]) == (text, json.loads(OPEN))
    assert record["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_change_is_as_the_command_line_shows_it(desk: UnlockDesk, shown: Shown) -> None:
    outcome = desk.unlock(desk.add("logs"), ChangeKind.CORRECTED)
    assert outcome_to_record(outcome, ORGANIZATION_ID) == shown(
        lambda terminal: show_outcome(outcome_to_record(outcome, ORGANIZATION_ID), None, OutputFormat.JSON, terminal)
    )


def test_a_change_that_isnt_needed_is_as_the_command_line_shows_it(desk: UnlockDesk, shown: Shown) -> None:
    plan = desk.plan(desk.add("open", OPEN), ChangeKind.CORRECTED)
    assert unneeded_to_record(plan, ORGANIZATION_ID) == shown(
        lambda terminal: show_unneeded(unneeded_to_record(plan, ORGANIZATION_ID), OutputFormat.JSON, terminal)
    )
