"""Audits and deletions through a server: done there, followed here, and never lost with the connection."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.functional.background import in_background
from tests.functional.conversation import converse
from tests.functional.promises.interposed_proxy import Answer, Request, let_pass
from tests.functional.promises.stage import read_rows
from tests.functional.published_schemas import require_fits
from tests.functional.running import SECONDS, Runner
from tests.functional.through_server.stage import ServedStage, open_stage

NETWORK, BACKUP, ORDERS_TEST, SEARCH = "555566667777", "012345678901", "600070008000", "999900001111"
EU, SHOP, SHOP_TEST = "300040005000", "777788889999", "400050006000"
ORGANIZATION = "o-exampleorgid"


@pytest.fixture(scope="module")
def stage(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStage]:
    with open_stage(runner, tmp_path_factory.mktemp("served"), is_proxied=True) as opened:
        yield opened


@contextmanager
def held_up(stage: ServedStage, operation: str) -> Iterator[threading.Event]:
    """No such call of the server reaches the sandbox before the event is set, or this is left."""
    let = threading.Event()

    def hold(request: Request) -> Answer | None:
        if request.operation == operation:
            let.wait(SECONDS)
        return None

    stage.proxy.before = hold
    try:
        yield let
    finally:
        let.set()
        stage.proxy.before = let_pass


def is_clean(stage: ServedStage, account: str) -> bool:
    root_user = stage.sandbox.root_user(account)
    kinds = ("password", "access_keys", "signing_certificates", "mfa_devices")
    return not any(root_user[kind] for kind in kinds)


def list_jobs(stage: ServedStage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stage.person("vera").run("jobs", "list", "-o", "json").json["jobs"]
    return found


def count_looks(stage: ServedStage) -> int:
    """How often the server was asked about one job: a command does that once it knows its job."""
    return len([line for line in stage.server.lines if line.get("route") == "/api/v1/jobs/{job_id}"])


def list_actions(stage: ServedStage) -> list[tuple[str, str]]:
    """What the ledger has, with the account, in its order; an intent is there before its call leaves."""
    statement = "SELECT action, account_id FROM ledger_entries ORDER BY sequence"
    rows = read_rows(stage.folder / "rootkeeper.db", statement)
    return [(row["action"], row["account_id"]) for row in rows]


def test_a_deletion_is_planned_and_done_by_the_server_and_proven_by_a_re_read(stage: ServedStage) -> None:
    run = stage.person("olga").run("delete", NETWORK, "Audit", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    require_fits(run.json, "deletion")
    assert {account["account_id"]: account["outcome"] for account in run.json["accounts"]} == {
        NETWORK: "deleted",
        "444455556666": "already_absent",
    }
    assert is_clean(stage, NETWORK)
    assert "olga (token, operator) on" in run.stderr
    assert [job["created_by"] for job in list_jobs(stage) if job["job_id"] == run.json["job_id"]] == ["olga"]


def test_a_plan_file_is_applied_once_and_no_second_time(stage: ServedStage, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert stage.person("olga").run("plan", BACKUP, "--out", plan).status == 0
    assert not is_clean(stage, BACKUP)
    shown = stage.person("olga").run("apply", plan, "--dry-run", "-o", "json")
    assert shown.status == 0, shown.shown
    assert not is_clean(stage, BACKUP)
    assert stage.person("olga").run("apply", plan, "--yes").status == 0
    assert is_clean(stage, BACKUP)


def test_an_altered_plan_is_refused_before_anything_is_asked(stage: ServedStage, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    assert stage.person("olga").run("plan", SEARCH, "--out", plan).status == 0
    altered = json.loads(plan.read_text()) | {"created_by": "another"}
    plan.write_text(json.dumps(altered))
    run = stage.person("olga").run("apply", plan, "--yes")
    assert run.status == 2, run.shown
    assert not is_clean(stage, SEARCH)


def test_many_accounts_are_confirmed_by_the_organizations_id(stage: ServedStage) -> None:
    with converse(stage.person("olga"), "delete", ORDERS_TEST, "Search Prod") as person:
        person.wait_for("Continue? [y/N]")
        assert ORGANIZATION in person.text
        assert "SANDBOX" in person.text
        person.type("n")
        assert person.end() == 2
    assert not is_clean(stage, ORDERS_TEST)


def test_what_was_used_lately_is_held_back_regardless_of_the_client(stage: ServedStage) -> None:
    stage.server.tokens["olga"] = stage.tokens["olga"]
    asked = {"selection": {"named": [SEARCH]}, "recent_seconds": 0}
    answer = stage.server.ask("POST", "/api/v1/plans", asked, name="olga")
    assert answer.status == 202, answer.body
    assert answer.body["parameters"]["recent_seconds"] == 90 * 86_400
    run = stage.person("olga").run("delete", SEARCH, "--yes", "-o", "json")
    assert (run.status, run.json["accounts"][0]["reason"]) == (1, "recently_used"), run.shown
    assert not is_clean(stage, SEARCH)


@pytest.mark.parametrize("name", ["vera", "aldo", "boris"])
def test_a_role_that_does_not_delete_is_refused(stage: ServedStage, name: str) -> None:
    run = stage.person(name).run("delete", ORDERS_TEST, "--yes")
    assert run.status == 3, run.shown
    assert f"{name} has the role" in run.stderr


def test_a_job_is_shown_with_what_came_of_each_account(stage: ServedStage) -> None:
    run = stage.person("olga").run("delete", ORDERS_TEST, "--yes", "-o", "json")
    assert run.status == 0, run.shown
    job_id = run.json["job_id"]
    ours = stage.local.run("jobs", "show", job_id, "-o", "json")
    theirs = stage.person("vera").run("jobs", "show", job_id, "-o", "json")
    assert theirs.status == 0, theirs.shown
    assert theirs.json == ours.json
    assert [account["account_id"] for account in theirs.json["accounts"]] == [ORDERS_TEST]


def test_ctrl_c_stops_a_deletion_before_the_next_wave(stage: ServedStage) -> None:
    for account, key in ((SHOP, "AKIAIOSFODNN7EXAMPLE"), (SHOP_TEST, "AKIAI44QH8DHBEXAMPLE")):
        stage.sandbox.put_root_user(account, {"access_keys": [{"access_key_id": key}]})
    arguments = ("delete", SHOP, SHOP_TEST, "--wave", "1", "--pause", "60s", "--yes", "-o", "json")
    with in_background(stage.person("olga"), *arguments) as running:
        running.wait_until(lambda: is_clean(stage, SHOP) or is_clean(stage, SHOP_TEST))
        running.ask_to_stop()
        run = running.end()
    assert run.status == 130, run.shown
    assert [is_clean(stage, SHOP), is_clean(stage, SHOP_TEST)].count(True) == 1
    assert (run.json["summary"]["deleted"], run.json["summary"]["not_begun"]) == (1, 1)
    assert list_jobs(stage)[0]["state"] == "cancelled"


def test_an_account_in_progress_comes_to_its_end_and_is_reported(stage: ServedStage) -> None:
    before = len(list_actions(stage))
    with (
        held_up(stage, "DeleteLoginProfile") as let,
        in_background(stage.person("olga"), "delete", EU, "--yes", "-o", "json") as running,
    ):
        running.wait_until(lambda: ("login_profile:delete", EU) in list_actions(stage)[before:])
        running.ask_to_stop()
        running.wait_for("accounts in progress are finished")
        let.set()
        run = running.end()
    assert [account["outcome"] for account in run.json["accounts"]] == ["deleted"], run.shown
    assert is_clean(stage, EU)


def test_ctrl_c_leaves_an_audit_to_the_server(stage: ServedStage) -> None:
    with held_up(stage, "AssumeRoot"), in_background(stage.person("aldo"), "audit", "--details") as running:
        running.wait_until(lambda: [job["state"] for job in list_jobs(stage)][:1] == ["running"])
        running.ask_to_stop()
        run = running.end()
    job_id = list_jobs(stage)[0]["job_id"]
    assert run.status == 130, run.shown
    assert f"Job {job_id} continues on the server" in run.stderr
    stage.server.wait_until(lambda: list_jobs(stage)[0]["state"] == "done", 60)


def test_an_audit_is_whole_though_its_server_was_killed_and_came_back(stage: ServedStage) -> None:
    looks = count_looks(stage)
    with (
        held_up(stage, "AssumeRoot") as let,
        in_background(stage.person("aldo"), "audit", "-o", "json") as running,
    ):
        running.wait_until(lambda: [job["state"] for job in list_jobs(stage)][:1] == ["running"])
        running.wait_until(lambda: count_looks(stage) > looks)
        with stage.restarted():
            running.wait_for("Waiting for the server")
        let.set()
        run = running.end()
    assert run.status == 1, run.shown
    assert run.json["summary"]["accounts"] == len(stage.sandbox.accounts())
    assert "The server answers again." in run.stderr


def test_the_token_is_in_no_database_and_no_log(stage: ServedStage) -> None:
    stored = b"".join(path.read_bytes() for path in stage.folder.rglob("*") if path.is_file())
    assert [name for name, token in stage.tokens.items() if token.encode() in stored] == []
