"""P17: each command runs with exactly its shipped policy, and tells it when any one permission is taken away."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from rootkeeper.domain.shipped_policies.permissions import COMMANDS, get_command
from tests.functional.promises.forked_runs import ForkingProgram
from tests.functional.promises.permitted_operator import (
    TARGET,
    PermittedOperator,
    list_permissions,
    make_policy,
    without,
)
from tests.functional.running import Run


@dataclass(frozen=True, slots=True)
class Job:
    """One command line, in circumstances in which the command needs everything that its policy grants."""

    command: str
    words: tuple[str, ...]
    prepare: Callable[[PermittedOperator], None]
    good: frozenset[int] = frozenset({0})
    needed_later: frozenset[str] = frozenset()
    """What this command line leaves to a later one; a test of its own tries it."""


def know_the_organization(operator: PermittedOperator) -> None:
    operator.switch_on()
    operator.restore_database("after an audit")
    operator.empty()


def know_credentials(operator: PermittedOperator) -> None:
    know_the_organization(operator)
    operator.fill()


def have_a_plan(operator: PermittedOperator) -> None:
    know_credentials(operator)
    plan = operator.folder / "plan.json"
    if not plan.exists():
        run = operator.run("plan", "{target}", "--out", str(plan), "--fail-on", "none", principal="management-admin")
        assert run.status == 0, run.shown
        operator.restore_database("after an audit")


def have_an_exception(operator: PermittedOperator) -> None:
    know_the_organization(operator)
    operator.restore_database("an exception")


def have_a_window(operator: PermittedOperator) -> None:
    know_the_organization(operator)
    if not operator.has_database("a window"):
        words = ["recover", "{target}", "--reason", "A drill", "--leave-open", "--yes"]
        operator.keep_database("a window", words)
    operator.restore_database("a window")
    operator.sandbox.put_root_user(TARGET, {"recovery_allowed": True})


def have_nothing_on(operator: PermittedOperator) -> None:
    operator.switch_off()
    operator.restore_database("after an audit")


JOBS = {
    job.command: job
    for job in (
        Job("status", ("status",), know_the_organization),
        Job("audit", ("audit", "--tag", "audited=yes"), know_the_organization),
        Job(
            "plan",
            ("plan", "--tag", "environment=prod", "--out", "{folder}/new.json", "--fail-on", "unknown"),
            know_credentials,
        ),
        Job("policies", ("policies", "scp"), know_the_organization),
        Job("exceptions list", ("exceptions", "list"), know_the_organization),
        Job("windows list", ("windows", "list"), have_a_window),
        Job("windows show", ("windows", "show", "{target}"), have_a_window),
        Job("delete", ("delete", "--tag", "environment=prod", "--yes"), know_credentials),
        Job("apply", ("apply", "{folder}/plan.json", "--yes"), have_a_plan),
        Job(
            "exceptions add",
            ("exceptions", "add", "{target}", "--owner", "Ana", "--reason", "A test", "--until", "30d", "--yes"),
            know_the_organization,
        ),
        Job("exceptions remove", ("exceptions", "remove", "{target}", "--yes"), have_an_exception),
        Job(
            "recover",
            ("recover", "{target}", "--reason", "A drill", "--leave-open", "--yes"),
            know_the_organization,
            needed_later=frozenset({"sts:AssumeRoot IAMDeleteRootUserCredentials"}),
        ),
        Job("windows close", ("windows", "close", "{target}", "--yes"), have_a_window),
        Job("enable", ("enable", "--delegated-administrator", "{delegate}", "--yes"), have_nothing_on),
        Job("disable", ("disable", "--trusted-access", "--yes"), know_the_organization),
    )
}

UNNEEDED = {
    "iam:ListOrganizationsFeatures",
    "organizations:DescribeAccount",
    "organizations:ListAWSServiceAccessForOrganization",
    "organizations:ListDelegatedAdministrators",
}
"""What some commands ask for and do without: denied, it changes nothing."""

TAKEN_AWAY = [
    (command.command, permission)
    for command in COMMANDS
    for permission in list_permissions(command)
    if command.command not in JOBS or permission not in JOBS[command.command].needed_later
]


@pytest.fixture(scope="module")
def operator(forking: ForkingProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PermittedOperator]:
    with PermittedOperator.hire(forking, tmp_path_factory.mktemp("operator")) as operator:
        yield operator


def test_p17_every_command_that_needs_permissions_is_tried() -> None:
    assert set(JOBS) == {command.command for command in COMMANDS}


@pytest.mark.parametrize("name", JOBS)
def test_p17_a_command_runs_with_its_policy_and_uses_all_of_it(operator: PermittedOperator, name: str) -> None:
    job, command = JOBS[name], get_command(name)
    job.prepare(operator)
    operator.permit(make_policy(command))
    run = operator.run(*job.words)
    assert run.status in job.good, run.shown
    assert not tells_of_a_lack(run), run.shown
    granted = set(list_permissions(command)) - job.needed_later
    assert granted <= operator.list_used()
    assert operator.list_used() - granted <= UNNEEDED


@pytest.mark.parametrize(("name", "permission"), TAKEN_AWAY, ids=[" - ".join(pair) for pair in TAKEN_AWAY])
def test_p17_a_command_tells_it_when_one_permission_is_taken_away(
    operator: PermittedOperator, name: str, permission: str
) -> None:
    job, command = JOBS[name], get_command(name)
    job.prepare(operator)
    operator.permit(without(make_policy(command), permission))
    run = operator.run(*job.words)
    assert run.status not in job.good or tells_of_a_lack(run), run.shown
    assert run.status in {0, 1, 2, 3, 4}, run.shown
    assert "Traceback" not in run.stdout + run.stderr, run.shown


def tells_of_a_lack(run: Run) -> bool:
    """Whether a command that ended well says that something couldn't be read."""
    shown = (run.stdout + run.stderr).lower()
    return "unknown" in shown or "couldn't be read" in shown or "can't be read" in shown


def test_p17_a_window_that_waits_is_closed_with_the_same_policy(operator: PermittedOperator) -> None:
    know_the_organization(operator)
    operator.permit(make_policy(get_command("recover")))
    run = operator.begin("recover", "{target}", "--reason", "A drill", "--for", "1h", "--yes")
    operator.wait_for(run, "closes the window at")
    run.signal(signal.SIGINT)
    assert run.wait().status == 0
    assert not operator.sandbox.root_user(TARGET)["recovery_allowed"]


def test_p17_without_the_task_that_deletes_it_says_that_the_window_isnt_closed(operator: PermittedOperator) -> None:
    know_the_organization(operator)
    permission = "sts:AssumeRoot IAMDeleteRootUserCredentials"
    operator.permit(without(make_policy(get_command("recover")), permission))
    run = operator.begin("recover", "{target}", "--reason", "A drill", "--for", "1h", "--yes")
    operator.wait_for(run, "closes the window at")
    run.signal(signal.SIGINT)
    operator.wait_for(run, "IAMDeleteRootUserCredentials")
    run.signal(signal.SIGINT)
    ended = run.wait()
    assert ended.status == 4, ended.shown
