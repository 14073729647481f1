"""What the ledger shows of a period."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rootkeeper.evidence.rules import LedgerHistory, read_history
from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import CredentialKind
from tests.fakes.evidence import (
    CALLER,
    CLEAN,
    END,
    ENDPOINT,
    FAILSAFE,
    OPERATOR,
    ORGANIZATION_ID,
    PERIOD,
    PRESENT,
    READ,
    START,
    make_entry,
)

ADD, REMOVE = Action.EXCEPTION_ADD, Action.EXCEPTION_REMOVE


class Story:
    """A ledger that is written entry by entry."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []

    def add(self, action: Action, at: datetime = READ, **changes: object) -> LedgerEntry:
        self.entries.append(make_entry(len(self.entries) + 1, action, at, **changes))
        return self.entries[-1]

    def end(self, intent: LedgerEntry, result: Result = Result.DONE, at: datetime | None = None) -> None:
        self.add(
            intent.action,
            at or intent.at,
            account_id=intent.account_id,
            phase=Phase.OUTCOME,
            intent_sequence=intent.sequence,
            result=result,
        )

    def delete(self, result: Result | None = Result.DONE, at: datetime = READ, account_id: AccountId = CLEAN) -> None:
        parameters = {
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "plan_id": "plan-1a2b",
            "session_access_key_id": "ASIAIOSFODNN7EXAMPLE",
        }
        intent = self.add(Action.ACCESS_KEY_DELETE, at, account_id=account_id, parameters=parameters)
        if result is not None:
            self.end(intent, result)

    def except_from_deletion(self, reason: str, at: datetime, until: datetime, action: Action = ADD) -> None:
        reported = {"owner": "Shop", "reason": reason, "until": until.isoformat()}
        self.add(action, at, account_id=CLEAN, parameters=reported, phase=Phase.OUTCOME, result=Result.DONE)

    def read(self) -> LedgerHistory:
        return read_history(self.entries, ORGANIZATION_ID, PERIOD)


def test_a_deletion_is_reported_with_its_target_its_result_and_who_did_it_for_what() -> None:
    story = Story()
    story.delete(Result.UNKNOWN)
    (deletion,) = story.read().deletions
    assert (deletion.account_id, deletion.kind, deletion.target) == (
        CLEAN,
        CredentialKind.ACCESS_KEYS,
        "AKIAIOSFODNN7EXAMPLE",
    )
    assert (deletion.result, deletion.cause, deletion.sequence) == (Result.UNKNOWN, "plan-1a2b", 1)
    assert (deletion.actor, deletion.session_access_key_id) == (OPERATOR, "ASIAIOSFODNN7EXAMPLE")


def test_only_outcomes_of_the_period_count_though_their_intent_is_before_it() -> None:
    story = Story()
    story.delete(at=START - timedelta(days=1))
    story.delete(at=END + timedelta(seconds=1))
    intent = story.add(Action.LOGIN_PROFILE_DELETE, START - timedelta(seconds=1), account_id=CLEAN)
    story.end(intent, at=START)
    assert [deletion.kind for deletion in story.read().deletions] == [CredentialKind.PASSWORD]


def test_another_organizations_entries_are_left_out() -> None:
    story = Story()
    story.add(Action.ACCOUNTS_AUDIT, organization_id="o-otherorgid00")
    assert story.read() == LedgerHistory(first_sequence=1, other_organization_ids=("o-otherorgid00",))


def test_the_extract_begins_with_the_first_entry_that_isnt_before_the_period() -> None:
    story = Story()
    assert story.read().first_sequence is None
    story.add(Action.ACCOUNTS_AUDIT, START - timedelta(seconds=1), organization_id="o-earlierorgid")
    assert (story.read().first_sequence, story.read().other_organization_ids) == (None, ())
    story.add(Action.ACCOUNTS_AUDIT, START)
    story.add(Action.ACCOUNTS_AUDIT, START - timedelta(days=1))
    story.add(Action.ACCOUNTS_AUDIT, END + timedelta(days=1), organization_id="o-otherorgid00")
    assert (story.read().first_sequence, story.read().other_organization_ids) == (2, ("o-otherorgid00",))


def test_an_intent_of_the_period_without_an_outcome_is_named() -> None:
    story = Story()
    story.delete(result=None)
    (open_intent,) = story.read().open_intents
    assert (open_intent.sequence, open_intent.account_id) == (1, CLEAN)


def test_an_outcome_after_the_periods_end_leaves_the_intent_open_at_it() -> None:
    story = Story()
    intent = story.add(Action.LOGIN_PROFILE_DELETE, END, account_id=CLEAN)
    story.end(intent, at=END + timedelta(minutes=1))
    assert len(story.read().open_intents) == 1


