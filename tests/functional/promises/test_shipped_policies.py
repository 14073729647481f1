"""P17: each command runs with exactly its shipped policy, and reports it when any one permission is taken away.

The commands are found in the program itself: one that is new must get its line in the table of permissions, and its
attempts here, before these tests pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rootkeeper.organization.accounts import AccountId
from rootkeeper.shipped_policies.rules import (
    COMMANDS,
    CommandPermissions,
    RoleTargets,
    get_command,
    make_permission_policy,
)
from tests.functional.promises.command_lines import TRIED_ELSEWHERE, list_commands
from tests.functional.promises.forked_runs import ForkingProgram
from tests.functional.promises.permitted_jobs import (
    ATTEMPTS,
    OF_OTHER_COMMANDS,
    REPORT_PLACE,
    WITHOUT_AWS,
    Attempt,
    settle_in,
)
from tests.functional.promises.permitted_operator import DELEGATE, SMALL_ORGANIZATION, PermittedOperator
from tests.functional.running import Run

ON_SANDBOXES_OF_THEIR_OWN = {"demo", "sandbox"}
FINDING_OUT = {"doctor"}
"""It runs with any permissions and says which are missing; test_doctor_command tries it call by call."""
NOTHING: Mapping[str, Any] = {"Version": "2012-10-17", "Statement": []}

DONE_WITHOUT = {
    "iam:ListOrganizationsFeatures",
    "organizations:DescribeAccount",
    "organizations:ListAWSServiceAccessForOrganization",
    "organizations:ListDelegatedAdministrators",
}
"""What some commands ask for although they do without: denied, it changes nothing that they do or say."""

SHOWN_BY_ID = {"identitystore:DescribeGroup", "identitystore:DescribeUser"}
"""Without these the same people and groups are shown, but by their ids."""

QUICK = {"audit", "delete", "history", "recover", "report write", "unlock s3"}
"""Commands that the quick suite tries: one of each role, and two that need no AWS."""

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LACK = re.compile(r"unknown|n't be read|n't read|not read|n't known|needs |was denied|n't show it", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """An attempt with its command's shipped policy."""

    run: Run
    used: frozenset[str]


@dataclass(slots=True)
class Bench:
    """Tries attempts, each scenario on one sandbox."""

    forking: ForkingProgram
    folder: Path
    stack: ExitStack
    _operators: dict[str, PermittedOperator] = field(default_factory=dict)
    _undisturbed: dict[Attempt, Undisturbed] = field(default_factory=dict)

    def try_undisturbed(self, command: CommandPermissions, attempt: Attempt) -> Undisturbed:
        """Once for each attempt."""
        if attempt not in self._undisturbed:
            run = self.try_with(make_policy(command), attempt)
            used = frozenset(self.get_operator(attempt.scenario).list_used())
            self._undisturbed[attempt] = Undisturbed(run, used)
        return self._undisturbed[attempt]

    def try_with(self, policy: Mapping[str, Any], attempt: Attempt) -> Run:
        operator = self.get_operator(attempt.scenario)
        attempt.prepare(operator)
        operator.permit(policy)
        return attempt.run(operator)

    def get_operator(self, scenario: str) -> PermittedOperator:
        if scenario not in self._operators:
            folder = self.folder / str(len(self._operators))
            operator = self.stack.enter_context(PermittedOperator.hire(self.forking, folder, scenario))
            if scenario == SMALL_ORGANIZATION:
                settle_in(operator)
            self._operators[scenario] = operator
        return self._operators[scenario]


