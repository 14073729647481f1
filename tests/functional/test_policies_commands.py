"""``rootkeeper policies`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

DELEGATE = "222233334444"
MANAGEMENT = "111122223333"
CLEAN = "400050006000"

EVERY = (("roles",), ("scp",), ("alarms",), ("cloudformation",), ("terraform",))


@pytest.mark.parametrize("words", EVERY, ids=lambda words: words[0])
def test_p07_no_command_changes_anything_or_opens_a_session(
    enabled: Program, sandbox: SandboxProcess, words: tuple[str, ...]
) -> None:
    before = sandbox.last_request()
    run = enabled.run("policies", *words)
    assert run.status == 0, run.shown
    assert sandbox.operations(before, mutating=True) == []
    assert "AssumeRoot" not in [operation for operation, _ in sandbox.operations(before)]


def test_roles_are_documents_with_what_they_are_for(enabled: Program) -> None:
    run = enabled.run("policies", "roles", "--server-role-arn", f"arn:aws:iam::{DELEGATE}:role/server")
    assert run.status == 0, run.shown
    assert run.json["organization_id"] == "o-exampleorgid"
    assert run.json["role_account_id"] == DELEGATE
    assert [role["role"] for role in run.json["roles"]] == ["audit", "delete", "recover", "report", "unlock"]
    assert all("sts:SetSourceIdentity" in json.dumps(role["trust_policy"]) for role in run.json["roles"])


def test_one_document_alone_is_what_the_aws_cli_takes(enabled: Program) -> None:
    permissions = enabled.run("policies", "roles", "--role", "delete", "--document", "permissions")
    assert set(permissions.json) == {"Version", "Statement"}
    trust = enabled.run(
        "policies", "roles", "--role", "delete", "--document", "trust", "--trusted-principal", MANAGEMENT
    )
    assert trust.json["Statement"][0]["Principal"] == {"AWS": [f"arn:aws:iam::{MANAGEMENT}:root"]}


def test_the_permissions_of_one_command_can_be_had_alone(enabled: Program) -> None:
    run = enabled.run("policies", "roles", "--command", "windows list")
    assert [statement["Action"] for statement in run.json["Statement"]] == [["organizations:DescribeOrganization"]]


def test_targets_can_be_narrowed(enabled: Program) -> None:
    run = enabled.run("policies", "roles", "--role", "delete", "--document", "permissions", "--account", CLEAN)
    assert f"arn:aws:iam::{CLEAN}:root" in run.stdout
    assert "arn:aws:iam::*:root" not in run.stdout


def test_the_table_says_what_each_role_is_enough_for(enabled: Program) -> None:
    run = enabled.run("policies", "roles", "-o", "table")
    assert "rootkeeper-recover" in run.stdout
    assert "windows close" in run.stdout
    assert "exceptions add/remove" in run.stdout


def test_the_guardrail_spares_an_account_while_its_window_is_open(enabled: Program) -> None:
    assert enabled.run("recover", CLEAN, "--reason", "A drill", "--leave-open", "--yes").status == 0
    opened = enabled.run("policies", "scp", "--policy", "deny-long-term-root")
    assert opened.json["Statement"][0]["Condition"]["StringNotEquals"]["aws:PrincipalAccount"] == [DELEGATE, CLEAN]
    assert "Make the policy again" in opened.stderr
    assert enabled.run("windows", "close", CLEAN, "--yes").status == 0
    closed = enabled.run("policies", "scp", "--policy", "deny-long-term-root")
    assert CLEAN not in closed.stdout


def test_the_cap_is_made_for_the_delegated_administrator(enabled: Program) -> None:
    run = enabled.run("policies", "scp", "--allow-task", "IAMAuditRootUserCredentials")
    cap = run.json["policies"][1]
    assert cap["attach_to"] == [DELEGATE]
    assert json.dumps(cap["content"]).count("root-task/") == 1


def test_without_a_delegated_administrator_it_says_so_and_what_to_do(program: Program) -> None:
    run = program.run("policies", "scp", "--policy", "cap-delegated-administrator")
    assert run.status == 2, run.shown
    assert "rootkeeper enable --delegated-administrator" in run.stderr
    assert "No failsafe" in program.run("policies", "scp").stderr


def test_a_caller_that_cannot_read_the_delegates_gets_no_policy_that_shuts_the_failsafe_out(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    as_a_member = sandbox.environment("member-admin")
    run = enabled.run("policies", "scp", **as_a_member)
    assert run.status == 2, run.shown
    assert "--failsafe" in run.stderr
    named = enabled.run("policies", "scp", "--failsafe", DELEGATE, **as_a_member)
    assert named.status == 0, named.shown
    assert "Unknown:" in named.stderr


def test_alarms_say_what_isnt_covered(enabled: Program) -> None:
    assert len(enabled.run("policies", "alarms").json["not_covered"]) == 3
    assert enabled.run("policies", "alarms", "-o", "table").stderr.count("Not covered: ") == 3


def test_code_is_written_into_a_file(enabled: Program, tmp_path: Path) -> None:
    template, code = tmp_path / "rootkeeper.yaml", tmp_path / "rootkeeper.tf"
    assert enabled.run("policies", "cloudformation", "--out", template).status == 0
    assert yaml.safe_load(template.read_text())["Resources"]
    assert enabled.run("policies", "terraform", "--out", code).status == 0
    assert hcl2.loads(code.read_text())["resource"]
    as_json = enabled.run("policies", "cloudformation", "--format", "json")
    assert as_json.json == yaml.safe_load(template.read_text())


def test_a_file_is_replaced_whole(enabled: Program, tmp_path: Path) -> None:
    code = tmp_path / "rootkeeper.tf"
    code.write_text("old")
    run = enabled.run("policies", "terraform", "--out", code)
    assert run.status == 0, run.shown
    assert code.read_text().startswith("# Rootkeeper")
    said = " ".join(run.stderr.split())
    for profile in (
        "management_profile (account 111122223333)",
        "roles_profile (account 222233334444)",
        "trail_profile",
    ):
        assert profile in said
    names = [name for variables in hcl2.loads(code.read_text())["variable"] for name in variables]
    assert {"management_profile", "roles_profile", "trail_profile"} <= {name.strip('"') for name in names}
    assert list(tmp_path.glob("tmp*")) == []


@pytest.mark.parametrize(
    "words",
    [
        ("roles", "--document", "trust"),
        ("roles", "--role", "audit", "--role", "delete", "--document", "trust"),
        ("roles", "--command", "audit", "--role", "audit"),
        ("roles", "--command", "ledger verify"),
        ("roles", "--trusted-principal", "ana"),
        ("roles", "--server-role-arn", "arn:aws-cn:iam::111122223333:role/server"),
        ("roles", "--account", "Shop Test"),
        ("roles", "-o", "csv"),
        ("scp", "--failsafe", "12345"),
        ("terraform", "-o", "json"),
        ("cloudformation", "--out", "/proc/nowhere/rootkeeper.yaml"),
        ("alarms", "--judge", "/proc/nowhere/records.json"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_refused_with_what_to_do(enabled: Program, words: tuple[str, ...]) -> None:
    run = enabled.run("policies", *words)
    assert run.status == 2, run.shown
    assert run.stdout == ""
    assert "hint:" in run.stderr


@pytest.mark.parametrize("content", ["", "no JSON", "[7]", "\x00"])
def test_a_file_without_records_is_refused(enabled: Program, tmp_path: Path, content: str) -> None:
    file = tmp_path / "records.json"
    file.write_text(content)
    run = enabled.run("policies", "alarms", "--judge", file)
    assert (run.status, run.stdout) == (2, ""), run.shown


@pytest.mark.parametrize(
    ("content", "records", "reason"),
    [
        ('{"Records": []}', 0, "the file has none"),
        ('{"Events": []}', 0, "the file has none"),
        (
            '{"Records": [{"eventName": "ListUsers", "userIdentity": {"type": "IAMUser"}}]}',
            1,
            "none of the 1 record, without a valid time, without a valid Region, is about a root user or AssumeRoot",
        ),
    ],
)
@pytest.mark.parametrize("output", ["table", "json"])
def test_p23_a_file_with_no_record_to_judge_is_no_good_answer(
    enabled: Program, tmp_path: Path, content: str, records: int, reason: str, output: str
) -> None:
    file = tmp_path / "records.json"
    file.write_text(content)
    run = enabled.run("policies", "alarms", "--judge", file, "-o", output)
    assert run.status == 1, run.shown
    assert f"No record was judged: {reason}." in " ".join(run.stderr.split())
    if output == "json":
        coverage: dict[str, Any] = {
            "records": records,
            "judged": 0,
            "first_at": None,
            "last_at": None,
            "regions": [],
        }
        assert (run.json["coverage"], run.json["events"]) == (coverage, [])


def test_p23_a_file_without_a_relevant_record_is_described_by_its_number_period_and_regions(
    enabled: Program, tmp_path: Path
) -> None:
    user = {"type": "IAMUser"}
    records = [
        {"eventName": "ListUsers", "eventTime": at, "awsRegion": region, "userIdentity": user}
        for at, region in (("2026-11-02T10:00:00Z", "us-east-1"), ("2026-11-01T09:30:00Z", "eu-central-1"))
    ]
    file = tmp_path / "records.json"
    file.write_text(json.dumps({"Records": records}))
    run = enabled.run("policies", "alarms", "--judge", file, "-o", "table")
    assert run.status == 1, run.shown
    assert (
        "No record was judged: none of the 2 records, from 2026-11-01 09:30:00 UTC to 2026-11-02 10:00:00 UTC, in "
        "eu-central-1, us-east-1, is about a root user or AssumeRoot. This doesn't show"
    ) in run.stderr


def test_the_period_and_the_regions_of_judged_records_are_said(enabled: Program, tmp_path: Path) -> None:
    root = {"type": "Root", "accountId": "444455556666"}
    times = ("2026-11-02T10:00:00Z", "2026-11-01T09:30:00Z", "2026-11-03T11:15:00Z")
    regions = ("us-east-1", "eu-central-1", "us-east-1")
    records = [
        {"eventName": "ConsoleLogin", "eventTime": at, "awsRegion": region, "userIdentity": root}
        for at, region in zip(times, regions, strict=True)
    ]
    other = {"eventName": "ListUsers", "eventTime": "2026-10-01T00:00:00Z", "awsRegion": "ap-south-1"}
    file = tmp_path / "records.json"
    file.write_text(json.dumps({"Records": [*records, other]}))
    run = enabled.run("policies", "alarms", "--judge", file, "-o", "jsonl")
    assert (run.status, len(run.stdout.splitlines())) == (1, 3)
    assert (
        "Judged 3 of 4 records, from 2026-11-01 09:30:00 UTC to 2026-11-03 11:15:00 UTC, in eu-central-1, us-east-1. "
        "Other periods, Regions and accounts weren't judged."
    ) in " ".join(run.stderr.split())
    assert enabled.run("policies", "alarms", "--judge", file, "-o", "json").json["coverage"] == {
        "records": 4,
        "judged": 3,
        "first_at": "2026-11-01T09:30:00Z",
        "last_at": "2026-11-03T11:15:00Z",
        "regions": ["eu-central-1", "us-east-1"],
    }


def test_p26_hostile_records_steer_no_terminal(enabled: Program, tmp_path: Path) -> None:
    file = tmp_path / "records.json"
    root = {"type": "Root", "accountId": "\x1b[2J", "accessKeyId": "AKIA\x1b]0;x\x07"}
    times = {"eventTime": "\u202e", "awsRegion": "\x1b[2J"}
    file.write_text(json.dumps({"eventName": "\x1b[31mX", "userIdentity": root, **times}))
    for output in ("table", "json"):
        run = enabled.run("policies", "alarms", "--judge", file, "-o", output)
        assert run.status == 1, run.shown
        assert "\x1b" not in run.stdout + run.stderr
        assert "\u202e" not in run.stdout + run.stderr
