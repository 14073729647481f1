"""A test goes to each target, regardless of the others."""

from __future__ import annotations

import pytest

from rootkeeper.errors import NotFoundError
from rootkeeper.notifications.rules import parse_targets
from rootkeeper.notifications.service import NotificationTester
from rootkeeper.organization.accounts import Endpoint
from tests.fakes.clock import FakeClock
from tests.fakes.notifications import ScriptedSender

TARGETS = parse_targets(["chat info env:CHAT_URL", "oncall critical env:ONCALL_URL"])


def make(sender: ScriptedSender, *, empty: bool = False) -> NotificationTester:
    targets = () if empty else TARGETS
    return NotificationTester(targets, sender, FakeClock(), lambda: "n-1", "o-exampleorgid", Endpoint("AWS"))


def test_each_target_gets_one_regardless_of_its_severity_and_a_failing_one_stops_nothing() -> None:
    sender = ScriptedSender()
    sender.break_down("chat")
    chat, oncall = make(sender).test()
    assert chat.failure is not None
    assert oncall.failure is None
    assert sender.list_titles("oncall") == ["A test of Rootkeeper's notifications"]


def test_one_target_can_be_named_regardless_of_its_case() -> None:
    sender = ScriptedSender()
    (trial,) = make(sender).test("OnCall")
    assert trial.target.name == "oncall"
    assert sender.attempts == ["oncall"]


def test_a_target_that_isnt_there_is_an_error_and_so_are_none_at_all() -> None:
    with pytest.raises(NotFoundError, match="chat, oncall"):
        make(ScriptedSender()).test("mail")
    with pytest.raises(NotFoundError, match="no notification target"):
        make(ScriptedSender(), empty=True).test()