@pytest.fixture(scope="module")
def bench(forking: ForkingProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(forking, tmp_path_factory.mktemp("bench"), stack)


def make_policy(command: CommandPermissions) -> dict[str, Any]:
    """What ``rootkeeper policies roles --command`` prints for the small organization."""
    targets = RoleTargets("aws", failsafe_ids=(AccountId(DELEGATE),), report_place=REPORT_PLACE)
    return dict(make_permission_policy([command], targets))


def list_permissions(command: CommandPermissions) -> list[str]:
    """As ``list_used`` names them."""
    return [*sorted(command.actions), *sorted(f"sts:AssumeRoot {task.value}" for task in command.task_policies)]


def without(policy: Mapping[str, Any], permission: str) -> dict[str, Any]:
    """The policy less one permission; a statement that then permits nothing is left out."""
    action, _, task = permission.partition(" ")
    changed = deepcopy(dict(policy))
    for statement in changed["Statement"]:
        if statement["Effect"] != "Allow":
            continue
        if task and statement["Action"] == action:
            tasks = statement["Condition"]["ArnEquals"]["sts:TaskPolicyArn"]
            statement["Condition"]["ArnEquals"]["sts:TaskPolicyArn"] = [
                arn for arn in tasks if not arn.endswith(f"/{task}")
            ]
        elif isinstance(statement["Action"], list):
            statement["Action"] = [one for one in statement["Action"] if one != action]
    changed["Statement"] = [one for one in changed["Statement"] if permits_something(one)]
    assert changed != policy, permission
    return changed


def permits_something(statement: Mapping[str, Any]) -> bool:
    tasks = statement.get("Condition", {}).get("ArnEquals", {}).get("sts:TaskPolicyArn", ["any"])
    return bool(statement["Action"] and tasks)


def reports_a_lack(run: Run, undisturbed: Run) -> bool:
    """Whether it says, beyond what it says undisturbed, that something couldn't be read."""
    return any(LACK.search(line) for line in list_lines(run) - list_lines(undisturbed))


def list_lines(run: Run) -> set[str]:
    """Without the numbers in them, such as times, and without those of progress, which depend on time."""
    lines = (run.stdout + run.stderr).splitlines()
    return {re.sub(r"\d+", "#", line).strip() for line in lines if not line.startswith("Reading accounts:")}


def test_p17_every_command_has_its_line_and_its_attempts() -> None:
    commands = {" ".join(words) for words in list_commands() - TRIED_ELSEWHERE}
    commands -= ON_SANDBOXES_OF_THEIR_OWN | FINDING_OUT
    assert commands == {command.command for command in COMMANDS} | set(WITHOUT_AWS) | set(OF_OTHER_COMMANDS)
    assert set(ATTEMPTS) == {command.command for command in COMMANDS}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in WITHOUT_AWS]
)
def test_p17_a_command_that_needs_no_permission_runs_without_any_and_makes_no_call(bench: Bench, name: str) -> None:
    attempt = WITHOUT_AWS[name]
    run = bench.try_with(NOTHING, attempt)
    assert run.status == attempt.good, run.shown
    assert bench.get_operator(attempt.scenario).list_used() == set()


@pytest.mark.parametrize("name", OF_OTHER_COMMANDS)
def test_p17_a_command_that_continues_another_does_its_own_part_without_any_permission(bench: Bench, name: str) -> None:
    attempt = OF_OTHER_COMMANDS[name]
    run = bench.try_with(NOTHING, attempt)
    assert run.status == attempt.good, run.shown
    assert "weren't looked for" in run.stderr, run.shown


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in ATTEMPTS]
)
def test_p17_a_command_runs_with_its_policy_and_uses_all_of_it(bench: Bench, name: str) -> None:
    command = get_command(name)
    tried = [(attempt, bench.try_undisturbed(command, attempt)) for attempt in ATTEMPTS[name]]
    for attempt, undisturbed in tried:
        assert undisturbed.run.status == attempt.good, undisturbed.run.shown
    used = frozenset().union(*(undisturbed.used for _, undisturbed in tried))
    granted = set(list_permissions(command))
    assert granted <= used
    assert used - granted <= DONE_WITHOUT


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "permission"),
    [
        pytest.param(command.command, permission, id=f"{command.command} - {permission}")
        for command in COMMANDS
        for permission in list_permissions(command)
    ],
)
def test_p17_a_command_fails_or_reports_it_when_one_permission_is_taken_away(
    bench: Bench, name: str, permission: str
) -> None:
    command = get_command(name)
    policy = without(make_policy(command), permission)
    runs: list[Run] = []
    for attempt in ATTEMPTS[name]:
        undisturbed = bench.try_undisturbed(command, attempt)
        if permission not in undisturbed.used:
            continue
        run = bench.try_with(policy, attempt)
        assert run.status in {0, 1, 2, 3, 4, 5}, run.shown
        assert "Traceback" not in run.stdout + run.stderr, run.shown
        if run.status != attempt.good or reports_a_lack(run, undisturbed.run):
            return
        if permission in SHOWN_BY_ID:
            assert UUID.search(run.stdout)
            assert not UUID.search(undisturbed.run.stdout)
            return
        runs.append(run)
    pytest.fail("\n".join(run.shown for run in runs) or f"no attempt uses {permission}")
