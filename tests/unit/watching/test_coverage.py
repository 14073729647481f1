"""Where strangers that open root sessions would be noticed, and where not."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from rootkeeper.errors import AwsAccessDeniedError, AwsUnreachableError
from rootkeeper.organization.accounts import AccountId, Caller, Endpoint, Feature, Organization, Setup
from rootkeeper.setup.service import CallerRole, SetupReport
from rootkeeper.watching.coverage import RuleCoverage, RuleCoverageReader

MANAGEMENT, DELEGATE = AccountId("111122223333"), AccountId("222233334444")
REGIONS = ("eu-central-1", "eu-north-1", "us-east-1")
EVERY = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


@dataclass(slots=True)
class FakeRules:
    """Implements ``EventRuleReader``."""

    states: dict[str, str | Exception]
    enabled: tuple[str, ...] | Exception = REGIONS
    asked: list[str] = field(default_factory=list)

    def list_enabled_regions(self, account_id: AccountId | None) -> tuple[str, ...]:
        assert account_id is None
        if isinstance(self.enabled, Exception):
            raise self.enabled
        return self.enabled

    def read_rule_state(self, name: str, region: str) -> str | None:
        assert name == "rootkeeper-strange-caller"
        self.asked.append(region)
        state = self.states.get(region)
        if isinstance(state, Exception):
            raise state
        return state


def read(rules: FakeRules, role: CallerRole = CallerRole.MANAGEMENT) -> RuleCoverage | None:
    report = SetupReport(
        endpoint=Endpoint("AWS"),
        caller=Caller(MANAGEMENT, f"arn:aws:iam::{MANAGEMENT}:user/ana", "aws"),
        caller_role=role,
        organization=Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws"),
        setup=Setup(trusted_access=True, features=frozenset(Feature), delegated_administrators=(DELEGATE,)),
        missing=(),
    )
    return RuleCoverageReader(rules).read(report)


def test_a_region_without_the_rule_is_named() -> None:
    found = read(FakeRules({"us-east-1": EVERY, "eu-central-1": EVERY}))
    assert found is not None
    assert (found.covered, found.uncovered) == (("eu-central-1", "us-east-1"), ("eu-north-1",))
    assert not found.is_complete


@pytest.mark.parametrize("state", ["ENABLED", "DISABLED"])
def test_a_rule_that_doesnt_get_reading_calls_doesnt_count(state: str) -> None:
    found = read(FakeRules({**dict.fromkeys(REGIONS, EVERY), "eu-north-1": state}))
    assert found is not None
    assert found.uncovered == ("eu-north-1",)


def test_with_the_rule_everywhere_it_is_complete_and_names_the_accounts_that_it_cant_see() -> None:
    found = read(FakeRules(dict.fromkeys(REGIONS, EVERY)))
    assert found is not None
    assert found.is_complete
    assert (found.account_id, found.other_account_ids) == (MANAGEMENT, (DELEGATE,))


def test_without_the_rule_in_the_first_region_no_other_one_is_asked() -> None:
    rules = FakeRules({})
    found = read(rules)
    assert found is not None
    assert rules.asked == ["us-east-1"]
    assert (found.uncovered, found.unread) == (("us-east-1",), ("eu-central-1", "eu-north-1"))


def test_a_region_that_cant_be_read_is_unknown() -> None:
    found = read(FakeRules({**dict.fromkeys(REGIONS, EVERY), "eu-north-1": AwsUnreachableError("no answer")}))
    assert found is not None
    (sentence,) = found.unknown
    assert "eu-north-1 couldn't be read: no answer" in sentence
    assert not found.is_complete


def test_denied_readings_are_unknown_and_never_complete() -> None:
    denied = AwsAccessDeniedError("denied", operation="events:DescribeRule", aws_code="AccessDenied")
    for rules in (FakeRules({"us-east-1": denied}), FakeRules({}, enabled=denied)):
        found = read(rules)
        assert found is not None
        assert len(found.unknown) == 1
        assert not found.is_complete


@pytest.mark.parametrize("role", [CallerRole.MEMBER, CallerRole.UNKNOWN])
def test_an_account_that_cant_open_root_sessions_is_not_asked(role: CallerRole) -> None:
    rules = FakeRules({})
    assert read(rules, role) is None
    assert rules.asked == []
