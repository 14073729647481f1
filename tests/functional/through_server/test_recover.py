"""``recover`` through a server where no one has to approve: opened at once, closed by the server or by Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.background import in_background
from tests.functional.published_schemas import require_fits
from tests.functional.running import Runner
from tests.functional.through_server.stage import ServedStage, open_stage

AUDIT, ARCHIVE, SHOP, SERVICES = "444455556666", "333344445555", "777788889999", "666677778888"
SHOP_EU, SHOP_TEST, MANAGEMENT = "200030004000", "400050006000", "111122223333"


@pytest.fixture(scope="module")
def stage(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedStage]:
    with open_stage(runner, tmp_path_factory.mktemp("served"), ROOTKEEPER_WINDOWS_APPROVALS="0") as opened:
        yield opened


def is_open(stage: ServedStage, account: str) -> bool:
    root_user = stage.sandbox.root_user(account)
    return bool(root_user["recovery_allowed"] or root_user["password"])


def test_the_command_waits_until_the_server_has_closed_the_window(stage: ServedStage) -> None:
    run = stage.person("olga").run("recover", "Audit", "--reason", "test", "--for", "10s", "--yes", "-o", "json")
    assert run.status == 0, run.shown
    assert run.json["state"] == "CLOSED_VERIFIED"
    assert run.json["closed_by"] is None
    assert "The server closes the window" in run.stderr
    assert "This command waits until then; Ctrl-C closes the window at once." in run.stderr
    assert not is_open(stage, AUDIT)


def test_left_open_the_server_closes_it_all_the_same(stage: ServedStage) -> None:
    run = stage.person("olga").run(
        "recover", ARCHIVE, "--reason", "test", "--for", "20s", "--leave-open", "--yes", "-o", "json"
    )
    assert (run.status, run.json["state"]) == (0, "OPEN"), run.shown
    assert "The server closes the window" in run.stderr
    assert "waits" not in run.stderr
    assert is_open(stage, ARCHIVE)
    stage.server.wait_until(lambda: not is_open(stage, ARCHIVE), 60)


def test_ctrl_c_closes_it_at_once(stage: ServedStage) -> None:
    arguments = ("recover", SHOP, "--reason", "test", "--for", "1h", "--yes", "-o", "json")
    with in_background(stage.person("olga"), *arguments) as waiting:
        waiting.wait_for("The server closes the window")
        assert is_open(stage, SHOP)
        waiting.ask_to_stop()
        run = waiting.end()
    assert run.status == 0, run.shown
    assert run.json["state"] == "CLOSED_VERIFIED"
    assert not is_open(stage, SHOP)


def test_a_server_that_is_killed_while_a_command_waits_closes_the_window_once_it_is_back(stage: ServedStage) -> None:
    arguments = ("recover", SERVICES, "--reason", "test", "--for", "20s", "--yes", "-o", "json")
    with in_background(stage.person("olga"), *arguments) as waiting:
        waiting.wait_for("The server closes the window")
        with stage.restarted():
            waiting.wait_for("Waiting for the server")
        run = waiting.end()
    assert run.status == 0, run.shown
    assert run.json["state"] == "CLOSED_VERIFIED"
    assert not is_open(stage, SERVICES)


def test_a_dry_run_asks_for_nothing(stage: ServedStage) -> None:
    before = len(stage.person("vera").run("windows", "list", "-o", "json").json["windows"])
    run = stage.person("olga").run("recover", SHOP, "--reason", "test", "--dry-run")
    assert run.status == 0, run.shown
    assert "olga (token, operator)" in run.stderr
    assert len(stage.person("vera").run("windows", "list", "-o", "json").json["windows"]) == before


def test_of_several_accounts_none_is_requested_if_one_cannot_be(stage: ServedStage) -> None:
    before = stage.sandbox.last_request()
    run = stage.person("olga").run("recover", SHOP_EU, MANAGEMENT, SHOP_TEST, "--reason", "test", "--yes")
    assert run.status == 2, run.shown
    assert "1 account of 3 can't be recovered now, so nothing was requested or opened." in run.stderr
    assert f"{MANAGEMENT}: {MANAGEMENT} is the management account" in run.stderr
    assert stage.sandbox.operations(before, mutating=True) == []
    windows = stage.person("vera").run("windows", "list", "-o", "json").json["windows"]
    assert {SHOP_EU, SHOP_TEST} & {window["account_id"] for window in windows} == set()


def test_several_windows_are_requested_opened_and_closed_by_ctrl_c(stage: ServedStage) -> None:
    arguments = ("recover", "Shop Prod EU", SHOP_TEST, "--reason", "test", "--for", "1h", "--yes", "-o", "json")
    with in_background(stage.person("olga"), *arguments) as waiting:
        waiting.wait_until(lambda: is_open(stage, SHOP_EU) and is_open(stage, SHOP_TEST))
        waiting.wait_until(lambda: waiting.stderr.count("Ctrl-C closes the window at once.") == 2)
        waiting.ask_to_stop()
        run = waiting.end()
    assert run.status == 0, run.shown
    require_fits(run.json, "recoveries")
    states = [(window["account_id"], window["state"]) for window in run.json["windows"]]
    assert states == [(SHOP_EU, "CLOSED_VERIFIED"), (SHOP_TEST, "CLOSED_VERIFIED")]
    assert not is_open(stage, SHOP_EU)
    assert not is_open(stage, SHOP_TEST)
