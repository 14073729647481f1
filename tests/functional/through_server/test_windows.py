"""Recovery windows through a server: who asks, who approves, who opens, and what is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.functional.administration import Administration
from tests.functional.published_schemas import require_fits
from tests.functional.running import SECONDS, Run
from tests.functional.through_server.stage import ServedStage, without_settings

AUDIT, ARCHIVE, SHOP, SHOP_EU, SHOP_TEST = (
    "444455556666",
    "333344445555",
    "777788889999",
    "200030004000",
    "400050006000",
)
SERVICES, SANDBOX, MANAGEMENT = "666677778888", "121234345656", "111122223333"


def request(stage: ServedStage, account: str, *more: str, name: str = "olga") -> str:
    run = stage.person(name).run(
        "windows", "request", account, "--reason", "close the account", "--for", "30m", "--yes", "-o", "json", *more
    )
    assert run.status == 0, run.shown
    assert run.json["state"] == "REQUESTED"
    return str(run.json["window_id"])


def act(stage: ServedStage, name: str, *arguments: str) -> Run:
    return stage.person(name).run("windows", *arguments, "--yes", "-o", "json")


def is_open(stage: ServedStage, account: str) -> bool:
    root_user = stage.sandbox.root_user(account)
    return bool(root_user["recovery_allowed"] or root_user["password"])


def test_a_window_is_requested_approved_opened_prolonged_and_closed_by_different_people(stage: ServedStage) -> None:
    window_id = request(stage, "Audit", "--ticket", "OPS-7")
    assert not is_open(stage, AUDIT)
    approved = act(stage, "boris", "approve", AUDIT)
    assert (approved.status, approved.json["state"]) == (0, "APPROVED"), approved.shown
    opened = act(stage, "olga", "activate", window_id)
    assert (opened.status, opened.json["state"]) == (0, "OPEN"), opened.shown
    require_fits(opened.json, "window")
    assert is_open(stage, AUDIT)
    assert f"{stage.sandbox.base_url}/signin/forgot-password" in opened.stderr
    prolonged = act(stage, "cora", "extend", window_id, "--by", "10m")
    assert prolonged.json["duration_seconds"] == 40 * 60, prolonged.shown
    closed = act(stage, "olga", "close", "Audit")
    assert (closed.status, closed.json["state"]) == (0, "CLOSED_VERIFIED"), closed.shown
    assert not is_open(stage, AUDIT)
    assert (closed.json["requested_by"], closed.json["approved_by"]) == ("olga", ["boris"])
    actors = {
        entry["actor"]["name"]
        for entry in stage.person("vera").run("ledger", "list", "--account", AUDIT, "-o", "json").json["entries"]
    }
    assert {"olga", "boris", "cora"} <= actors


def test_a_user_who_requested_a_window_cannot_approve_it(stage: ServedStage) -> None:
    window_id = request(stage, ARCHIVE, name="root-keeper")
    refused = act(stage, "root-keeper", "approve", window_id)
    assert refused.status == 2
    assert "can't approve it" in refused.stderr
    assert stage.person("vera").run("windows", "show", window_id, "-o", "json").json["state"] == "REQUESTED"
    assert act(stage, "olga", "activate", window_id).status == 2
    assert not is_open(stage, ARCHIVE)
    assert act(stage, "root-keeper", "cancel", window_id).status == 0


def test_an_approval_counts_once_and_not_after_a_denial(stage: ServedStage) -> None:
    window_id = request(stage, SHOP)
    denied = act(stage, "cora", "deny", window_id, "--reason", "no ticket")
    assert (denied.status, denied.json["state"]) == (0, "DENIED"), denied.shown
    late = act(stage, "boris", "approve", window_id)
    assert late.status == 2
    assert act(stage, "olga", "activate", window_id).status == 2
    assert not is_open(stage, SHOP)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("olga", ("approve",)),
        ("olga", ("deny", "--reason", "no")),
        ("olga", ("extend", "--by", "5m")),
        ("boris", ("activate",)),
        ("boris", ("close",)),
        ("boris", ("cancel",)),
        ("vera", ("approve",)),
        ("aldo", ("activate",)),
    ],
)
def test_a_token_without_the_role_is_refused_with_3(stage: ServedStage, name: str, arguments: tuple[str, ...]) -> None:
    unfinished = stage.person("vera").run("windows", "list", "--unfinished", "-o", "json").json["windows"]
    ids = [window["window_id"] for window in unfinished if window["account_id"] == SHOP_EU]
    window_id = ids[0] if ids else request(stage, SHOP_EU)
    run = act(stage, name, arguments[0], window_id, *arguments[1:])
    assert run.status == 3, run.shown
    assert f"{name} has the role" in run.stderr
    assert "hint: Ask a user with the role" in run.stderr


def test_an_account_that_may_not_be_recovered_is_refused_before_anyone_is_bothered(stage: ServedStage) -> None:
    run = stage.person("olga").run("windows", "request", MANAGEMENT, "--reason", "x", "--yes")
    assert run.status == 2, run.shown
    assert "management account" in run.stderr


def test_a_window_longer_than_the_policy_allows_is_refused(stage: ServedStage) -> None:
    for length in ("73h", "0s"):
        run = stage.person("olga").run("windows", "request", SERVICES, "--reason", "x", "--for", length, "--yes")
        assert run.status == 2, run.shown


def test_an_emergency_needs_the_settings_leave_and_a_review_an_emergency(stage: ServedStage) -> None:
    run = stage.person("olga").run("windows", "request", SERVICES, "--reason", "x", "--emergency", "--yes")
    assert run.status == 3, run.shown
    assert "windows.emergency" in run.stderr
    window_id = request(stage, SANDBOX)
    review = act(stage, "boris", "review", window_id)
    assert review.status == 2
    assert "it needs no review" in review.stderr


def test_recover_asks_for_the_approval_that_is_owed_and_ends(stage: ServedStage) -> None:
    run = stage.person("olga").run("recover", SERVICES, "--reason", "test", "--for", "10m", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["state"] == "REQUESTED"
    assert "by someone other than olga" in run.stderr
    assert not is_open(stage, SERVICES)
    assert act(stage, "boris", "approve", SERVICES).json["state"] == "APPROVED"


def test_a_second_request_for_the_same_account_names_the_first(stage: ServedStage) -> None:
    window_id = request(stage, SHOP_TEST)
    run = stage.person("olga").run("windows", "request", SHOP_TEST, "--reason", "x", "--yes")
    assert run.status == 2
    assert window_id in run.stderr


def test_without_a_token_or_with_a_wrong_one_nothing_is_shown(stage: ServedStage) -> None:
    missing = without_settings(stage.person("vera"), "ROOTKEEPER_TOKEN").run("windows", "list")
    assert missing.status == 3
    assert f"rootkeeper login --server {stage.server.url}" in missing.stderr
    wrong = stage.person("vera").run("windows", "list", ROOTKEEPER_TOKEN="rk_wrong")
    assert wrong.status == 3
    assert "doesn't know you" in wrong.stderr
    assert wrong.stdout == ""


def test_a_server_that_is_not_there_is_distinguished_from_one_that_refuses(stage: ServedStage) -> None:
    run = stage.person("vera").run("windows", "list", "--server", "http://127.0.0.1:9")
    assert run.status == 3
    assert "can't be reached" in run.stderr


def test_no_aws_credentials_are_needed_and_none_are_looked_for(stage: ServedStage, tmp_path: Path) -> None:
    broken = tmp_path / "aws-config"
    broken.write_text("this is no configuration\n")
    run = stage.person("vera").run("windows", "list", AWS_CONFIG_FILE=str(broken), AWS_PROFILE="missing")
    assert run.status == 0, run.shown


def test_a_drill_is_reported_with_who_did_what_and_how_long_it_took(stage: ServedStage) -> None:
    window_id = request(stage, ARCHIVE, "--drill")
    for name, step in (("boris", "approve"), ("olga", "activate"), ("olga", "close")):
        assert act(stage, name, step, window_id).status == 0
    theirs = stage.person("vera").run("windows", "report", ARCHIVE, "-o", "json")
    assert theirs.status == 0, theirs.shown
    assert theirs.json["people"] | {"reviewed_by": None} == {
        "requested_by": "olga",
        "approved_by": ["boris"],
        "activated_by": "olga",
        "closed_by": "olga",
        "reviewed_by": None,
    }
    assert theirs.json["durations_seconds"]["to_close"] is not None
    assert theirs.json == stage.local.run("windows", "report", window_id, "-o", "json").json
    reported = stage.person("vera").run("windows", "report", window_id)
    assert reported.stdout.startswith("# Drill ")
    require_fits(theirs.json, "window-report")
    assert reported.stdout == stage.local.run("windows", "report", ARCHIVE).stdout


@pytest.mark.parametrize(("name", "status"), [("vera", 3), ("boris", 2)])
def test_a_user_who_may_not_approve_is_refused_before_any_question(stage: ServedStage, name: str, status: int) -> None:
    unfinished = stage.person("vera").run("windows", "list", "--unfinished", "-o", "json").json["windows"]
    ids = [window["window_id"] for window in unfinished if window["account_id"] == SHOP_EU]
    window_id = ids[0] if ids else request(stage, SHOP_EU)
    run = stage.person(name).run("windows", "approve", window_id)
    assert run.status == status, run.shown
    refusal = f"{name} has the role viewer on the server, without the permission windows:approve"
    assert (refusal in run.stderr) is (status == 3)


def test_a_password_that_returns_by_another_tool_is_found_by_an_audit_and_closed_by_the_server(
    stage: ServedStage,
) -> None:
    window_id = request(stage, AUDIT)
    assert act(stage, "boris", "approve", window_id).status == 0
    assert act(stage, "olga", "activate", window_id).status == 0
    closed = act(stage, "olga", "close", window_id)
    assert closed.json["state"] == "CLOSED_VERIFIED", closed.shown
    Administration(stage.sandbox).allow_recovery(AUDIT)
    audit = stage.person("aldo").run("audit", AUDIT, "--fail-on", "present", "-o", "json")
    assert (audit.status, audit.json["accounts"][0]["status"]) == (1, "present"), audit.shown

    end = time.monotonic() + SECONDS
    while is_open(stage, AUDIT) and time.monotonic() < end:
        time.sleep(0.2)
    assert not is_open(stage, AUDIT)
    while (window := stage.person("vera").run("windows", "show", window_id, "-o", "json").json)["closed_at"] is None:
        assert time.monotonic() < end, window
    assert (window["state"], window["first_closed_at"]) == ("CLOSED_VERIFIED", closed.json["closed_at"])
    assert window["reopened_at"] is not None
    report = stage.person("vera").run("windows", "report", window_id)
    assert "Reopened by someone else" in report.stdout
    entries = stage.person("vera").run("ledger", "list", "--account", AUDIT, "-o", "json").json["entries"]
    (found,) = [entry for entry in entries if entry["action"] == "window:reread"]
    assert (found["actor"]["name"], found["parameters"]["found"]) == ("aldo", ["a root password"])
