"""``rootkeeper failsafe check``, ``runbook`` and ``record-drill`` as a user runs them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functional.administration import open_client
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program, Run
from tests.sandbox_process import SandboxProcess

MANAGEMENT, FAILSAFE, MEMBER = "111122223333", "222233334444", "777788889999"
MAILBOX = "aws+security@example.com"
CHECKS = [
    "delegated_administrator",
    "mailbox",
    "password",
    "mfa_devices",
    "hardware_mfa",
    "access_keys",
    "signing_certificates",
    "alarm",
    "drill",
    "policies",
]
READ_IN_A_SESSION = CHECKS[2:7]
LATELY = "2026-08-01T00:00:00Z"
VIRTUAL = {"serial_number": f"arn:aws:iam::{FAILSAFE}:mfa/root", "kind": "virtual", "enabled_at": LATELY}
HARDWARE = {"serial_number": "GAHT12345678", "kind": "hardware", "enabled_at": LATELY}
KEY = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "status": "Active", "created_at": LATELY, "last_used_at": None}
CERTIFICATE = {"certificate_id": "TA7SMP42TDN5Z26OBPJE7EXAMPLE", "status": "Active", "uploaded_at": LATELY}


def check(program: Program, *options: str) -> dict[str, dict[str, Any]]:
    """Each line of the check by its name; the exit status must fit."""
    run = program.run("failsafe", "check", *options, "-o", "json")
    require_fits(run.json, "failsafe")
    found = {line["check"]: line for line in run.json["checks"]}
    is_good = all(line["verdict"] == "pass" for line in found.values())
    assert run.status == (0 if is_good else 1), run.shown
    return found


def verdicts(lines: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: line["verdict"] for name, line in lines.items()}


def record_drill(program: Program, days_ago: int = 3, *more: str, account_id: str = FAILSAFE) -> Run:
    held_at = (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%d")
    return program.run("failsafe", "record-drill", account_id, "--by", "Ana", "--at", held_at, *more, "--yes")


PASSED_DRILL = ("--outcome", "passed", "--alarm", "seen")


# Check.


def test_what_aws_does_not_show_is_unknown_until_a_user_records_it_and_then_it_is_in_order(enabled: Program) -> None:
    before = check(enabled)
    assert list(before) == CHECKS
    assert {name: one for name, one in verdicts(before).items() if one != "pass"} == {
        "mailbox": "unknown",
        "alarm": "unknown",
        "drill": "fail",
    }
    assert all(line["evidence"] and line["account_id"] == FAILSAFE for line in before.values())

    attested = enabled.run("emails", "attest", MAILBOX, "--by", "Nikki Wolf", "--until", "30d", "--yes")
    assert attested.status == 0, attested.shown
    assert record_drill(enabled, 3, *PASSED_DRILL).status == 0
    after = check(enabled)
    assert set(verdicts(after).values()) == {"pass"}
    assert "Nikki Wolf" in after["mailbox"]["evidence"]
    assert "by Ana" in after["drill"]["evidence"]


@pytest.mark.parametrize(
    ("root_user", "expected"),
    [
        ({}, {"password": "fail", "mfa_devices": "fail", "hardware_mfa": "fail"}),
        ({"recovery_allowed": True, "mfa_devices": [VIRTUAL, HARDWARE]}, {"password": "unknown"}),
        pytest.param(
            {"password": True, "password_last_used_at": LATELY},
            {"mfa_devices": "fail", "hardware_mfa": "fail"},
            marks=pytest.mark.long,
        ),
        (
            {"password": True, "password_last_used_at": LATELY, "mfa_devices": [HARDWARE]},
            {"mfa_devices": "fail", "hardware_mfa": "pass"},
        ),
        pytest.param(
            {
                "password": True,
                "password_last_used_at": LATELY,
                "mfa_devices": [VIRTUAL, VIRTUAL | {"serial_number": f"arn:aws:iam::{FAILSAFE}:mfa/second"}],
            },
            {"mfa_devices": "pass", "hardware_mfa": "fail"},
            marks=pytest.mark.long,
        ),
        ({"access_keys": [KEY]}, {"access_keys": "fail", "signing_certificates": "pass"}),
        pytest.param(
            {"signing_certificates": [CERTIFICATE]},
            {"access_keys": "pass", "signing_certificates": "fail"},
            marks=pytest.mark.long,
        ),
    ],
    ids=[
        "nothing",
        "recovery allowed",
        "no MFA",
        "one device",
        "two virtual devices",
        "an access key",
        "a certificate",
    ],
)
def test_each_fault_of_the_login_is_a_line_that_fails(
    enabled: Program, sandbox: SandboxProcess, root_user: dict[str, Any], expected: dict[str, str]
) -> None:
    sandbox.put_root_user(FAILSAFE, root_user)
    found = verdicts(check(enabled))
    assert {name: found[name] for name in expected} == expected


def test_a_drill_that_failed_or_is_over_90_days_old_fails(enabled: Program) -> None:
    record_drill(enabled, 100, *PASSED_DRILL)
    found = verdicts(check(enabled))
    assert (found["drill"], found["alarm"]) == ("fail", "unknown")
    record_drill(enabled, 10, "--outcome", "failed", "--alarm", "missed")
    found = verdicts(check(enabled))
    assert (found["drill"], found["alarm"]) == ("fail", "fail")
    record_drill(enabled, 1, *PASSED_DRILL)
    found = verdicts(check(enabled))
    assert (found["drill"], found["alarm"]) == ("pass", "pass")


def test_a_group_address_of_the_settings_needs_no_attestation(enabled: Program) -> None:
    program = replace(enabled, environment={**enabled.environment, "ROOTKEEPER_EMAILS_GROUPS": "aws@example.com"})
    assert verdicts(check(program))["mailbox"] == "pass"


def test_an_scp_that_denies_root_is_named_and_what_it_hides_is_unknown(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    deny = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "NoRoot",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}},
            }
        ],
    }
    policy = {"name": "no-root", "type": "SERVICE_CONTROL_POLICY", "content": deny, "targets": [FAILSAFE]}
    sandbox.create_policy(policy)
    found = check(enabled)
    assert found["policies"]["verdict"] == "fail"
    assert "NoRoot" in found["policies"]["evidence"]
    assert {found[name]["verdict"] for name in READ_IN_A_SESSION} == {"unknown"}


def test_without_a_failsafe_it_fails_and_says_how_to_get_one(program: Program) -> None:
    found = check(program)
    assert verdicts(found) == {"failsafe": "fail"}
    assert "rootkeeper enable --delegated-administrator ID" in found["failsafe"]["hint"]


def test_failsafes_that_cannot_be_listed_are_unknown(enabled: Program, sandbox: SandboxProcess) -> None:
    error = {"code": "AccessDeniedException", "status": 400, "message": "You don't have permissions."}
    sandbox.faults(operation="ListDelegatedAdministrators", error=error)
    found = check(enabled)
    sandbox.clear_faults()
    assert verdicts(found) == {"failsafe": "unknown"}
    assert f"needs an identity of the management account {MANAGEMENT}" in found["failsafe"]["evidence"]


@pytest.mark.parametrize("service", ["account.amazonaws.com", "sso.amazonaws.com"])
def test_a_delegate_for_something_else_gets_lines_that_say_who_could_read_them(
    enabled: Program, sandbox: SandboxProcess, service: str
) -> None:
    delegate_to_member(sandbox, service)
    member = replace(enabled, environment={**enabled.environment, **sandbox.environment("member-admin")})
    found = check(member)
    for name in READ_IN_A_SESSION:
        assert found[name]["verdict"] == "unknown"
        assert "needs the management account or a delegated administrator for IAM" in found[name]["evidence"]


def delegate_to_member(sandbox: SandboxProcess, service: str) -> None:
    client = open_client("organizations", sandbox.base_url, sandbox.principals()["management-admin"])
    client.enable_aws_service_access(ServicePrincipal=service)
    client.register_delegated_administrator(AccountId=MEMBER, ServicePrincipal=service)


def test_the_delegated_administrator_reads_its_own_failsafe(enabled: Program, sandbox: SandboxProcess) -> None:
    delegate = replace(enabled, environment={**enabled.environment, **sandbox.environment("delegated-admin")})
    found = verdicts(check(delegate))
    assert {found[name] for name in READ_IN_A_SESSION} == {"pass"}


def test_checking_changes_nothing_and_opens_one_audit_session(enabled: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.last_request()
    check(enabled)
    assert sandbox.operations(before, mutating=True) == []
    opened = [request for request in sandbox.requests(before) if request["operation"] == "AssumeRoot"]
    assert [(request["account_id"], request["task_policy"].rpartition("/")[2]) for request in opened] == [
        (FAILSAFE, "IAMAuditRootUserCredentials")
    ]


def test_fail_on_chooses_what_spoils_the_exit_status(enabled: Program) -> None:
    for choice, status in (("present", 1), ("unknown", 1), ("none", 0)):
        assert enabled.run("failsafe", "check", "--fail-on", choice).status == status
    assert record_drill(enabled, 1, "--outcome", "passed").status == 0
    for choice, status in (("present", 0), ("unknown", 1), ("none", 0)):
        assert enabled.run("failsafe", "check", "--fail-on", choice).status == status


def test_every_format_shows_every_line(enabled: Program) -> None:
    table = enabled.run("failsafe", "check")
    assert "✗ fail" in table.stdout
    assert "10 checks: 7 pass, 1 fail, 2 unknown." in table.stdout
    lines = enabled.run("failsafe", "check", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["check"] for line in lines] == CHECKS
    rows = list(csv.DictReader(io.StringIO(enabled.run("failsafe", "check", "-o", "csv").stdout)))
    assert [row["check"] for row in rows] == CHECKS


# Drills.


def test_a_drill_is_a_persons_word_in_the_ledger(enabled: Program) -> None:
    run = record_drill(enabled, 3, *PASSED_DRILL, "--device", "hardware", "-o", "json")
    require_fits(run.json, "failsafe-drills")
    (drill,) = run.json["drills"]
    assert (drill["account_id"], drill["held_by"], drill["outcome"], drill["alarm"], drill["device"]) == (
        FAILSAFE,
        "Ana",
        "passed",
        "seen",
        "hardware",
    )
    assert list_recorded(enabled) == [FAILSAFE]


def list_recorded(program: Program) -> list[str]:
    """Of which accounts a drill is in the ledger; a database that was never needed isn't there."""
    lines = program.run("ledger", "list", "-o", "jsonl").stdout.splitlines()
    return [entry["account_id"] for entry in map(json.loads, lines) if entry["action"] == "failsafe:drill"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((MEMBER, "--by", "Ana", "--at", "2026-01-01", "--outcome", "passed"), "neither a failsafe"),
        ((FAILSAFE, "--by", " ", "--at", "2026-01-01", "--outcome", "passed"), "needs the name of the person"),
        ((FAILSAFE, "--by", "Ana", "--at", "2999-01-01", "--outcome", "passed"), "is in the future"),
        ((FAILSAFE, "--by", "Ana", "--at", "soon", "--outcome", "passed"), "--at"),
        ((FAILSAFE, "--by", "Ana", "--at", "2026-01-01"), "--outcome"),
    ],
    ids=["of a member", "by no one", "not yet held", "no date", "no outcome"],
)
def test_a_drill_that_cannot_be_is_refused(enabled: Program, arguments: tuple[str, ...], said: str) -> None:
    run = enabled.run("failsafe", "record-drill", *arguments, "--yes")
    assert run.status == 2, run.shown
    assert said in run.stderr
    assert list_recorded(enabled) == []


