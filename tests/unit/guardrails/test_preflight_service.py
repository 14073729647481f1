from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from threading import Event

import pytest

from rootkeeper.errors import AwsUnreachableError, InputError, SelectionEmptyError
from rootkeeper.guardrails.service import Preflight, PreflightReport
from rootkeeper.guardrails.tasks import Task
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.selection import EVERYTHING, SelectionRequest
from rootkeeper.organization.statuses import Status
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import AccessVerdict, PolicyListing
from tests.fakes.desk import CLEAN, FAILSAFE, PROD, Desk, naming
from tests.fakes.organization import MANAGEMENT
from tests.fakes.policies import DENY_ROOT, FakePolicies
from tests.fakes.stores import RecordedProgress

_PATIENCE_SECONDS = 60
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


class HeldPolicies(FakePolicies):
    """No answer comes before it is let go."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.organization)
        self.are_asked_for, self.released = Event(), Event()

    def list_policies(self) -> PolicyListing:
        self.are_asked_for.set()
        assert self.released.wait(_PATIENCE_SECONDS)
        return super().list_policies()


class LettingGo(RecordedProgress):
    """Lets policies go once a remark asks to wait for them."""

    def __init__(self, held: HeldPolicies) -> None:
        super().__init__()
        self._held = held

    def remark(self, text: str) -> None:
        super().remark(text)
        if "still being read" in text:
            self._held.released.set()


@pytest.fixture
def held(desk: Desk) -> Iterator[HeldPolicies]:
    """The thread that asks for them ends with the test."""
    policies = HeldPolicies(desk)
    desk.policies = policies
    yield policies
    policies.released.set()


def run(desk: Desk, request: SelectionRequest = EVERYTHING) -> PreflightReport:
    return Preflight(desk.inventory, desk.policies, desk.clock).run(desk.progress, request)


@pytest.mark.parametrize("request_", [EVERYTHING, naming(PROD)])
def test_it_says_when_service_control_policies_arent_enabled(desk: Desk, request_: SelectionRequest) -> None:
    run(desk, request_)
    assert "Service control policies" not in str(desk.progress.remarks)
    desk.policies.enabled = frozenset()
    run(desk, request_)
    (remark,) = [text for text in desk.progress.remarks if text.startswith("Service control policies aren't enabled")]
    (root,) = desk.organization.list_roots()
    assert f"enable-policy-type --root-id {root.ou_id} --policy-type SERVICE_CONTROL_POLICY" in remark


def test_every_active_member_has_a_row_for_each_task(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    report = run(desk)
    assert [account.account_id for account in report.accounts] == [CLEAN, FAILSAFE, PROD]
    assert {account.account_id for account in report.skipped} == {MANAGEMENT, SUSPENDED}
    assert [row.task for row in report.rows] == list(Task) * 3
    blocked = {row.account.account_id for row in report.rows if row.verdict is AccessVerdict.BLOCKED}
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
        (naming("unknown"), InputError),
    ],
)
def test_a_selection_that_cant_be_answered_is_refused(
    request_: SelectionRequest, error: type[InputError], desk: Desk
) -> None:
    with pytest.raises(error):
        run(desk, request_)


def test_in_govcloud_only_unlocks_have_a_row_and_the_others_a_reason(desk: Desk) -> None:
    desk.organization.organization = replace(desk.organization.organization, partition="aws-us-gov")
    tasks = {row.task for row in run(desk).rows}
    assert tasks == {Task.UNLOCK_BUCKET, Task.UNLOCK_QUEUE, Task.ASSUME_ROOT}
    (remark,) = [text for text in desk.progress.remarks if text.startswith("Not applicable")]
    assert "IAMCreateRootUserPassword, RootUserSignIn. Root users of AWS GovCloud (US) accounts have no" in remark
    assert "IAMAuditRootUserCredentials, IAMDeleteRootUserCredentials" in remark
    assert "Root user credentials can't be managed centrally" in remark
    assert "AWS doesn't document which other tasks work" in remark


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
    assert {row.verdict for row in rows} == {AccessVerdict.UNKNOWN}
    assert {row.conditions for row in rows} == {(needs,)}


def test_policies_of_the_whole_organization_are_read_while_its_accounts_are_listed(
    desk: Desk, held: HeldPolicies
) -> None:
    """Neither ends before the other has begun."""

    def let_go(operation: str, _account_id: AccountId | None) -> None:
        if operation == "ListAccounts":
            assert held.are_asked_for.wait(_PATIENCE_SECONDS)
            held.released.set()

    held.attach("p-deny", DENY_ROOT, "ou-exam-work")
    desk.organization.before_each_call(let_go)
    blocked = {row.account.account_id for row in run(desk).rows if row.verdict is AccessVerdict.BLOCKED}
    assert blocked == {PROD}
    assert held.calls == ["list_policies"]


def test_a_caller_that_waits_for_policies_longer_than_for_accounts_is_reported(desk: Desk, held: HeldPolicies) -> None:
    desk.progress = LettingGo(held)
    assert len(run(desk).accounts) == 3
    assert any("still being read" in text for text in desk.progress.remarks)


@pytest.mark.parametrize("error", [AwsUnreachableError("no answer"), KeyboardInterrupt()])
def test_accounts_that_cant_be_listed_end_it_without_waiting_for_policies(
    error: Exception, desk: Desk, held: HeldPolicies
) -> None:
    desk.organization.fail("ListAccounts", error)
    with pytest.raises(type(error)):
        run(desk)
    assert held.are_asked_for.wait(_PATIENCE_SECONDS)
    assert not held.released.is_set()
    assert held.calls == []


def test_a_selection_that_comes_to_nothing_doesnt_wait_for_policies(desk: Desk, held: HeldPolicies) -> None:
    with pytest.raises(InputError):
        run(desk, replace(EVERYTHING, excluded=("unknown",)))
    assert held.calls == []


@pytest.mark.parametrize(
    "request_",
    [
        naming("prod"),
        SelectionRequest(organizational_units=("Workloads",)),
        SelectionRequest(tags=(("stage", "prod"),)),
        replace(EVERYTHING, tags=(("stage", "prod"),)),
        SelectionRequest(account_states=frozenset({AccountState.ACTIVE})),
    ],
)
def test_a_narrow_selection_is_known_before_its_policies_are_asked_for(request_: SelectionRequest, desk: Desk) -> None:
    desk.organization.tags[PROD]["stage"] = "prod"
    listed: list[bool] = []
    desk.organization.before_each_call(lambda operation, _: listed.append(bool(desk.policies.calls)))
    run(desk, request_)
    assert not any(listed)
    assert len(desk.policies.calls) == 1
