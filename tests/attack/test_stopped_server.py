"""A server that is stopped (SIGSTOP) keeps its lock on the database, and closes nothing.

A command line closes in its place once the server's lease is over. The server that continues acts on nothing that it
held before.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.attack.stage import AttackStage, OpenedWindow
from tests.durations import Stopwatch
from tests.functional.running import Run

pytestmark = pytest.mark.long

REFUSED, DONE = 3, 0


def close_from_here(stage: AttackStage, window: OpenedWindow) -> Run:
    """Repeat ``windows close`` until the lease of the stopped server is over."""
    watch = Stopwatch()
    while (run := stage.local.run("windows", "close", window.window_id, "--yes")).status == REFUSED:
        assert "A server runs on this database" in run.stderr, run.shown
        assert watch.seconds < 60, run.shown
        watch.pause(0.5)
    return run


def read_state(stage: AttackStage, window: OpenedWindow) -> str:
    with closing(sqlite3.connect(stage.database)) as connection:
        found = connection.execute("SELECT state FROM recovery_windows WHERE window_id = ?", (window.window_id,))
        return str(found.fetchone()[0])


def list_calls(stage: AttackStage, window: OpenedWindow, since: int) -> list[dict[str, Any]]:
    return [one for one in stage.sandbox.requests(since) if one["account_id"] == window.account_id]


def stop_between_writes(stage: AttackStage) -> None:
    """Stop the server while it isn't writing: what it had locked then, no one could write until it ended."""
    while True:
        stage.server.pause()
        try:
            with closing(sqlite3.connect(stage.database, timeout=0.1, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            stage.server.resume()
        else:
            return


def continue_server(stage: AttackStage) -> None:
    """Let it run again, until it has listed and looked at every window several times."""
    stage.server.resume()
    stage.server.wait_until(lambda: stage.server.ask("GET", "/healthz").status == 200)
    watch = Stopwatch()
    stage.server.wait_until(lambda: watch.seconds > 5)


def test_p11_after_the_lease_of_a_stopped_server_the_command_line_closes(stage: AttackStage) -> None:
    server = stage.start_server()
    window = stage.open_window(10)
    stage.wait_known(window)
    stop_between_writes(stage)
    refused = stage.local.run("windows", "close", window.window_id, "--yes")
    assert refused.status == REFUSED, "it may be only slow"
    assert stage.is_open(window.account_id)
    closed = close_from_here(stage, window)
    assert closed.status == DONE, closed.shown
    assert "it is stopped or hung" in closed.stderr
    assert not stage.is_open(window.account_id)
    assert read_state(stage, window) == "CLOSED_VERIFIED"
    other = stage.local.run("recover", stage.take_account(), "--reason", "drill", "--yes")
    assert other.status == REFUSED, other.shown
    assert "rootkeeper windows close" in other.stderr
    second = stage.local.run("serve", "--port", "0")
    assert second.status == REFUSED, second.shown
    assert f"kill -9 {server.process.pid}" in second.stderr

    since = stage.sandbox.last_request()
    continue_server(stage)
    assert [one for one in list_calls(stage, window, since) if one["mutating"]] == []
    later = stage.open_window(10)
    stage.require_closed_on_time(later)
    verified = stage.local.run("ledger", "verify")
    assert verified.status == DONE, verified.shown


def test_p27_a_server_that_is_stopped_while_it_closes_does_nothing_more_to_the_account(stage: AttackStage) -> None:
    server = stage.start_server()
    window = stage.open_window(10)
    stage.wait_known(window)
    since = stage.sandbox.last_request()
    slow = {"service": "iam", "operation": "GetLoginProfile", "account_id": window.account_id}
    stage.sandbox.faults(**slow, latency_ms=4000, times=1)
    server.wait_until(
        lambda: (
            [one["operation"] for one in list_calls(stage, window, since)][-2:] == ["AssumeRoot", "GetCallerIdentity"]
        )
    )
    stop_between_writes(stage)
    stage.sandbox.clear_faults()
    assert stage.is_open(window.account_id), "it was to be stopped before it deleted anything"
    assert read_state(stage, window) == "CLOSING"
    closed = close_from_here(stage, window)
    assert closed.status == DONE, closed.shown
    assert not stage.is_open(window.account_id)

    # What is allowed now isn't the server's to delete: it belongs to someone who came after it.
    stage.sandbox.put_root_user(window.account_id, {"recovery_allowed": True})
    since = stage.sandbox.last_request()
    continue_server(stage)
    assert [one for one in list_calls(stage, window, since) if one["mutating"]] == []
    assert stage.is_open(window.account_id)
    verified = stage.local.run("ledger", "verify")
    assert verified.status == DONE, verified.shown
