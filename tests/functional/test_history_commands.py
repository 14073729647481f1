"""``rootkeeper history`` and ``rootkeeper diff`` on audits of a sandbox, without AWS."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import pytest

from tests.functional.administration import Administration
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program, Runner, open_program
from tests.sandbox_process import SandboxProcess

SHOP_PROD, SHOP_TEST = "Shop Prod", "Shop Test"
NO_AWS = {"AWS_ENDPOINT_URL": None, "AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


def audit(program: Program, *arguments: str) -> None:
    run = program.run("audit", "--fail-on", "none", *arguments)
    assert run.status == 0, run.shown


def id_of(sandbox: SandboxProcess, name: str) -> str:
    return next(str(one["account_id"]) for one in sandbox.accounts().values() if one["name"] == name)


def change_behind_its_back(sandbox: SandboxProcess) -> None:
    sandbox.put_root_user(id_of(sandbox, SHOP_TEST), {"access_keys": [{}]})
    sandbox.put_root_user(id_of(sandbox, SHOP_PROD), {})


@pytest.fixture(scope="module")
def two_audits(running_sandbox: SandboxProcess, runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that two audits leave, with a change between them; not to be changed."""
    folder = tmp_path_factory.mktemp("two-audits")
    running_sandbox.reset()
    Administration(running_sandbox).set_up()
    program = open_program(running_sandbox, folder, runner)
    running_sandbox.put_root_user(id_of(running_sandbox, SHOP_TEST), {})
    running_sandbox.put_root_user(id_of(running_sandbox, SHOP_PROD), {"password": True})
    audit(program)
    change_behind_its_back(running_sandbox)
    audit(program)
    return folder


@pytest.fixture
def changed(two_audits: Path, enabled: Program, sandbox: SandboxProcess, tmp_path: Path) -> Program:
    """Audited, then changed behind Rootkeeper's back, and audited again."""
    shutil.copytree(two_audits, tmp_path, dirs_exist_ok=True)
    change_behind_its_back(sandbox)
    return enabled


def test_the_difference_of_the_last_two_audits_needs_no_aws(changed: Program, sandbox: SandboxProcess) -> None:
    run = changed.run("diff", "-o", "json", **NO_AWS)
    assert run.status == 1, run.shown
    require_fits(run.json, "diff")
    found = {one["account_id"]: one for one in run.json["accounts"]}
    assert set(found) == {id_of(sandbox, SHOP_TEST), id_of(sandbox, SHOP_PROD)}
    test = found[id_of(sandbox, SHOP_TEST)]
    assert (test["before"]["status"], test["after"]["status"]) == ("not_present", "present")
    assert [(kind["kind"], kind["change"]) for kind in test["credentials"]] == [("access_keys", "appeared")]
    prod = found[id_of(sandbox, SHOP_PROD)]
    assert [(kind["kind"], kind["change"]) for kind in prod["credentials"]] == [("password", "gone")]
    assert test["before"]["read_at"] <= test["after"]["read_at"]
    assert run.json["summary"]["changed"] == 2
    assert "From audit j-" in run.stderr


def test_the_exit_status_follows_what_fail_on_names(changed: Program) -> None:
    assert changed.run("diff", "--fail-on", "unknown").status == 0
    assert changed.run("diff", "--fail-on", "present").status == 1
    audit(changed)
    settled = changed.run("diff")
    assert (settled.status, "Nothing changed." in settled.stderr) == (0, True), settled.shown


def test_what_couldnt_be_read_isnt_shown_as_gone(enabled: Program, sandbox: SandboxProcess) -> None:
    shop = id_of(sandbox, SHOP_PROD)
    sandbox.put_root_user(shop, {"password": True})
    audit(enabled)
    refusal = {"code": "AccessDenied", "status": 403, "message": "denied"}
    sandbox.faults(service="sts", operation="AssumeRoot", account_id=shop, error=refusal)
    audit(enabled)
    sandbox.clear_faults()
    run = enabled.run("diff", "-o", "json", "--fail-on", "present")
    assert run.status == 5, run.shown
    (found,) = run.json["accounts"]
    assert {kind["change"] for kind in found["credentials"]} == {"unread"}
    assert {kind["after"] for kind in found["credentials"]} == {None}
    assert enabled.run("diff").status == 1
    shown = enabled.run("diff", "--fail-on", "none").stdout
    assert "password not read any more" in shown
    assert "gone" not in shown


