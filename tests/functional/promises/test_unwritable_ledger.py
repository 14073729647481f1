"""P02: while the ledger can't be written nothing privileged leaves; closing a window alone continues, with a spill."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.functional.promises.forked_runs import SECONDS, ForkedRun
from tests.functional.promises.interposed_proxy import InterposedProxy
from tests.functional.promises.obstacles import (
    Obstacle,
    full_disk,
    locked_by_another_process,
    log_that_is_a_folder,
    read_only_files,
)
from tests.functional.promises.stage import CERTIFICATE, CLEAN, EVERYTHING, Stage, assert_clean_ending
from tests.functional.promises.witness import Witness

PRIVILEGED_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("audit", EVERYTHING),
    ("plan", EVERYTHING, "--out", "{folder}/second.json"),
    ("apply", "{folder}/plan.json", "--yes"),
    ("delete", EVERYTHING, "--yes"),
    ("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes"),
    ("enable", "--feature", "sessions", "--yes"),
    ("disable", "--yes"),
)
SLOWLY_REFUSED = (("delete", EVERYTHING, "--yes"), ("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes"))
"""Each waits some seconds for a lock before it gives up."""
OBSTACLES = (full_disk, read_only_files, log_that_is_a_folder, locked_by_another_process)
ROOM_FOR_A_SPILL = 60_000
"""Bytes: less than the database's log has by then, more than a spill needs."""


def wait_until(condition: Callable[[], bool], run: ForkedRun) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, run.remarks
        time.sleep(0.02)


def begin_window(stage: Stage, proxy: InterposedProxy) -> ForkedRun:
    """A command that waits for the end of its window."""
    run = stage.begin("recover", CLEAN, "--reason", "drill", "--for", "1h", "--yes", through=proxy)
    wait_until(lambda: "Ctrl-C closes it now" in run.remarks, run)
    assert stage.sandbox.root_user(CLEAN)["recovery_allowed"]
    return run


def fill_disk(run: ForkedRun, room_bytes: int) -> None:
    """Of a program that runs: no file of it grows beyond ``room_bytes`` from now on."""
    _, hard = resource.prlimit(run.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (room_bytes, hard))


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "obstacle",
    [pytest.param(one, id=one.__name__, marks=[] if one is full_disk else pytest.mark.long) for one in OBSTACLES],
)
def test_p02_no_privileged_call_leaves_while_the_ledger_cannot_be_written(stage: Stage, obstacle: Obstacle) -> None:
    planned = stage.run("plan", EVERYTHING, "--out", stage.folder / "plan.json", "--fail-on", "none")
    assert planned.status == 0, planned.shown
    truth, since = stage.sandbox.organization(), stage.sandbox.last_request()
    with obstacle(stage) as how:
        for command in SLOWLY_REFUSED if obstacle is locked_by_another_process else PRIVILEGED_COMMANDS:
            run = stage.run(*(word.format(folder=stage.folder) for word in command), **how)
            assert_clean_ending(run, 3)
            assert "database" in run.stderr or "ledger" in run.stderr, run.shown
            assert "hint: " in run.stderr, run.shown
            assert stage.privileged(since) == [], run.shown
    assert stage.sandbox.organization() == truth
    deleted = stage.run("delete", EVERYTHING, "--yes")
    assert deleted.status == 0, deleted.shown
    assert stage.is_bare(EVERYTHING)


def test_p02_where_no_database_can_be_made_nothing_privileged_leaves(stage: Stage) -> None:
    since = stage.sandbox.last_request()
    shutil.rmtree(stage.database.parent)
    stage.database.parent.mkdir(mode=0o500)
    for how in ({"is_powerless": True}, {"file_size_limit": 0}):
        stage.database.parent.chmod(0o500 if "is_powerless" in how else 0o700)
        run = stage.run("delete", EVERYTHING, "--yes", **how)
        assert_clean_ending(run, 3)
        assert str(stage.database) in run.stderr
        assert stage.privileged(since) == []


