"""Waves in words."""

from __future__ import annotations

import pytest

from rootkeeper.cli.rendering.deletions import render_waves
from rootkeeper.deletion.rules import WaveRules


@pytest.mark.parametrize(
    ("rules", "targets", "said"),
    [
        (WaveRules(), 12, []),
        (WaveRules(canary=1), 0, []),
        (WaveRules(size=5), 12, ["Order: 12 accounts, 5 at a time in 3 waves."]),
        (WaveRules(size=50, pause_seconds=30), 12, ["Order: 12 accounts at once."]),
        (
            WaveRules(canary=1, size=5, pause_seconds=30),
            12,
            [
                (
                    "Order: first 1 canary account, which must all succeed, then 11 accounts, 5 at a time in"
                    " 3 waves, with a pause of 30 s between waves."
                )
            ],
        ),
        (
            WaveRules(canary=9),
            3,
            [
                "Order: first 3 canary accounts, which must all succeed.",
                "Every account is a canary: --canary is 9, and there are 3 accounts.",
            ],
        ),
        (
            WaveRules(stop_after_failures=1),
            3,
            ["Order: 3 accounts at once.", "No more accounts are begun after 1 failure."],
        ),
    ],
)
def test_waves_are_shown_in_words(rules: WaveRules, targets: int, said: list[str]) -> None:
    assert render_waves(rules, targets) == said