def test_audits_are_listed_and_compared_by_their_ids(changed: Program) -> None:
    audit(changed, SHOP_TEST)
    listed = changed.run("diff", "--list", "-o", "json", **NO_AWS)
    assert listed.status == 0, listed.shown
    require_fits(listed.json, "audits")
    newest, second, first = (one["audit_id"] for one in listed.json["audits"])
    assert [one["complete"] for one in listed.json["audits"]] == [False, True, True]
    same = changed.run("diff", first, second, "-o", "json", "--fail-on", "none").json
    assert (same["older"]["audit_id"], same["newer"]["audit_id"]) == (first, second)
    selected = changed.run("diff", first, newest, "-o", "json", "--fail-on", "none").json
    assert [one["name"] for one in selected["accounts"]] == [SHOP_TEST]
    assert selected["summary"]["left"] == 0
    assert selected["summary"]["not_compared"] > 0
    assert changed.run("jobs", "show", first).status == 0
    shown = changed.run("diff", "--list").stdout
    assert "the whole organization" in shown


WRONG = (
    (("diff", "2020-01-01"), "No audit of the whole organization ended by 2020-01-0"),
    (("diff", "yesterday"), "is not a date"),
    (("diff", "--organization", "o-otherorgid00"), "o-exampleorgid"),
    (("history", "999988887777"), "no record of account 999988887777"),
    (("history", "Unknown"), "No account"),
    (("history", "12"), "12 digits"),
)


def test_what_is_wrong_is_reported_with_what_to_do(enabled: Program) -> None:
    audit(enabled)
    for arguments, said in WRONG:
        run = enabled.run(*arguments)
        assert run.status == 2, run.shown
        assert said in run.stderr
        assert "hint:" in run.stderr


def test_with_one_audit_there_is_nothing_to_compare(enabled: Program) -> None:
    audit(enabled)
    run = enabled.run("diff")
    assert run.status == 2, run.shown
    assert "needs two audits of the whole organization; only one is stored" in run.stderr
    assert "rootkeeper audit" in run.stderr


def test_an_accounts_past_is_one_time_line(changed: Program, sandbox: SandboxProcess) -> None:
    deleted = changed.run("delete", SHOP_TEST, "--yes", "-o", "json")
    assert deleted.status == 0, deleted.shown
    opened = changed.run("recover", SHOP_TEST, "--reason", "restore", "--ticket", "INC-1", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown
    assert changed.run("windows", "close", SHOP_TEST, "--yes").status == 0
    audit(changed)
    run = changed.run("history", SHOP_TEST, "-o", "json", **NO_AWS)
    assert run.status == 0, run.shown
    require_fits(run.json, "history")
    assert (run.json["account_id"], run.json["name"]) == (id_of(sandbox, SHOP_TEST), SHOP_TEST)
    assert run.json["audits"] == 3
    entries = run.json["entries"]
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    statuses = [entry["what"] for entry in entries if entry["kind"] == "status"]
    assert statuses == ["not_present", "present", "not_present"]
    assert [entry["what"] for entry in entries if entry["kind"] == "window"] == ["requested", "opened", "closed"]
    actions = {entry["what"] for entry in entries if entry["kind"] == "ledger"}
    assert {"access_key:delete", "login_profile:create", "window:close"} <= actions
    assert {entry["detail"].split(";")[0] for entry in entries if entry["kind"] == "ledger"} == {"done"}


def test_every_format_comes_and_a_part_of_the_time_too(changed: Program, sandbox: SandboxProcess) -> None:
    shop = id_of(sandbox, SHOP_TEST)
    table = changed.run("history", shop, **NO_AWS)
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", table.stdout), table.shown
    assert "in 2 stored audits, last read at" in table.stderr
    lines = changed.run("history", shop, "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["status", "status"]
    assert changed.run("history", shop, "-o", "csv").stdout.startswith("at,kind,what,detail,actor,reference,alarming")
    assert changed.run("history", shop, "--to", "2020-01-01", "-o", "json").json["entries"] == []
    assert len(changed.run("history", shop, "--from", "1h", "-o", "json").json["entries"]) == 2


def test_without_a_database_there_is_no_past(program: Program) -> None:
    for command in (("history", "999988887777"), ("diff",)):
        run = program.run(*command, **NO_AWS)
        assert run.status == 3, run.shown
        assert "no database" in run.stderr


def test_a_report_on_a_past_period_knows_what_an_audit_of_it_kept(enabled: Program, sandbox: SandboxProcess) -> None:
    """The last status of each account is younger than the period's end."""
    sandbox.put_root_user(id_of(sandbox, SHOP_TEST), {})
    audit(enabled)
    (first,) = enabled.run("diff", "--list", "-o", "json").json["audits"]
    time.sleep(1)
    sandbox.put_root_user(id_of(sandbox, SHOP_TEST), {"password": True})
    audit(enabled)
    period = ("--from", "1d", "--to", first["ended_at"].replace("Z", ".999999+00:00"))
    report = enabled.run("report", *period, "-o", "json", "--fail-on", "none")
    assert report.status == 0, report.shown
    (found,) = (one for one in report.json["accounts"] if one["name"] == SHOP_TEST)
    assert found["no_root_credentials"] == "pass"
    assert found["credentials"]["password"]["read_at"] <= first["ended_at"]
