from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.organization.accounts import AccountId, Feature, Setup

COMPLETE = Setup(
    trusted_access=True, features=frozenset(Feature), delegated_administrators=(AccountId("222233334444"),)
)


def test_everything_on_with_a_delegate_is_complete() -> None:
    assert COMPLETE.is_complete(Feature)


@pytest.mark.parametrize(
    "setup",
    [
        replace(COMPLETE, trusted_access=False),
        replace(COMPLETE, trusted_access=None),
        replace(COMPLETE, features=None),
        replace(COMPLETE, features=frozenset({Feature.ROOT_SESSIONS})),
        replace(COMPLETE, features=frozenset()),
        replace(COMPLETE, delegated_administrators=()),
        replace(COMPLETE, delegated_administrators=None),
    ],
)
def test_p06_what_is_off_or_unknown_is_not_complete(setup: Setup) -> None:
    assert not setup.is_complete(Feature)
