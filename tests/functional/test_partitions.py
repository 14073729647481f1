"""Organizations of two partitions in one settings file, and the commands in AWS GovCloud (US) and AWS China."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.functional.running import Program, Runner, open_program
from tests.sandbox_process import SandboxProcess

REGIONS = {"shop": "us-east-1", "gov": "us-gov-west-1"}
MEMBER, BUCKET_OWNER = "777788889999", "888899990000"
BUCKET = "amzn-s3-demo-orders-invoices"


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, SandboxProcess]]:
    with ExitStack() as stack:
        yield {
            "shop": stack.enter_context(SandboxProcess.start("--accounts", "6", "--features", "all")),
            "gov": stack.enter_context(SandboxProcess.start("--partition", "aws-us-gov", "--features", "all")),
        }


@pytest.fixture
def program(sandboxes: dict[str, SandboxProcess], tmp_path: Path, runner: Runner) -> Program:
    """A user with a commercial and a GovCloud organization in the settings file."""
    aws, settings = "", ""
    for name, sandbox in sandboxes.items():
        sandbox.reset()
        found = sandbox.environment()
        aws += (
            f"[profile {name}]\nendpoint_url = {sandbox.base_url}\n"
            f"aws_access_key_id = {found['AWS_ACCESS_KEY_ID']}\n"
            f"aws_secret_access_key = {found['AWS_SECRET_ACCESS_KEY']}\n"
        )
        settings += (
            f'[organizations.{name}]\nid = "{sandbox.organization()["organization_id"]}"\n'
            f'[organizations.{name}.aws]\nprofile = "{name}"\nregion = "{REGIONS[name]}"\n'
        )
    (tmp_path / "aws").write_text(aws, encoding="utf-8")
    folder = tmp_path / "config" / "rootkeeper"
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text(settings, encoding="utf-8")
    made = open_program(sandboxes["shop"], tmp_path, runner)
    environment = {name: value for name, value in made.environment.items() if not name.startswith("AWS_")}
    own = {"AWS_CONFIG_FILE": str(tmp_path / "aws"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return replace(made, environment=environment | own)


def test_organizations_of_two_partitions_are_audited_side_by_side(
    program: Program, sandboxes: dict[str, SandboxProcess]
) -> None:
    before = {name: sandbox.last_request() for name, sandbox in sandboxes.items()}
    run = program.run("organizations", "audit", "-o", "json")
    numbers = {found["name"]: found["numbers"]["accounts"] for found in json.loads(run.stdout)["organizations"]}
    assert numbers == {"shop": 6, "gov": len(sandboxes["gov"].accounts())}
    assert "gov: No member account is read. Root user credentials can't be managed centrally" in run.stderr
    shop = sandboxes["shop"].requests(before["shop"])
    gov = sandboxes["gov"].requests(before["gov"])
    assert {request["region"] for request in shop} == {"us-east-1"}
    assert {request["region"] for request in gov} == {"us-gov-west-1"}
    assert "AssumeRoot" in {request["operation"] for request in shop}
    assert "AssumeRoot" not in {request["operation"] for request in gov}
    audited = json.loads(program.run("audit", "--organization", "gov", "-o", "json", "--fail-on", "none").stdout)
    members = [account for account in audited["accounts"] if account["reason"] != "management_account"]
    assert {(account["status"], account["reason"]) for account in members} == {("not_applicable", "partition")}
    assert all("isn't known" in account["detail"] for account in members)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("plan", "--all"), "can't be deleted in the partition aws-us-gov"),
        (("delete", MEMBER, "--yes"), "can't be deleted in the partition aws-us-gov"),
        (("recover", MEMBER, "--reason", "Test", "--yes"), "isn't applicable in the partition aws-us-gov"),
        (("emails", "change", MEMBER, "new@example.com", "--reason", "Test", "--yes"), "in the partition aws-us-gov"),
    ],
)
def test_in_govcloud_a_refusal_says_why_before_anything_is_sent(
    program: Program, sandboxes: dict[str, SandboxProcess], arguments: tuple[str, ...], words: str
) -> None:
    run = program.run(*arguments, "--organization", "gov")
    assert run.status == 2, run.shown
    assert words in run.stderr, run.shown
    sent = sandboxes["gov"].operations()
    assert "AssumeRoot" not in {operation for operation, _ in sent}
    assert sandboxes["gov"].operations(mutating=True) == []


def test_in_govcloud_root_sessions_can_be_enabled_alone(program: Program, sandboxes: dict[str, SandboxProcess]) -> None:
    both = program.run("enable", "--organization", "gov", "--yes")
    hint = "rootkeeper --organization gov enable --feature sessions"
    assert (both.status, hint in both.stderr) == (3, True), both.shown
    assert sandboxes["gov"].operations(mutating=True) == []
    alone = program.run("enable", "--feature", "sessions", "--organization", "gov", "--yes")
    assert alone.status == 0, alone.shown
    status = program.run("status", "--organization", "gov")
    assert "The feature RootCredentialsManagement" not in status.stdout, status.shown


def test_in_govcloud_a_bucket_can_be_unlocked(program: Program, sandboxes: dict[str, SandboxProcess]) -> None:
    run = program.run("unlock", "s3", BUCKET_OWNER, BUCKET, "--remove", "--organization", "gov", "--yes")
    assert run.status == 0, run.shown
    assert ("DeleteBucketPolicy", BUCKET_OWNER) in sandboxes["gov"].operations(mutating=True)


def test_in_govcloud_policies_are_of_the_partition(program: Program) -> None:
    run = program.run("policies", "roles", "--organization", "gov")
    assert run.status == 0, run.shown
    assert "arn:aws-us-gov:iam::aws:policy/root-task/" in run.stdout
    assert "arn:aws:" not in run.stdout


def test_in_china_nothing_of_root_access_management_is_tried(tmp_path: Path, runner: Runner) -> None:
    with SandboxProcess.start("--partition", "aws-cn") as china:
        program = open_program(china, tmp_path, runner)
        program = replace(program, environment={**program.environment, **china.environment(region="cn-north-1")})
        audited = program.run("audit", "-o", "json", "--fail-on", "none")
        accounts = json.loads(audited.stdout)["accounts"]
        assert {account["status"] for account in accounts} == {"not_applicable"}
        for arguments, status in (
            (("enable", "--yes"), 3),
            (("plan", "--all"), 2),
            (("unlock", "s3", BUCKET_OWNER), 2),
            (("recover", MEMBER, "--reason", "Test", "--yes"), 2),
        ):
            run = program.run(*arguments)
            assert (run.status, "aws-cn" in run.stderr) == (status, True), run.shown
        assert "AssumeRoot" not in {operation for operation, _ in china.operations()}
        assert china.operations(mutating=True) == []
