"""How the checks of this machine are judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.doctor.rules import (
    Check,
    CheckName,
    CheckVerdict,
    WorkPermissions,
    check_clock,
    check_credentials,
    check_installation,
    check_organization,
    check_permissions,
    check_region,
    find_region_source,
    has_findings,
)
from rootkeeper.organization.accounts import AccountId, Caller, Organization
from rootkeeper.organization.statuses import FailOn

MANAGEMENT, DELEGATE, MEMBER = map(AccountId, ("111122223333", "222233334444", "333344445555"))
ORGANIZATION = Organization("o-exampleorgid", MANAGEMENT, has_all_features=True, partition="aws")
GOOD, PROBLEM, SKIPPED, UNKNOWN = CheckVerdict.GOOD, CheckVerdict.PROBLEM, CheckVerdict.SKIPPED, CheckVerdict.UNKNOWN


def caller(account_id: AccountId = MANAGEMENT, name: str = "user/ana") -> Caller:
    return Caller(account_id, f"arn:aws:iam::{account_id}:{name}", "aws")


@pytest.mark.parametrize(
    ("lifetime", "said"),
    [
        (CredentialsLifetime(Lifetime.RENEWED), "renew themselves"),
        (CredentialsLifetime(Lifetime.STATIC), "an access key, which never expires"),
        (
            CredentialsLifetime(Lifetime.ENDING, datetime(2026, 11, 29, 10, tzinfo=UTC)),
            "valid until 2026-11-29T10:00:00Z",
        ),
        (CredentialsLifetime(Lifetime.UNKNOWN, None, "they are session keys"), "because they are session keys"),
    ],
)
def test_credentials_are_named_with_how_long_they_last(lifetime: CredentialsLifetime, said: str) -> None:
    check = check_credentials(caller(), lifetime)
    assert check.verdict is GOOD
    assert "user/ana" in check.text
    assert said in check.text


def test_credentials_of_a_root_user_are_a_problem() -> None:
    check = check_credentials(caller(name="root"), CredentialsLifetime(Lifetime.STATIC))
    assert check.verdict is PROBLEM
    assert check.fix is not None


@pytest.mark.parametrize(
    ("offset", "verdict", "said"),
    [
        (timedelta(), GOOD, "agrees"),
        (timedelta(seconds=30), GOOD, "agrees"),
        (timedelta(seconds=31), PROBLEM, "31s ahead of"),
        (-timedelta(minutes=6), PROBLEM, "6m behind"),
        (None, UNKNOWN, "can't be compared"),
    ],
)
def test_the_clock_may_differ_by_half_a_minute(offset: timedelta | None, verdict: CheckVerdict, said: str) -> None:
    check = check_clock(offset)
    assert (check.verdict, check.fix is None) == (verdict, verdict is GOOD)
    assert said in check.text


def test_an_opt_in_region_is_unknown_because_each_account_enables_it() -> None:
    assert check_region("us-east-1", "by default", is_opt_in=False).verdict is GOOD
    assert check_region("eu-south-1", "from AWS_REGION", is_opt_in=True).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("option", "setting", "environment", "source"),
    [
        ("eu-west-1", "aws.region", {"AWS_REGION": "x"}, "from the option"),
        (None, "organizations.shop.aws.region", {"AWS_REGION": "x"}, "from organizations.shop.aws.region"),
        (None, None, {"AWS_REGION": "x", "AWS_DEFAULT_REGION": "y"}, "from AWS_REGION"),
        (None, None, {"AWS_DEFAULT_REGION": "y"}, "from AWS_DEFAULT_REGION"),
        (None, None, {}, "from the profile or by default"),
    ],
)
def test_it_is_said_what_chose_the_region(
    option: str | None, setting: str | None, environment: dict[str, str], source: str
) -> None:
    assert find_region_source(option, setting, environment) == source


@pytest.mark.parametrize(
    ("account_id", "delegates", "verdict"),
    [
        (MANAGEMENT, None, GOOD),
        (DELEGATE, (DELEGATE,), GOOD),
        (MEMBER, (DELEGATE,), PROBLEM),
        (MEMBER, (), PROBLEM),
        (MEMBER, None, UNKNOWN),
    ],
)
def test_a_caller_must_be_in_the_management_account_or_a_delegated_administrator(
    account_id: AccountId, delegates: tuple[AccountId, ...] | None, verdict: CheckVerdict
) -> None:
    check = check_organization(ORGANIZATION, caller(account_id), delegates, "AWS refused.")
    assert (check.verdict, check.fix is None) == (verdict, verdict is GOOD)


NEEDED = ("organizations:ListAccounts", "sts:AssumeRoot (DELETE)")
OWN = frozenset({"sts:AssumeRoot (DELETE)"})


@pytest.mark.parametrize(
    ("denied", "is_required", "verdict"),
    [
        ((), False, GOOD),
        (("organizations:ListAccounts",), False, PROBLEM),
        (("sts:AssumeRoot (DELETE)",), False, SKIPPED),
        (NEEDED, False, SKIPPED),
        (("sts:AssumeRoot (DELETE)",), True, PROBLEM),
    ],
)
def test_missing_permissions_are_a_problem_unless_the_caller_isnt_meant_for_that_work(
    denied: tuple[str, ...], is_required: bool, verdict: CheckVerdict
) -> None:
    check = check_permissions(WorkPermissions("delete", NEEDED, denied, OWN, is_required))
    assert (check.verdict, check.part) == (verdict, "delete")
    assert all(action in check.text for action in denied)


def test_work_without_a_change_of_its_own_is_always_required() -> None:
    check = check_permissions(WorkPermissions("audit", NEEDED, NEEDED, frozenset(), is_required=False))
    assert check.verdict is PROBLEM


def test_the_command_line_alone_is_a_good_installation() -> None:
    alone = check_installation("1.0", "3.13.0", {"fast": False, "server": False})
    assert alone.verdict is GOOD
    assert "the command line alone" in alone.text
    assert "with fast, server" in check_installation("1.0", "3.13.0", {"fast": True, "server": True}).text


@pytest.mark.parametrize(
    ("verdict", "findings", "is_bad"),
    [
        (GOOD, {FailOn.PRESENT, FailOn.UNKNOWN}, False),
        (SKIPPED, {FailOn.PRESENT, FailOn.UNKNOWN}, False),
        (PROBLEM, {FailOn.PRESENT, FailOn.UNKNOWN}, True),
        (UNKNOWN, {FailOn.PRESENT, FailOn.UNKNOWN}, True),
        (UNKNOWN, {FailOn.PRESENT}, False),
        (PROBLEM, {FailOn.UNKNOWN}, False),
        (PROBLEM, {FailOn.NONE}, False),
    ],
)
def test_what_makes_the_answer_bad(verdict: CheckVerdict, findings: set[FailOn], is_bad: bool) -> None:
    checks = [Check(CheckName.CLOCK, GOOD, ""), Check(CheckName.REGION, verdict, "")]
    assert has_findings(checks, frozenset(findings)) is is_bad
