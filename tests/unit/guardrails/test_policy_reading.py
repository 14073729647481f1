from __future__ import annotations

import pytest

from rootkeeper.errors import AwsUnreachableError
from rootkeeper.guardrails.service import BackgroundPolicyRead, PolicyTreeReader
from rootkeeper.guardrails.tasks import Task
from rootkeeper.organization.accounts import AccountId
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import AccessVerdict
from tests.fakes.desk import CLEAN, FAILSAFE, PROD, Desk
from tests.fakes.policies import DENY_ROOT


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", ou_id=desk.organization.add_unit("ou-exam-work", "Workloads"))
    desk.organization.add_account(FAILSAFE, "security")
    desk.organization.delegated_administrators.append(FAILSAFE)
    return desk


def test_in_a_small_organization_all_policies_are_listed_at_once(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    judge = PolicyTreeReader(desk.policies).read_evaluator_over(
        [desk.organization.accounts[PROD]], desk.read_inventory()
    )
    rows = {row.task: row for row in judge.evaluate(desk.organization.accounts[PROD])}
    assert rows[Task.AUDIT].verdict is AccessVerdict.BLOCKED
    assert rows[Task.ASSUME_ROOT].verdict is AccessVerdict.ALLOWED
    assert desk.policies.calls == ["list_policies"]


def test_of_few_accounts_in_a_large_organization_only_their_places_are_asked(desk: Desk) -> None:
    for number in range(300):
        desk.organization.add_account(f"{600_000_000_000 + number}")
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    inventory = desk.read_inventory()
    judge = PolicyTreeReader(desk.policies).read_evaluator_over([desk.organization.accounts[PROD]], inventory)
    assert desk.policies.calls == ["list_policies_over"]
    assert {row.verdict for row in judge.evaluate(desk.organization.accounts[PROD])[:5]} == {AccessVerdict.BLOCKED}
    PolicyTreeReader(desk.policies).read_evaluator_over(inventory.accounts, inventory)
    assert desk.policies.calls == ["list_policies_over", "list_policies"]


def test_a_caller_that_may_not_ask_places_reads_all_policies(desk: Desk) -> None:
    for number in range(300):
        desk.organization.add_account(f"{600_000_000_000 + number}")
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    desk.policies.problems_of_targets[PolicyKind.SERVICE_CONTROL] = ("needs organizations:ListPoliciesForTarget",)
    judge = PolicyTreeReader(desk.policies).read_evaluator_over(
        [desk.organization.accounts[PROD]], desk.read_inventory()
    )
    assert desk.policies.calls == ["list_policies_over", "list_policies"]
    assert {row.verdict for row in judge.evaluate(desk.organization.accounts[PROD])[:5]} == {AccessVerdict.BLOCKED}


def test_delegates_that_couldnt_be_read_stay_unknown(desk: Desk) -> None:
    desk.organization.fail("ListDelegatedAdministrators")
    clean = desk.organization.accounts[desk.organization.add_account(CLEAN)]
    judge = PolicyTreeReader(desk.policies).read_evaluator_over([clean], desk.read_inventory())
    assert judge.evaluate(clean)[-1].verdict is AccessVerdict.UNKNOWN
    assert judge.delegates is None


def test_the_delegates_are_accounts_of_the_inventory(desk: Desk) -> None:
    judge = PolicyTreeReader(desk.policies).read_evaluator_over([], desk.read_inventory())
    assert [account.account_id for account in judge.delegates or ()] == [AccountId(FAILSAFE)]


def test_denials_are_judged_without_knowing_where_full_access_is(desk: Desk) -> None:
    desk.organization.add_account(CLEAN)
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    desk.policies.detach_full_access(CLEAN)
    judge = PolicyTreeReader(desk.policies).read_denial_evaluator(desk.read_inventory())
    assert judge.evaluate(desk.organization.accounts[PROD])[0].verdict is AccessVerdict.BLOCKED
    assert judge.evaluate(desk.organization.accounts[CLEAN])[0].verdict is AccessVerdict.ALLOWED
    assert desk.policies.calls == ["list_policies_under_full_access"]


def test_policies_underway_judge_as_those_that_were_waited_for(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    underway = BackgroundPolicyRead(desk.policies)
    inventory = desk.read_inventory()
    prod = desk.organization.accounts[PROD]
    rows = underway.finish(inventory).evaluate(prod)
    assert rows == PolicyTreeReader(desk.policies).read_evaluator_over(inventory.accounts, inventory).evaluate(prod)
    assert underway.is_done()


def test_policies_underway_raise_what_went_wrong(desk: Desk) -> None:
    desk.policies.error = AwsUnreachableError("no answer")
    with pytest.raises(AwsUnreachableError):
        BackgroundPolicyRead(desk.policies).finish(desk.read_inventory())
