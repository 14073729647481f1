"""Every action of the ledger has a rule by which an orphan of it is settled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from rootkeeper.aws.rules import Resource, ResourceKind, TaskPolicy
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.changes.sessions import AccountSessions
from rootkeeper.changes.settlement import SettledIntent, settle_orphans
from rootkeeper.composition.changes import make_restorer
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.setup.rules import CHANGES_OF_SETUP
from rootkeeper.unlock.rules import PolicyChange, describe_change
from rootkeeper.values import JsonValue
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase, FakeLedger
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization

ACCOUNT = AccountId("222233334444")
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]})


def orphan(action: Action, parameters: Mapping[str, JsonValue] | None = None) -> LedgerEntry:
    return LedgerEntry(
        sequence=1,
        at=START,
        organization_id="o-exampleorgid",
        endpoint="AWS",
        actor=Actor("alice", ActorKind.SELF_ASSERTED),
        action=action,
        account_id=ACCOUNT,
        parameters=parameters or {"feature": "RootSessions", "task_policy": TaskPolicy.AUDIT.value},
        phase=Phase.INTENT,
        owner_id="process-1",
        intent_sequence=None,
        result=None,
        previous_hash="",
        entry_hash="",
    )


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT)
    return fake


def judge(
    organization: FakeOrganization, action: Action, parameters: Mapping[str, JsonValue] | None = None
) -> SettledIntent:
    """What becomes of an orphan."""
    operator = Operator(organization, FakeDatabase(organization.clock))
    restore = make_restorer(organization, organization.emails, operator.windows, operator.clock)
    with operator.locks.hold(ACCOUNT, "settling") as lock:
        sessions = AccountSessions(organization, operator.ledger, operator.clock, ACCOUNT, lock)
        runner = ChangeRunner(Settled(operator.ledger), operator.clock, lock)
        (settled,) = settle_orphans([orphan(action, parameters)], restore, runner, sessions)
    return settled


class Settled:
    """The ledger, in which each orphan is one."""

    def __init__(self, ledger: FakeLedger) -> None:
        self._ledger = ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def settle_orphan(self, entry: LedgerEntry, result: Result, details: Mapping[str, JsonValue]) -> bool:
        assert details["explanation"]
        assert entry.phase is Phase.INTENT
        assert result
        return True


PARAMETERS: dict[str, JsonValue] = {
    "feature": "RootSessions",
    "task_policy": TaskPolicy.AUDIT.value,
    "access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "signing_certificate_id": "TA7SMP42TDN5Z26OBPJE7EXAMPLE",
    "mfa_serial_number": "GAHT12345678",
    "email": "aws+shop@example.com",
}


@pytest.mark.parametrize("action", sorted(Action))
def test_no_action_is_left_without_a_result_where_everything_can_be_read(
    organization: FakeOrganization, action: Action
) -> None:
    if action is Action.EMAIL_UPDATE_ACCEPT:
        organization.clock.advance(5 * 3600)  # by then AWS must show the address
    settled = judge(organization, action, PARAMETERS)
    assert settled.result is not None
    assert settled.explanation


@pytest.mark.parametrize("action", sorted(CHANGES_OF_SETUP))
def test_a_set_up_that_was_not_read_decides_nothing(organization: FakeOrganization, action: Action) -> None:
    for operation in (
        "ListAWSServiceAccessForOrganization",
        "ListOrganizationsFeatures",
        "ListDelegatedAdministrators",
    ):
        organization.fail(operation)
    assert judge(organization, action).result is None


@pytest.mark.parametrize("action", sorted(CHANGES_OF_SETUP))
def test_enabling_and_disabling_are_judged_opposite(organization: FakeOrganization, action: Action) -> None:
    organization.delegated_administrators.append(ACCOUNT)
    is_on = action.value.endswith(("enable", ":register"))
    assert judge(organization, action).result is (Result.DONE if is_on else Result.FAILED)


def test_an_intent_without_its_target_is_unknown(organization: FakeOrganization) -> None:
    settled = judge(organization, Action.ACCESS_KEY_DELETE, {"task_policy": "x"})
    assert settled.result is Result.UNKNOWN
    assert "doesn't name the credential" in settled.explanation


@pytest.fixture(params=ResourceKind)
def resource(request: pytest.FixtureRequest, organization: FakeOrganization) -> Resource:
    return organization.resources.add(request.param, ACCOUNT, "locked", POLICY)


def judge_policy_removal(organization: FakeOrganization, resource: Resource) -> SettledIntent:
    """What becomes of an orphan that was to remove the policy."""
    change = PolicyChange(resource, POLICY, None)
    return judge(organization, change.action, describe_change(change))


def test_a_policy_that_is_gone_was_removed(organization: FakeOrganization, resource: Resource) -> None:
    organization.resources.policies[resource] = None
    assert judge_policy_removal(organization, resource).result is Result.DONE
    assert organization.clock.slept == []


def test_a_policy_that_stays_was_not_removed_once_aws_had_its_time_to_show_it(
    organization: FakeOrganization, resource: Resource
) -> None:
    assert judge_policy_removal(organization, resource).result is Result.FAILED
    assert sum(organization.clock.slept) >= (60 if resource.kind is ResourceKind.QUEUE else 3)


def test_what_sqs_shows_late_was_done(organization: FakeOrganization) -> None:
    queue = organization.resources.add(ResourceKind.QUEUE, ACCOUNT, "locked", POLICY)
    organization.resources.change(queue, None)
    organization.resources.shows_before = 3
    assert judge_policy_removal(organization, queue).result is Result.DONE


def test_p06_a_policy_of_another_principal_leaves_it_unknown(
    organization: FakeOrganization, resource: Resource
) -> None:
    organization.resources.policies[resource] = POLICY.replace("Deny", "Allow")
    assert judge_policy_removal(organization, resource).result is Result.UNKNOWN


def test_p06_a_policy_that_cannot_be_read_leaves_the_intent_open(
    organization: FakeOrganization, resource: Resource
) -> None:
    organization.fail("AssumeRoot")
    assert judge_policy_removal(organization, resource).result is None
