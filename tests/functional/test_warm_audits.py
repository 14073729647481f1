"""Audits with an inventory from before: at once, honest about the list's age, and never with another's inventory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.functional.background import in_background
from tests.functional.promises.interposed_proxy import Answer, InterposedProxy, Request
from tests.functional.running import LONG_LEASE, SECONDS, Program, Runner
from tests.sandbox_process import SandboxProcess

ACCOUNTS = 500
PAGES = ACCOUNTS // 20
SLOW_SECONDS = 5
"""For a page: all of them take much longer than reading the accounts."""
HANG_SECONDS = 60
PATIENT = {"ROOTKEEPER_AWS_READ_TIMEOUT_SECONDS": "120"}
"""It waits longer for an answer than a page hangs."""


@pytest.fixture(scope="module")
def great_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess.start("--accounts", str(ACCOUNTS), "--seed", "5", "--features", "all") as sandbox:
        yield sandbox


@pytest.fixture
def great(great_sandbox: SandboxProcess, tmp_path: Path, runner: Runner) -> Program:
    """The program, with an empty database."""
    return Program(great_sandbox.environment() | database_in(tmp_path), runner)


def database_in(folder: Path) -> dict[str, str]:
    return {
        "ROOTKEEPER_DATABASE_URL": f"sqlite:///{folder / 'rootkeeper.db'}",
        "ROOTKEEPER_LEASE_SECONDS": LONG_LEASE,
    }


@contextmanager
def listing_slowly(sandbox: SandboxProcess, seconds: float) -> Iterator[None]:
    """Each page of accounts takes so long."""
    sandbox.faults(operation="ListAccounts", latency_ms=int(seconds * 1000))
    try:
        yield
    finally:
        sandbox.clear_faults()


def test_a_warm_audit_ends_before_the_listing_and_says_how_old_the_list_is(
    great: Program, great_sandbox: SandboxProcess
) -> None:
    cold = great.run("audit", "-o", "json")
    assert cold.json["inventory"]["is_complete"] is True
    assert "--refresh" not in cold.stderr
    before = great_sandbox.last_request()
    with listing_slowly(great_sandbox, SLOW_SECONDS):
        warm = great.run("audit", "-o", "json")
    assert warm.json["inventory"] == {"listed_at": cold.json["inventory"]["listed_at"], "is_complete": False}
    assert "--refresh" in warm.stderr
    assert {one["account_id"]: one["status"] for one in warm.json["accounts"]} == {
        one["account_id"]: one["status"] for one in cold.json["accounts"]
    }
    calls = [name for name, _ in great_sandbox.operations(before)]
    assert calls.count("ListAccounts") < PAGES  # answered: the one in flight isn't among them
    assert calls.count("AssumeRoot") == calls.count("GetAccountSummary") - 1


def test_a_page_that_does_not_come_holds_no_warm_audit_up(great: Program, great_sandbox: SandboxProcess) -> None:
    cold = great.run("audit", "-o", "json")
    started = time.monotonic()
    with listing_slowly(great_sandbox, HANG_SECONDS):
        warm = great.run("audit", "-o", "json", **PATIENT)
    assert time.monotonic() - started < HANG_SECONDS
    assert warm.json["inventory"] == {"listed_at": cold.json["inventory"]["listed_at"], "is_complete": False}
    assert len(warm.json["accounts"]) == ACCOUNTS


def test_a_refresh_waits_for_a_complete_list(great: Program, great_sandbox: SandboxProcess) -> None:
    cold = great.run("audit", "-o", "json")
    before = great_sandbox.last_request()
    run = great.run("audit", "-o", "json", "--refresh")
    assert run.json["inventory"]["is_complete"] is True
    assert run.json["inventory"]["listed_at"] > cold.json["inventory"]["listed_at"]
    assert [name for name, _ in great_sandbox.operations(before)].count("ListAccounts") >= PAGES


def test_accounts_leave_as_lines_before_the_listing_has_ended(great: Program, great_sandbox: SandboxProcess) -> None:
    let = threading.Event()

    def hold_all_but_first_page(request: Request) -> Answer | None:
        if request.operation == "ListAccounts" and proxy.operations.count("ListAccounts") > 1:
            let.wait(SECONDS)
        return None

    with InterposedProxy(great_sandbox.base_url) as proxy:
        proxy.before = hold_all_but_first_page
        settings = {"AWS_ENDPOINT_URL_ORGANIZATIONS": proxy.url}
        with in_background(great, "audit", "-o", "jsonl", "--fail-on", "none", **settings) as begun:
            begun.wait_until(lambda: begun.stdout.count("\n") > 1)
            let.set()
            run = begun.end()
    assert run.status == 0, run.shown
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    truth = great_sandbox.accounts()
    assert {line["account_id"] for line in lines} == truth.keys()
    assert len(lines) == len(truth)


def test_an_inventory_of_another_organization_is_never_taken_for_this_one(
    great: Program, runner: Runner, tmp_path: Path
) -> None:
    assert great.run("audit", "-o", "json").status == 1
    with SandboxProcess.start("--accounts", "40", "--seed", "6", "--features", "all") as other:
        run = Program(other.environment() | database_in(tmp_path), runner).run("audit", "-o", "json")
        assert run.json["inventory"]["is_complete"] is True
        assert {one["account_id"] for one in run.json["accounts"]} == other.accounts().keys()
        assert [name for name, _ in other.operations()].count("ListAccounts") >= 2
