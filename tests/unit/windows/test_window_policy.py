"""For how long a window may last, and what the settings for windows say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.approvals.rules import NameRule
from rootkeeper.composition.services import make_window_policy
from rootkeeper.errors import InputError, PermissionDeniedError
from rootkeeper.settings.sections import WindowSettings
from rootkeeper.windows.approvals import WindowPolicy


def test_a_duration_over_the_policys_limit_is_refused_with_the_limit() -> None:
    policy = WindowPolicy(longest=timedelta(hours=2))

    assert policy.require_duration(7200) == 7200
    with pytest.raises(InputError, match="2h") as caught:
        policy.require_duration(7201)
    assert caught.value.hint
    with pytest.raises(InputError, match="5 seconds"):
        policy.require_duration(5)


def test_the_emergency_path_is_off_unless_the_settings_allow_it() -> None:
    WindowPolicy(emergency=True).require_emergencies_allowed()
    with pytest.raises(PermissionDeniedError, match="emergency"):
        WindowPolicy().require_emergencies_allowed()


def test_the_settings_make_a_policy() -> None:
    settings = WindowSettings(
        approvals=2,
        longest=timedelta(hours=3),
        approval_valid=timedelta(hours=1),
        requesters=("alice",),
        approvers=("bob in Root",),
        rereads=(timedelta(hours=1), timedelta(minutes=15), timedelta(hours=1)),
        emergency=True,
    )
    policy = make_window_policy(settings)

    assert policy == WindowPolicy(
        approvals=2,
        longest=timedelta(hours=3),
        approval_valid=timedelta(hours=1),
        requesters=(NameRule("alice"),),
        approvers=(NameRule("bob", "Root"),),
        rereads=(timedelta(minutes=15), timedelta(hours=1)),
        emergency=True,
    )