@pytest.mark.long
@pytest.mark.timeout(900)
def test_p02_p25_a_disk_that_fills_in_mid_run_stops_every_call_and_the_next_run_continues(
    stage: Stage, proxy: InterposedProxy
) -> None:
    everything = stage.sandbox.root_user(EVERYTHING)
    ends: set[tuple[bool, int]] = set()
    assert stage.run("audit", CLEAN).status == 0
    for number in range(6):
        stage.sandbox.put_root_user(EVERYTHING, everything)
        since = stage.sandbox.last_request()
        proxy.forget()
        witness = proxy.before = Witness(stage)
        room = stage.database.stat().st_size + number * 150_000
        run = stage.run("delete", EVERYTHING, "--yes", through=proxy, file_size_limit=room)
        assert_clean_ending(run, 0, 3, 4)
        assert witness.unfounded == [], run.shown
        left = stage.sandbox.root_user(EVERYTHING)
        assert left["mfa_devices"] or not (left["password"] or left["access_keys"])
        is_done = stage.is_bare(EVERYTHING)
        # Everything may be gone and read again when the disk fills at the very last: that isn't a good end either.
        assert is_done if run.status == 0 else not is_done or "can't be written" in run.stderr, run.shown
        ends.add((bool(stage.privileged(since)), run.status))
        again = stage.run("delete", EVERYTHING, "--yes")
        assert again.status == 0, again.shown
        assert stage.is_bare(EVERYTHING)
        stage.assert_each_intent_has_one_outcome()
    assert (True, 4) in ends or (True, 3) in ends
    verified = stage.run("ledger", "verify")
    assert verified.status == 0, verified.shown


def test_p02_p11_a_window_closes_though_the_disk_is_full_and_its_spill_is_merged_later(
    stage: Stage, proxy: InterposedProxy
) -> None:
    run = begin_window(stage, proxy)
    fill_disk(run, ROOM_FOR_A_SPILL)
    run.signal(signal.SIGINT)
    closed = run.wait()
    assert_clean_ending(closed, 4)
    assert "Closing continues with the spill file" in closed.stderr, closed.shown
    assert stage.is_bare(CLEAN)
    (spill,) = stage.database.parent.glob("rootkeeper-spill-*")
    assert '"login_profile:delete"' in spill.read_text()
    later = stage.run("delete", CERTIFICATE, "--yes")
    assert later.status == 0, later.shown
    assert "entries from the spill file" in later.stderr
    assert not spill.exists()
    assert stage.windows(CLEAN) == ["CLOSED_VERIFIED"]
    spilled = [entry for entry in stage.entries() if json.loads(entry["parameters"]).get("spilled")]
    assert {"window:close", "root_session:open", "login_profile:delete"} <= {entry["action"] for entry in spilled}
    stage.assert_each_intent_has_one_outcome()
    assert stage.run("ledger", "verify").status == 0


def test_p02_where_even_the_spill_cannot_be_written_nothing_leaves_and_the_window_stays_owed(
    stage: Stage, proxy: InterposedProxy
) -> None:
    run = begin_window(stage, proxy)
    since = stage.sandbox.last_request()
    fill_disk(run, 0)
    run.signal(signal.SIGINT)
    wait_until(lambda: "isn't closed" in run.remarks, run)
    run.signal(signal.SIGINT)
    ended = run.wait()
    assert_clean_ending(ended, 4)
    assert "ALERT" in ended.stderr
    assert stage.privileged(since) == []
    assert stage.sandbox.root_user(CLEAN)["recovery_allowed"]
    later = stage.run("windows", "close", CLEAN, "--yes")
    assert later.status == 0, later.shown
    assert stage.is_bare(CLEAN)
    stage.assert_each_intent_has_one_outcome()


def test_p02_p11_a_window_can_be_closed_by_a_command_that_finds_the_ledger_unwritable(stage: Stage) -> None:
    opened = stage.run("recover", CLEAN, "--reason", "drill", "--leave-open", "--yes")
    assert opened.status == 0, opened.shown
    with read_only_files(stage) as how:
        closed = stage.run("windows", "close", CLEAN, "--yes", **how)
    assert_clean_ending(closed, 4)
    assert stage.is_bare(CLEAN), closed.shown
    assert [path.suffix for path in find_spills(stage)] == [".jsonl"]
    later = stage.run("windows", "close", CLEAN, "--yes")
    assert later.status == 0, later.shown
    assert find_spills(stage) == []
    assert stage.windows(CLEAN) == ["CLOSED_VERIFIED"]
    stage.assert_each_intent_has_one_outcome()


def find_spills(stage: Stage) -> list[Path]:
    """In both places that a spill may have."""
    return sorted(stage.folder.rglob("rootkeeper-spill-*"))