def test_an_exception_that_a_person_ended_is_reported() -> None:
    story = Story()
    story.except_from_deletion("until the migration", READ, END, REMOVE)
    (ended,) = story.read().ended_exceptions
    assert (ended.owner, ended.ended_by, ended.ended_at) == ("Shop", "mary@desk", READ)


def test_an_exception_that_another_replaces_is_shown_beside_it() -> None:
    story = Story()
    story.except_from_deletion("migration", START - timedelta(days=9), END + timedelta(days=9))
    story.except_from_deletion("audit", READ, END + timedelta(days=30))
    history = story.read()
    assert [(one.reason, one.until, one.added_by) for one in history.exceptions] == [
        ("audit", END + timedelta(days=30), "mary@desk")
    ]
    assert [(one.reason, one.ended_at) for one in history.ended_exceptions] == [("migration", READ)]


def test_an_exception_that_ran_out_before_the_next_one_ended_by_itself() -> None:
    story = Story()
    story.except_from_deletion("migration", START, READ - timedelta(days=1))
    story.except_from_deletion("audit", READ, END)
    history = story.read()
    assert [one.reason for one in history.exceptions] == ["migration", "audit"]
    assert history.ended_exceptions == ()


@pytest.mark.parametrize("action", [ADD, REMOVE])
def test_what_became_of_an_exception_after_the_periods_end_doesnt_hide_it(action: Action) -> None:
    story = Story()
    story.except_from_deletion("migration", START, END + timedelta(days=9))
    story.except_from_deletion("later", END + timedelta(seconds=1), END + timedelta(days=30), action)
    history = story.read()
    assert [one.reason for one in history.exceptions] == ["migration"]
    assert history.ended_exceptions == ()


@pytest.mark.parametrize("until", [None, "soon", "2026-12-31T00:00:00"])
def test_an_exception_whose_entry_was_altered_is_left_out(until: str | None) -> None:
    story = Story()
    reported = {"owner": "Shop", "reason": "?", "until": until}
    story.add(ADD, account_id=PRESENT, parameters=reported, phase=Phase.OUTCOME, result=Result.DONE)
    assert story.read().exceptions == ()


def test_audits_are_counted_by_their_outcomes() -> None:
    story = Story()
    story.end(story.add(Action.ACCOUNTS_AUDIT))
    history = story.read()
    assert (history.audits, history.entries) == (1, 2)


def test_endpoints_and_callers_are_the_periods_own_or_those_of_the_last_entry_before_it() -> None:
    story = Story()
    story.add(Action.ACCOUNTS_AUDIT, START - timedelta(days=2), endpoint="AWS")
    story.add(Action.ACCOUNTS_AUDIT, START - timedelta(days=1))
    assert (story.read().endpoints, story.read().caller_arns) == ((ENDPOINT,), (CALLER,))
    story.add(Action.ACCOUNTS_AUDIT, endpoint="AWS")
    assert story.read().endpoints == ("AWS",)


def test_rootkeepers_own_last_change_of_the_set_up_is_kept_unless_it_failed() -> None:
    story = Story()
    story.end(story.add(Action.FEATURE_ENABLE))
    story.end(story.add(Action.FEATURE_DISABLE), Result.UNKNOWN)
    story.end(story.add(Action.TRUSTED_ACCESS_DISABLE), Result.FAILED)
    changed = story.read().setup_changed
    assert changed is not None
    assert changed.action is Action.FEATURE_DISABLE


def test_every_entry_about_a_change_of_the_set_up_is_kept_up_to_the_periods_end() -> None:
    story = Story()
    story.end(story.add(Action.FEATURE_ENABLE, START - timedelta(days=5)))
    story.add(Action.FEATURE_DISABLE, END + timedelta(seconds=1))
    story.add(Action.ACCOUNTS_AUDIT)
    kept = story.read().setup_entries
    assert [(one.action, one.phase) for one in kept] == [
        (Action.FEATURE_ENABLE, Phase.INTENT),
        (Action.FEATURE_ENABLE, Phase.OUTCOME),
    ]


def test_drills_count_however_long_ago_and_only_of_the_same_kind_of_place() -> None:
    reported = {"held_at": (START - timedelta(days=5)).isoformat(), "held_by": "Mary", "outcome": "passed"}
    drill = {"account_id": FAILSAFE, "parameters": reported, "phase": Phase.OUTCOME, "result": Result.DONE}
    story = Story()
    story.add(Action.FAILSAFE_DRILL, START - timedelta(days=5), **drill)
    story.add(Action.FAILSAFE_DRILL, START - timedelta(days=4), **{**drill, "endpoint": "AWS"})
    story.add(Action.ACCOUNTS_AUDIT)
    assert [one.held_by for one in story.read().drills] == ["Mary"]