def test_a_drill_is_recorded_only_when_that_is_confirmed(enabled: Program) -> None:
    arguments = ("failsafe", "record-drill", FAILSAFE, "--by", "Ana", "--at", "2026-01-01", "--outcome", "passed")
    assert enabled.run(*arguments).status == 2
    dry = enabled.run(*arguments, "--dry-run")
    assert dry.status == 0, dry.shown
    assert "held 2026-01-01 by Ana, passed; self-asserted by" in dry.stderr
    assert verdicts(check(enabled))["drill"] == "fail"


# Runbook.


def test_the_runbook_is_markdown_with_this_organizations_ids_and_asks_nothing_of_root(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    before = sandbox.last_request()
    run = enabled.run("failsafe", "runbook")
    assert run.status == 0, run.shown
    assert run.stdout.startswith("# Emergency access without an identity provider: o-")
    for said in (FAILSAFE, MANAGEMENT, MAILBOX, "```bash", "aws sts assume-root", f"{sandbox.base_url}/signin"):
        assert said in run.stdout
    assert "AssumeRoot" not in {name for name, _ in sandbox.operations(before)}
    assert sandbox.operations(before, mutating=True) == []


def test_a_runbook_needs_a_failsafe(program: Program) -> None:
    run = program.run("failsafe", "runbook")
    assert run.status == 2, run.shown
    assert "rootkeeper enable --delegated-administrator ID" in run.stderr


def test_an_account_that_is_no_failsafe_has_no_runbook(enabled: Program) -> None:
    run = enabled.run("failsafe", "runbook", MEMBER)
    assert run.status == 2, run.shown
    assert f"rootkeeper enable --delegated-administrator {MEMBER}" in run.stderr


def test_of_several_failsafes_one_is_named(enabled: Program, sandbox: SandboxProcess) -> None:
    delegate_to_member(sandbox, "iam.amazonaws.com")
    run = enabled.run("failsafe", "runbook")
    assert run.status == 2, run.shown
    assert "rootkeeper failsafe runbook ACCOUNT" in run.stderr
    assert MEMBER in enabled.run("failsafe", "runbook", MEMBER).stdout
    found = enabled.run("failsafe", "check", "-o", "json").json
    assert found["failsafe_account_ids"] == [FAILSAFE, MEMBER]


def count_left(program: Program) -> int:
    """Root logins left to secure, as ``status`` shows them after an audit of the failsafe."""
    program.run("audit", FAILSAFE, "-o", "json")
    return int(program.run("status", "-o", "json").json["root_logins_left_to_secure"]["known"])


def attest(program: Program, claim: str, *more: str) -> Run:
    words = ("--claim", claim, "--owner", "Nikki Wolf", "--reason", "Emergency access", "--until", "30d", "--yes")
    return program.run("failsafe", "attest", FAILSAFE, *words, *more)


def test_an_attestation_takes_the_failsafe_off_the_count_and_is_shown_in_the_report(enabled: Program) -> None:
    def report() -> dict[str, Any]:
        return enabled.run("report", "--from", "1d", "-o", "json").json

    before = count_left(enabled)
    (failsafe,) = [one for one in report()["accounts"] if one["account_id"] == FAILSAFE]
    assert (failsafe["no_root_credentials"], report()["verdicts"]["centralized"]["verdict"]) == ("fail", "manual")
    run = attest(enabled, "kept", "-o", "json")
    require_fits(run.json, "failsafe-attestations")
    assert attest(enabled, "purpose").status == 0
    assert count_left(enabled) == before - 1
    shown = report()
    (failsafe,) = [one for one in shown["accounts"] if one["account_id"] == FAILSAFE]
    assert failsafe["no_root_credentials"] == "kept"
    assert failsafe["confirmation"]["owner"] == "Nikki Wolf"
    assert shown["verdicts"]["centralized"]["verdict"] == "pass"
    assert [one["claim"] for one in shown["verdicts"]["centralized"]["attestations"]] == ["purpose"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((MEMBER, "--claim", "kept", "--until", "30d"), "isn't a delegated administrator"),
        ((FAILSAFE, "--claim", "kept", "--until", "500d"), "more than a year away"),
    ],
)
def test_an_attestation_that_proves_nothing_is_refused(enabled: Program, arguments: tuple[str, ...], said: str) -> None:
    run = enabled.run("failsafe", "attest", *arguments, "--owner", "Ana", "--reason", "x", "--yes")
    assert (run.status, said in run.stderr) == (2, True), run.shown
