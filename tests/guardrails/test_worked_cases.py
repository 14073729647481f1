"""The preflight's word and the sandbox's deed are equal in every worked case."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rootkeeper.aws.gateway import AwsGateway, GatewayOptions, open_gateway
from rootkeeper.domain.policies.evaluation import Verdict
from rootkeeper.domain.preflight import PreflightRow
from rootkeeper.domain.preflight_tasks import Task
from rootkeeper.domain.selection import NamedAccount, SelectionRequest
from rootkeeper.workflows.inventory import InventoryReading
from rootkeeper.workflows.preflight import Preflight
from tests.fakes.clock import FakeClock
from tests.fakes.stores import InMemoryInventory, RecordedProgress
from tests.guardrails.staging import TRIED, Stage
from tests.guardrails.worked_cases import ACCOUNT, Case, Expectation, list_cases
from tests.sandbox_process import SandboxProcess

pytestmark = pytest.mark.xdist_group("guardrails")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with SandboxProcess.start("--scenario", "demo", "--features", "all") as sandbox:
        yield Stage.find(sandbox)


@pytest.fixture(scope="module")
def gateway(stage: Stage) -> AwsGateway:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in stage.sandbox.environment().items():
            environment.setenv(name, value)
        return open_gateway(GatewayOptions(concurrency=4), FakeClock())


@pytest.mark.parametrize("case", list_cases(), ids=str)
def test_word_and_deed_are_equal(case: Case, stage: Stage, gateway: AwsGateway) -> None:
    stage.play(case)
    since = stage.sandbox.last_request()
    rows = judge(gateway)
    called = stage.sandbox.operations(since)
    for task, expected in case.expected.items():
        ensure_word(rows[task], expected, stage)
        assert bool(stage.denied(task)) is expected.is_denied, task
    assert [call for call in called if call[0] == "AssumeRoot"] == []


def test_every_task_is_tried() -> None:
    assert set(TRIED) == set(Task)


def judge(gateway: AwsGateway) -> dict[Task, PreflightRow]:
    """The rows of one account, as the real adapter reads the policies."""
    clock = FakeClock()
    inventory = InventoryReading(
        gateway, InMemoryInventory(), clock, gateway.read_organization(), gateway.read_caller()
    )
    request = SelectionRequest(named=(NamedAccount(ACCOUNT),))
    report = Preflight(inventory, gateway, clock).run(RecordedProgress(), request)
    return {row.task: row for row in report.rows}


def ensure_word(row: PreflightRow, expected: Expectation, stage: Stage) -> None:
    assert row.verdict is expected.verdict, row
    assert row.conditions == expected.conditions, row
    if expected.by is not None:
        names = {place: name for name, place in stage.places.items()}
        assert {(one.name, one.sid, names[one.attached_to]) for one in row.policies} == expected.by
    if expected.is_fixable:
        assert row.fix is not None
        assert expected.fix_says in row.fix
    if expected.verdict is Verdict.ALLOWED:
        assert row.policies == ()
        assert row.fix is None
