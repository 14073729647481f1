"""What a deletion may do, as given on a command line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.changes.removal_rules import ALL_KINDS
from rootkeeper.cli.options import DeletionChoices
from rootkeeper.errors import InputError
from rootkeeper.organization.statuses import CredentialKind


def test_all_kinds_go_unless_some_are_named() -> None:
    assert DeletionChoices().to_options(90).only == ALL_KINDS
    only = DeletionChoices(only=["password,access_keys", "mfa_devices"]).to_options(90).only
    assert only == {CredentialKind.PASSWORD, CredentialKind.ACCESS_KEYS, CredentialKind.MFA_DEVICES}


def test_the_setting_says_what_recent_means() -> None:
    assert DeletionChoices().to_options(30).recent == timedelta(days=30)


def test_one_reason_goes_for_all_accounts_or_each_has_its_own() -> None:
    shared = DeletionChoices(allow_recently_used=["111122223333", "Shop"], reason=["Rotated"]).to_options(90)
    assert shared.allowed_uses == {"111122223333": "Rotated", "Shop": "Rotated"}
    own = DeletionChoices(allow_recently_used=["111122223333", "Shop"], reason=["A", "B"]).to_options(90)
    assert own.allowed_uses == {"111122223333": "A", "Shop": "B"}


@pytest.mark.parametrize(
    "choices",
    [
        DeletionChoices(only=["keys"]),
        DeletionChoices(allow_recently_used=["111122223333"]),
        DeletionChoices(allow_recently_used=["111122223333"], reason=["  "]),
        DeletionChoices(allow_recently_used=["111122223333"], reason=["A", "B"]),
        DeletionChoices(reason=["A"]),
    ],
)
def test_what_does_not_fit_together_is_refused_with_a_hint(choices: DeletionChoices) -> None:
    with pytest.raises(InputError) as raised:
        choices.to_options(90)
    assert raised.value.hint
