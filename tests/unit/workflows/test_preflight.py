from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.domain.organizations import AccountId, AccountState
from rootkeeper.domain.policies.documents import PolicyKind
from rootkeeper.domain.policies.evaluation import Verdict
from rootkeeper.domain.preflight_tasks import Task
from rootkeeper.domain.selection import EVERYTHING, SelectionRequest
from rootkeeper.domain.statuses import Status
from rootkeeper.errors import AwsUnreachableError, InputError, SelectionEmptyError
from rootkeeper.workflows.preflight import Preflight, PreflightReport
from tests.fakes.desk import CLEAN, FAILSAFE, PROD, Desk, naming
from tests.fakes.organization import MANAGEMENT
from tests.fakes.policies import DENY_ROOT

SUSPENDED = AccountId("666677778888")


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    organization = desk.organization
    organization.add_unit("ou-exam-work", "Workloads")
    organization.add_account(PROD, "prod", ou_id="ou-exam-work")
    organization.add_account(CLEAN, "clean")
    organization.add_account(FAILSAFE, "security")
    organization.add_account(SUSPENDED, "old", state=AccountState.SUSPENDED)
    organization.delegated_administrators.append(FAILSAFE)
    return desk


def run(desk: Desk, request: SelectionRequest = EVERYTHING) -> PreflightReport:
    return Preflight(desk.inventory, desk.policies, desk.clock).run(desk.progress, request)


def test_every_active_member_has_a_row_for_each_task(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    report = run(desk)
    assert [account.account_id for account in report.accounts] == [CLEAN, FAILSAFE, PROD]
    assert {account.account_id for account in report.skipped} == {MANAGEMENT, SUSPENDED}
    assert [row.task for row in report.rows] == list(Task) * 3
    blocked = {row.account.account_id for row in report.rows if row.verdict is Verdict.BLOCKED}
    assert blocked == {PROD}
    assert report.evaluations == 3  # two sets of policies; AssumeRoot alike for all


def test_p07_a_preflight_opens_no_session_and_changes_nothing(desk: Desk) -> None:
    run(desk)
    assert desk.organization.changing_calls == []
    assert "AssumeRoot" not in desk.organization.operations()
    assert desk.policies.calls == ["list_policies"]


def test_a_selection_narrows_it(desk: Desk) -> None:
    report = run(desk, naming("prod"))
    assert {row.account.account_id for row in report.rows} == {PROD}
    assert run(desk, SelectionRequest(organizational_units=("Workloads",))).accounts == report.accounts


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (SelectionRequest(everything=True, statuses=frozenset({Status.PRESENT})), InputError),
        (SelectionRequest(), SelectionEmptyError),
        (naming("old"), SelectionEmptyError),
        (naming("management"), SelectionEmptyError),
        (naming("nobody"), InputError),
    ],
)
def test_a_selection_that_cant_be_answered_is_refused(
    request_: SelectionRequest, error: type[InputError], desk: Desk
) -> None:
    with pytest.raises(error):
        run(desk, request_)


def test_a_partition_without_root_users_is_refused(desk: Desk) -> None:
    desk.organization.organization = replace(desk.organization.organization, partition="aws-cn")
    with pytest.raises(InputError, match="aws-cn"):
        run(desk)


def test_without_a_delegate_that_is_remarked(desk: Desk) -> None:
    desk.organization.delegated_administrators.clear()
    report = run(desk)
    assert Task.ASSUME_ROOT not in {row.task for row in report.rows}
    assert any("no row AssumeRoot" in remark for remark in desk.progress.remarks)


def test_no_answer_is_an_error_and_no_report(desk: Desk) -> None:
    desk.policies.error = AwsUnreachableError("no answer")
    with pytest.raises(AwsUnreachableError):
        run(desk)


def test_p06_a_list_that_is_throttled_makes_every_row_unknown(desk: Desk) -> None:
    needs = "needs another try: AWS limited the rate of organizations:ListPolicies"
    desk.policies.problems[PolicyKind.SERVICE_CONTROL] = (needs,)
    rows = run(desk).rows
    assert {row.verdict for row in rows} == {Verdict.UNKNOWN}
    assert {row.conditions for row in rows} == {(needs,)}
