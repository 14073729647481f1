"""The guided story counts a step as done only where the sandbox's truth shows it."""

from __future__ import annotations

from typing import Any

import pytest

from rootkeeper.demo.story import DEMO_USERS, StoryState, evaluate_story

OFF: dict[str, Any] = {"features": [], "delegated_administrators": []}
ON: dict[str, Any] = {
    "features": ["RootSessions", "RootCredentialsManagement"],
    "delegated_administrators": [{"account_id": "2"}],
}
WHOLE = (
    "GetAccountSummary",
    "DeleteLoginProfile",
    "ConsoleLogin!",
    "CreateLoginProfile",
    "PasswordRecoveryCompleted",
    "ConsoleLogin",
    "DeleteLoginProfile",
    "ConsoleLogin!",
)
STEPS = ("see", "delete", "refused", "allow", "reset", "signed_in", "closed", "refused_again")


def event(name: str) -> dict[str, Any]:
    """An event by its name; with ``!`` one that was refused."""
    plain = name.removesuffix("!")
    return {"eventName": plain} | ({"errorMessage": "Failed authentication"} if plain != name else {})


def done(
    *names: str, organization: dict[str, Any] = OFF, is_down: bool = False, failsafe: tuple[str, ...] = ()
) -> set[str]:
    truth = StoryState(organization, is_down, [event(name) for name in names], [event(name) for name in failsafe])
    return {step["step_id"] for step in evaluate_story(truth) if step["is_done"]}


def test_nothing_is_done_at_the_start() -> None:
    assert done() == set()


def test_it_is_enabled_by_both_features_and_a_delegate() -> None:
    assert done(organization=ON) == {"enable"}
    assert done(organization=ON | {"features": ["RootSessions"]}) == set()
    assert done(organization=ON | {"delegated_administrators": []}) == set()


@pytest.mark.parametrize("count", range(len(WHOLE) + 1))
def test_each_event_does_one_step_more(count: int) -> None:
    assert done(*WHOLE[:count]) == set(STEPS[:count])


def test_a_sign_in_before_the_deletion_is_no_refusal_after_it() -> None:
    assert done("ConsoleLogin!", "ConsoleLogin", "DeleteLoginProfile") == {"delete"}


def test_a_deletion_that_was_refused_is_none() -> None:
    assert done("DeleteLoginProfile!") == set()


def test_the_outage_is_over_once_a_caller_entered_and_it_is_up_again() -> None:
    assert done(is_down=True) == {"outage"}
    assert done(is_down=True, failsafe=("ConsoleLogin!",)) == {"outage"}
    assert done(is_down=True, failsafe=("ConsoleLogin",)) == {"outage", "failsafe"}
    assert done(failsafe=("ConsoleLogin",)) == {"outage", "failsafe", "restored"}


NAMES = {(user.name, user.role) for user in DEMO_USERS}


def test_every_step_says_who_does_what_where() -> None:
    steps = evaluate_story(StoryState(OFF, False, [], []))
    assert len(steps) == 12
    for step in steps:
        assert step["title"]
        assert all((user["name"], user["role"]) in NAMES for user in step["users"])
        assert bool(step["users"]) == (step["place"] == "console")
        assert step["how"].endswith(".")
        assert step["place"] in ("console", "sandbox")
        assert step["path"].startswith("/")
