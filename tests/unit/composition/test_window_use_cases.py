"""The settings make the policy of windows, and a mistake in them shows at the start."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rootkeeper.approvals.rules import NameRule
from rootkeeper.composition.services import make_window_policy
from rootkeeper.errors import SettingsError
from rootkeeper.settings.reading import load_settings
from rootkeeper.settings.sections import WindowSettings


def test_a_server_wants_one_approval_and_four_re_reads_unless_its_settings_say_otherwise() -> None:
    policy = make_window_policy(WindowSettings())

    assert policy.approvals == 1
    assert policy.rereads == (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=12), timedelta(hours=24))
    assert not policy.emergency


def test_the_settings_of_a_file_become_rules(tmp_path: Path) -> None:
    (tmp_path / "rootkeeper.toml").write_text(
        '[windows]\napprovals = 2\nlongest = "4h"\nrequesters = ["alice in Root/Prod"]\nrereads = ["1h", "15m"]\n'
    )
    settings = load_settings(tmp_path / "rootkeeper.toml", {}, tmp_path)

    policy = make_window_policy(settings.windows)

    assert policy.approvals == 2
    assert policy.longest == timedelta(hours=4)
    assert policy.requesters == (NameRule("alice", "Root/Prod"),)
    assert policy.rereads == (timedelta(minutes=15), timedelta(hours=1))


def test_a_rule_that_cannot_be_understood_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match=r"windows\.approvers"):
        make_window_policy(replace(WindowSettings(), approvers=("bob in",)))
