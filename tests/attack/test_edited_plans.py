"""Plans that a person edited, and then gave a fitting hash, on the command line and against a server process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.deletion.records import describe_plan, parse_plan, render_plan
from rootkeeper.deletion.rules import DeletionPlan
from tests.attack.stage import AttackStage
from tests.functional.running import Program

pytestmark = pytest.mark.long

OPERATOR = "olga"


def without_reason(plan: DeletionPlan) -> DeletionPlan:
    return replace(plan, accounts=tuple(replace(account, allowed_use=None) for account in plan.accounts))


def without_end(plan: DeletionPlan) -> DeletionPlan:
    return replace(plan, not_after=datetime(2099, 1, 1, tzinfo=UTC))


def with_another_reason(plan: DeletionPlan) -> DeletionPlan:
    return replace(plan, accounts=tuple(replace(account, allowed_use="its owner agreed") for account in plan.accounts))


def with_another_id(plan: DeletionPlan) -> DeletionPlan:
    return replace(plan, plan_id="plan-0123456789")


def use_yesterday(stage: AttackStage) -> str:
    """An account whose root user has a password that was used yesterday."""
    account_id = stage.take_account()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="seconds").replace("+00:00", "Z")
    stage.sandbox.put_root_user(account_id, {"password": True, "password_last_used_at": yesterday})
    return account_id


def plan_with_reason(program: Program, stage: AttackStage, account_id: str) -> DeletionPlan:
    file = stage.folder / "plan.json"
    allowed = ("--allow-recently-used", account_id, "--reason", "moved to roles")
    run = program.run("plan", account_id, *allowed, "--out", file, "--fail-on", "none")
    assert run.status == 0, run.shown
    return parse_plan(file.read_text())


def through_server(stage: AttackStage) -> Program:
    """The command line of an operator who has no AWS credentials."""
    token = stage.server.token("operator", OPERATOR)
    return Program(
        {
            "HOME": str(stage.folder),
            "ROOTKEEPER_SERVER": stage.server.url,
            "ROOTKEEPER_TOKEN": token,
        },
        stage.runner,
    )


def test_p12_the_command_line_deletes_nothing_by_a_plan_that_was_edited(stage: AttackStage) -> None:
    account_id = use_yesterday(stage)
    plan = plan_with_reason(stage.local, stage, account_id)
    file = stage.folder / "edited.json"
    for edit, status in ((without_reason, 4), (without_end, 2)):
        file.write_text(render_plan(edit(plan)))
        run = stage.local.run("apply", file, "--yes")
        assert run.status == status, run.shown
        assert stage.is_open(account_id)
        assert status != 4 or "protects against accidents alone" in run.stderr
    file.write_text(render_plan(plan))
    assert stage.local.run("apply", file, "--yes").status == 0
    assert not stage.is_open(account_id)


def test_p12_a_server_applies_no_plan_but_its_own(stage: AttackStage) -> None:
    stage.start_server()
    account_id = use_yesterday(stage)
    foreign = plan_with_reason(stage.local, stage, account_id)
    remote = through_server(stage)
    plan = plan_with_reason(remote, stage, account_id)
    edits: tuple[Callable[[DeletionPlan], DeletionPlan], ...]
    edits = (without_reason, without_end, with_another_reason, with_another_id)
    file, since = stage.folder / "edited.json", stage.sandbox.last_request()
    for edited in (foreign, *(edit(plan) for edit in edits)):
        file.write_text(render_plan(edited))
        run = remote.run("apply", file, "--yes")
        assert run.status == 2, run.shown
        document = json.loads(json.dumps(describe_plan(edited)))
        bodies: list[dict[str, object]] = [{"plan": document}, {"plan_id": edited.plan_id, "plan": document}]
        if edited.plan_id != plan.plan_id:
            bodies.append({"plan_id": edited.plan_id})
        for body in bodies:
            answer = stage.server.ask("POST", "/api/v1/deletions", body, name=OPERATOR)
            assert answer.status == 422, answer
    assert stage.sandbox.operations(since, mutating=True) == []
    assert stage.is_open(account_id)
    file.write_text(render_plan(plan))
    done = remote.run("apply", file, "--yes")
    assert done.status == 0, done.shown
    assert not stage.is_open(account_id)
