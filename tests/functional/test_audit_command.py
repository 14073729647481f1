"""``rootkeeper audit`` as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest

from rootkeeper.audit.rules import AUDIT_EVENTS
from tests.architecture.source_files import REPOSITORY
from tests.functional.running import Program
from tests.sandbox_process import SandboxProcess

KINDS = ("password", "access_keys", "signing_certificates", "mfa_devices")
CALLER_ACCOUNT = "111122223333"


def credentials_of(truth: dict[str, Any]) -> dict[str, int]:
    """What an audit should count."""
    user = truth["root_user"]
    return {
        "password": int(bool(user["password"] or user["recovery_allowed"])),
        "access_keys": len(user["access_keys"]),
        "signing_certificates": len(user["signing_certificates"]),
        "mfa_devices": len(user["mfa_devices"]),
    }


def test_json_shows_the_truth_about_every_account(enabled: Program, sandbox: SandboxProcess) -> None:
    run = enabled.run("audit", "-o", "json", "--details")
    assert run.status == 1, run.shown
    answer, truth = run.json, sandbox.accounts()
    assert answer["organization_id"] == "o-exampleorgid"
    assert answer["management_account_id"] == "111122223333"
    assert answer["endpoint"] == sandbox.endpoint_label
    assert {account["account_id"] for account in answer["accounts"]} == truth.keys()
    for account in answer["accounts"]:
        if account["status"] in ("present", "not_present"):
            assert account["credentials"] == credentials_of(truth[account["account_id"]])
    assert answer["summary"] == {
        "accounts": 26,
        "present": 14,
        "not_present": 7,
        "recovery_open": 0,
        "unknown": 2,
        "not_applicable": 3,
    }


def test_two_calls_per_account_and_none_that_changes_anything(enabled: Program, sandbox: SandboxProcess) -> None:
    before = sandbox.last_request()
    enabled.run("audit")
    calls = [name for name, _ in sandbox.operations(before)]
    read = 26 - 3  # neither the management account nor those that aren't ACTIVE
    assert calls.count("AssumeRoot") == read
    assert calls.count("GetAccountSummary") == read + 1  # and the management account's own
    assert sandbox.operations(before, mutating=True) == []


def test_the_tree_flags_every_account_in_words_and_counts_what_is_left(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    run = enabled.run("audit")
    lines = run.stdout.splitlines()
    for account_id in sandbox.accounts():
        (line,) = [line for line in lines if f" {account_id} " in line]
        assert any(word in line for word in ("Present", "Not present", "Unknown", "Not applicable"))
    assert lines[-1] == "Root logins left to secure: 15 known, 2 unknown, 2 unread"


def test_json_lines_and_csv_have_one_account_a_line(enabled: Program) -> None:
    lines = enabled.run("audit", "--ou", "AnyCompany", "-o", "jsonl").stdout.splitlines()
    names = sorted(json.loads(line)["name"] for line in lines)  # in the order in which they were read
    assert names == ["AnyCompany Billing", "AnyCompany Data", "AnyCompany Web"]
    rows = list(csv.DictReader(io.StringIO(enabled.run("audit", "--ou", "AnyCompany", "-o", "csv").stdout)))
    assert [row["account_id"] for row in rows] == ["700080009000", "900010002000", "800090001000"]
    assert rows[1]["credentials.signing_certificates"] == "1"


@pytest.mark.parametrize(
    ("selection", "fail_on", "status"),
    [
        (("--ou", "AnyCompany"), None, 1),
        (("--ou", "AnyCompany"), "unknown", 0),
        pytest.param(("--ou", "AnyCompany"), "none", 0, marks=pytest.mark.long),
        (("--ou", "Regulated"), None, 1),
        (("--ou", "Regulated"), "present", 5),
        pytest.param(("--ou", "Regulated"), "unknown,present", 1, marks=pytest.mark.long),
        pytest.param(("Security",), None, 1, marks=pytest.mark.long),  # nothing confirms the failsafe
        pytest.param(("Shop Prod",), None, 0, marks=pytest.mark.long),
        (("Old Website",), None, 0),
    ],
)
def test_the_exit_status_says_what_fail_on_asks(
    enabled: Program, selection: tuple[str, ...], fail_on: str | None, status: int
) -> None:
    run = enabled.run("audit", *selection, *(("--fail-on", fail_on) if fail_on else ()))
    assert run.status == status, run.shown


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (("--ou", "Workloads/Prod/EU"), {"Payments Prod EU", "Shop Prod EU"}),
        (("--ou", "Root/Security", "--exclude", "Audit"), {"Security", "Log Archive"}),
        (("--tag", "team=payments"), {"Payments Prod EU", "Payments Test"}),
        (("--account-state", "SUSPENDED"), {"Old Website"}),
        (("--status", "unknown"), {"Medical Records", "Payroll"}),
        (("121234345656", "Shop Test"), {"Sandbox Ana", "Shop Test"}),
        (
            ("--exclude", "Root/Workloads", "--exclude", "AnyCompany/", "--status", "not_present"),
            {
                "Audit",
                "Log Archive",
                "Sandbox Ana",
                "Shared Services",
            },
        ),
    ],
)
def test_a_selection_catches_what_it_says(enabled: Program, selection: tuple[str, ...], names: set[str]) -> None:
    run = enabled.run("audit", *selection, "-o", "json", "--fail-on", "none")
    assert {account["name"] for account in run.json["accounts"]} == names, run.shown


def test_only_the_first_audit_warns_of_alarms_and_not_on_stdout(enabled: Program, sandbox: SandboxProcess) -> None:
    first, second = (enabled.run("audit", "Shop Test", "-o", "json") for _ in range(2))
    assert AUDIT_EVENTS in first.stderr
    assert AUDIT_EVENTS not in second.stderr
    assert AUDIT_EVENTS not in first.stdout


def count_events(sandbox: SandboxProcess, account_ids: Iterable[str]) -> dict[str, Counter[str]]:
    """Count the events that ``AUDIT_EVENTS`` speaks of: of each account's root user, and AssumeRoot in the caller's."""
    opened = [one for one in sandbox.events(CALLER_ACCOUNT) if one["eventName"] == "AssumeRoot"]
    targets = Counter(one["requestParameters"]["targetPrincipal"] for one in opened)
    found = {
        account_id: Counter(
            one["eventName"] for one in sandbox.events(account_id) if one["userIdentity"]["type"] == "Root"
        )
        for account_id in account_ids
    }
    return {account_id: counts + Counter(AssumeRoot=targets[account_id]) for account_id, counts in found.items()}


def test_an_audit_leaves_the_events_that_the_one_sentence_names(enabled: Program, sandbox: SandboxProcess) -> None:
    selection = ("audit", "AnyCompany Billing", "Shop Prod", "-o", "json")
    accounts = enabled.run(*selection).json["accounts"]
    assert {one["status"] for one in accounts} == {"present", "not_present"}
    two = Counter(GetAccountSummary=1, AssumeRoot=1)
    account_ids = [one["account_id"] for one in accounts]
    before = count_events(sandbox, account_ids)
    assert before == dict.fromkeys(account_ids, two)
    enabled.run(*selection, "--details")
    after = count_events(sandbox, account_ids)
    for account in accounts:
        more = after[account["account_id"]] - before[account["account_id"]]
        assert more >= two
        assert (more > two) == (account["status"] == "present")
        assert more["AssumeRoot"] == 1


@pytest.mark.parametrize("page", ["README.md", "docs/guides/first-audit.md"])
def test_a_page_about_audits_has_the_one_sentence_on_events(page: str) -> None:
    text = " ".join((REPOSITORY / page).read_text().replace("`", "").split())
    assert text.count(AUDIT_EVENTS) == 1
    assert text.count("CloudTrail event of the root user") == 1


def test_progress_is_plain_lines_where_there_is_no_terminal(enabled: Program) -> None:
    run = enabled.run("audit", "--ou", "AnyCompany")
    assert re.search(r"^Reading accounts: 3 of 3, (\S+/s, )?3 present$", run.stderr, re.MULTILINE)
    assert "Reading accounts" not in run.stdout


def test_details_tell_the_last_use(enabled: Program) -> None:
    run = enabled.run("audit", "Search Prod", "Orders Test", "--details")
    assert "last used 1 day ago" in run.stdout
    assert "last used never" in run.stdout


def test_p06_what_a_delegated_administrator_cannot_read_is_one_number_everywhere(
    enabled: Program, sandbox: SandboxProcess
) -> None:
    delegate = sandbox.environment("delegated-admin")
    blocked = {"565678789090", "454567678989"}
    table, tree = (enabled.run("audit", "-o", output, **delegate) for output in ("table", "tree"))
    for run in (table, tree):
        assert run.status == 1, run.shown
        assert "26 accounts: 14 present, 7 not present, 3 unknown, 2 not applicable." in run.stdout
        assert "Root logins left to secure: 14 known, 3 unknown" in run.stdout
        listed = {line.split()[1].strip(":,") for line in run.stdout.splitlines() if line.startswith("Unknown: ")}
        assert listed | blocked == {"111122223333", *blocked}
        assert "26 of 26, 14 present, 3 unknown" in run.stderr
    assert "? Unknown, management account" in tree.stdout
    answer = enabled.run("audit", "-o", "json", **delegate).json
    assert answer["summary"]["unknown"] == answer["root_logins_left_to_secure"]["unknown"] == 3
    assert enabled.run("jobs", "list", "-o", "json").json["jobs"][0]["progress"]["unknown"] == 3
    assert enabled.run("diff", "--list", "-o", "json").json["audits"][0]["summary"]["unknown"] == 3
