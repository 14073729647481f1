"""The demo's checks can fail: each is tried on a truth in which it doesn't hold."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from rootkeeper.cli.demo_story import OU_PATH, RECOVERED, STORY, StoryCheck, is_bare

BARE = {"password": False, "recovery_allowed": False, "access_keys": [], "signing_certificates": [], "mfa_devices": []}


def truth() -> dict[str, Any]:
    """An organization in which everything that the story claims holds."""
    return {
        "features": ["RootSessions", "RootCredentialsManagement"],
        "trusted_services": ["iam.amazonaws.com"],
        "delegated_administrators": [{"account_id": "222233334444"}],
        "accounts": [
            {"account_id": RECOVERED, "ou_path": f"Root/{OU_PATH}", "root_user": dict(BARE)},
            {"account_id": "444455556666", "ou_path": "Root/Other", "root_user": dict(BARE)},
        ],
    }


def list_checks() -> list[StoryCheck]:
    return [check for step in STORY for check in step.checks]


def spoil() -> dict[str, Any]:
    """The opposite of everything: off, changed, and a credential everywhere."""
    spoiled = deepcopy(truth())
    spoiled |= {"features": ["RootSessions"], "trusted_services": [], "delegated_administrators": []}
    for account in spoiled["accounts"]:
        account["root_user"]["access_keys"] = [{"access_key_id": "AKIAIOSFODNN7EXAMPLE"}]
    spoiled["accounts"].append({"account_id": "1", "ou_path": "Root", "root_user": dict(BARE)})
    return spoiled


@pytest.mark.parametrize("check", list_checks(), ids=lambda check: check.claim)
def test_a_check_fails_where_its_claim_is_wrong(check: StoryCheck) -> None:
    assert not check.holds(truth(), spoil())


@pytest.mark.parametrize("kind", BARE)
def test_a_root_user_with_anything_left_is_not_bare(kind: str) -> None:
    assert is_bare(BARE)
    assert not is_bare(BARE | {kind: True})


def test_answers_are_compared_with_the_truth_account_by_account() -> None:
    audit = next(step for step in STORY if step.arguments == ("audit",))
    reported = {
        "accounts": [
            {"account_id": RECOVERED, "status": "not_present"},
            {"account_id": "444455556666", "status": "unknown"},
        ]
    }
    assert all(check.holds(truth(), reported) for check in audit.answer_checks)
    reported["accounts"][0]["status"] = "present"
    assert not all(check.holds(truth(), reported) for check in audit.answer_checks)
    assert not all(check.holds(truth(), {"accounts": []}) for check in audit.answer_checks)
