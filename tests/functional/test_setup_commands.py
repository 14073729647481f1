"""``rootkeeper status``, ``enable`` and ``disable`` as a user runs them."""

from __future__ import annotations

import pytest

from tests.functional.administration import Administration
from tests.functional.conversation import converse
from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

MANAGEMENT, DELEGATE = "111122223333", "222233334444"


def test_status_says_what_is_missing_and_the_command_that_adds_it(program: Program, sandbox: SandboxProcess) -> None:
    run = program.run("status")
    assert run.status == 1, run.shown
    assert "o-exampleorgid" in run.stdout
    assert sandbox.endpoint_label in run.stdout
    assert "rootkeeper enable" in run.stdout
    assert program.run("status", "--fail-on", "none").status == 0


def test_status_reads_each_thing_once(enabled: Program, sandbox: SandboxProcess) -> None:
    before = len(sandbox.requests())
    assert enabled.run("status", "--fail-on", "none").status == 0
    operations = [request["operation"] for request in sandbox.requests()[before:]]
    assert "DescribeOrganization" in operations
    assert sorted(operations) == sorted(set(operations))


@pytest.fixture
def watched(enabled: Program, sandbox: SandboxProcess) -> Program:
    """Also with the shipped rule in every Region."""
    Administration(sandbox).watch_for_strangers()
    return enabled


def test_status_is_good_once_everything_is_on(watched: Program) -> None:
    run = watched.run("status", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["complete"] is True
    assert run.json["missing"] == []
    assert run.json["delegated_administrators"] == [DELEGATE]
    assert run.json["caller"]["role"] == "management"


def test_status_names_the_regions_without_a_rule_on_strange_callers(enabled: Program, sandbox: SandboxProcess) -> None:
    before = enabled.run("status", "-o", "json")
    assert before.json["strange_caller_rules"]["uncovered"] == ["us-east-1"]
    assert before.json["strange_caller_rules"]["other_account_ids"] == [DELEGATE]
    assert before.status == 1, before.shown
    Administration(sandbox).watch_for_strangers(but="eu-north-1")
    run = enabled.run("status")
    assert run.status == 1, run.shown
    assert f"{MANAGEMENT} has no rule rootkeeper-strange-caller that watches eu-north-1." in run.stdout
    assert f"The rules of {DELEGATE} can be read only with credentials of that account" in run.stdout


def refuse(sandbox: SandboxProcess, service: str, operation: str) -> None:
    error = {"code": "AccessDeniedException", "status": 400, "message": "You don't have permissions."}
    sandbox.faults(service=service, operation=operation, error=error)


@pytest.mark.parametrize(
    ("state", "signs"),
    [
        ("watched", ""),
        ("without the rules", "✗"),
        ("without the set-up", "✗"),
        ("with drift", "✗"),
        ("rules unread", "?"),
        ("features unread", "?"),
    ],
)
def test_p06_each_line_with_a_cross_or_a_question_mark_counts_for_fail_on(
    program: Program, sandbox: SandboxProcess, state: str, signs: str
) -> None:
    administration = Administration(sandbox)
    if state != "without the set-up":
        administration.set_up()
    if state != "without the rules":
        administration.watch_for_strangers()
    if state == "with drift":
        assert program.run("status", "--accept", "--yes").status == 0
        content = {"Version": "2012-10-17", "Statement": []}
        policy = {"name": "New", "type": "SERVICE_CONTROL_POLICY", "content": content, "targets": ["444455556666"]}
        sandbox.create_policy(policy)
    if state == "rules unread":
        refuse(sandbox, "events", "DescribeRule")
    if state == "features unread":
        refuse(sandbox, "iam", "ListOrganizationsFeatures")
    for fail_on, sign in (("present", "✗"), ("unknown", "?")):
        run = program.run("status", "--fail-on", fail_on)
        begun = {line[0] for line in run.stdout.splitlines() if line.strip()} & {"✗", "?"}
        assert begun == set(signs), run.shown
        assert run.status == (1 if sign in begun else 0), run.shown
    sandbox.clear_faults()


def test_status_answers_though_the_database_cannot_be_opened(watched: Program) -> None:
    run = watched.run("status", "-o", "json", ROOTKEEPER_DATABASE_URL="sqlite:////proc/rootkeeper.db")
    assert run.status == 1, run.shown
    assert run.json["complete"] is True
    assert "can't be read" in run.json["drift"]["unknown"][0]
    assert watched.run("status", "--fail-on", "present", ROOTKEEPER_DATABASE_URL="sqlite:////proc/x.db").status == 0
    assert "can't be listed" in run.stderr


def test_enable_switches_everything_on_and_is_idempotent(program: Program, sandbox: SandboxProcess) -> None:
    first = program.run("enable", "--delegated-administrator", DELEGATE, "--yes", "-o", "json")
    assert first.status == 0, first.shown
    assert [step["outcome"] for step in first.json["steps"]] == ["changed"] * 4
    before = sandbox.last_request()
    second = program.run("enable", "--delegated-administrator", DELEGATE, "--yes", "-o", "json")
    assert second.status == 0, second.shown
    assert sandbox.operations(before, mutating=True) == []


def test_without_a_delegate_enable_ends_with_what_comes_next(program: Program) -> None:
    run = program.run("enable", "--yes")
    assert run.status == 0, run.shown
    assert "No failsafe. Next:" in run.stderr


def test_one_feature_can_be_switched_on_alone(program: Program, sandbox: SandboxProcess) -> None:
    program.run("enable", "--feature", "credentials", "--yes")
    assert sandbox.organization()["features"] == ["RootCredentialsManagement"]


@pytest.mark.parametrize(
    "arguments", [("enable", "--delegated-administrator", DELEGATE), ("disable", "--trusted-access")]
)
def test_a_dry_run_changes_nothing(enabled: Program, sandbox: SandboxProcess, arguments: tuple[str, ...]) -> None:
    truth, before = sandbox.organization(), sandbox.last_request()
    run = enabled.run(*arguments, "--dry-run")
    assert run.status == 0, run.shown
    assert sandbox.operations(before, mutating=True) == []
    assert sandbox.organization() == truth


def test_a_person_says_no_and_nothing_changes(program: Program, sandbox: SandboxProcess) -> None:
    truth = sandbox.organization()
    with converse(program, "enable") as conversation:
        conversation.wait_for("Continue? [y/N]")
        conversation.type("n")
        assert conversation.end() == 2
    for named in ("o-exampleorgid", "user/management-admin", sandbox.endpoint_label, "Nothing was done"):
        assert named in conversation.text
    assert sandbox.organization() == truth


def test_a_person_says_yes(program: Program, sandbox: SandboxProcess) -> None:
    with converse(program, "enable") as conversation:
        conversation.wait_for("Continue? [y/N]")
        conversation.type("y")
        assert conversation.end() == 0, conversation.text
    assert len(sandbox.organization()["features"]) == 2


def test_disable_is_the_way_back(enabled: Program, sandbox: SandboxProcess) -> None:
    run = enabled.run("disable", "--trusted-access", "--yes")
    assert run.status == 0, run.shown
    truth = sandbox.organization()
    assert truth["features"] == truth["trusted_services"] == truth["delegated_administrators"] == []


def test_disable_refuses_while_a_window_is_open(enabled: Program, sandbox: SandboxProcess) -> None:
    opened = enabled.run("recover", "Shop Test", "--reason", "x", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown
    truth = sandbox.organization()
    run = enabled.run("disable", "--yes")
    assert run.status == 2, run.shown
    assert "window" in run.stderr
    assert sandbox.organization() == truth
