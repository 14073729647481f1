"""What a running server notifies people of, and what it does by itself: real processes, real targets."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rootkeeper.ledger.database import open_database
from rootkeeper.worker.schedules import ScheduleKind, ScheduleStore, parse_schedules
from tests.fakes.notification_servers import Answer, Received, Receiver
from tests.functional.running import Program
from tests.functional.serving.stage import Stage
from tests.postgresql import PostgresqlServer
from tests.server_process import ServerProcess

SECRET = "canary-that-signs-webhooks"
FAR_HOUR = (datetime.now(ZoneInfo("Europe/Berlin")) + timedelta(hours=12)).hour
"""The schedule doesn't come due by itself while a test runs, or there would be one audit more."""
DAILY = f"0 {FAR_HOUR} * * * Europe/Berlin"
NOWHERE = "postgresql+psycopg://rootkeeper@127.0.0.1:1/rootkeeper"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver.start() as found:
        yield found


def surround(stage: Stage, receiver: Receiver, **changes: str) -> dict[str, str]:
    """A hook that receives everything, and a person on call who receives what is critical."""
    place = f"127.0.0.1:{receiver.port}"
    return stage.environment | {
        "ROOTKEEPER_NOTIFICATIONS_TARGETS": "hook info env:HOOK_URL, oncall critical env:ONCALL_URL",
        "ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS": place,
        "ROOTKEEPER_WINDOWS_EMERGENCY": "true",
        "HOOK_URL": f"webhook+http://{SECRET}@{place}/hook",
        "ONCALL_URL": f"webhook+http://{SECRET}@{place}/oncall",
        **changes,
    }


def reported(receiver: Receiver, path: str = "/hook") -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in receiver.received if one.path == path]


def events(receiver: Receiver, path: str = "/hook") -> list[str]:
    return [document["event"] for document in reported(receiver, path)]


def open_emergency(server: ServerProcess, stage: Stage) -> str:
    """By one person, without approval; the window's id."""
    stage.sandbox.put_root_user(stage.account_id, {})
    wanted = {"account": stage.account_id, "reason": "<!channel> all is down", "duration": "1h", "is_emergency": True}
    asked = server.ask("POST", "/api/v1/windows", wanted, name="ana")
    assert asked.status < 300, asked.body
    window_id = str(asked.body["window_id"])
    activated = server.ask("POST", f"/api/v1/windows/{window_id}/activate", name="ana")
    assert activated.status < 300, activated.body
    assert activated.body["state"] == "OPEN"
    return window_id


def test_an_emergency_is_reported_loudly_signed_and_reviewed_by_another_user(stage: Stage, receiver: Receiver) -> None:
    with ServerProcess.start(surround(stage, receiver)) as server:
        server.token("operator", "ana")
        server.token("approver", "ben")
        window_id = open_emergency(server, stage)
        server.wait_until(lambda: {"window:emergency:opened", "window:open:done"} <= set(events(receiver)), 60)
        server.wait_until(lambda: "window:emergency:opened" in events(receiver, "/oncall"), 60)
        assert "window:open:done" not in events(receiver, "/oncall")
        (emergency,) = [one for one in reported(receiver) if one["event"] == "window:emergency:opened"]
        assert (emergency["severity"], emergency["window_id"]) == ("critical", window_id)
        assert emergency["endpoint"].startswith("SANDBOX ")
        for received in receiver.received:
            ensure_signed(received)
        review = f"/api/v1/windows/{window_id}/review"
        assert server.ask("POST", review, name="ana").status in {403, 422}
        assert server.ask("POST", review, name="ben").body["reviewed_by"] == "ben"
        closed = server.ask("POST", f"/api/v1/windows/{window_id}/close", name="ana")
        assert closed.status < 300, closed.body
        server.wait_until(lambda: "window:close:done" in events(receiver), 60)
        assert SECRET not in server.stderr
    kept = [path.read_bytes() for path in stage.database.parent.iterdir() if path.is_file()]
    assert not [content for content in kept if SECRET.encode() in content]


def ensure_signed(received: Received) -> None:
    signed = received.headers["Rootkeeper-Timestamp"].encode() + b"." + received.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert received.headers["Rootkeeper-Signature"] == f"v1={expected}"


def test_a_target_that_hangs_or_fails_holds_nothing_up_and_is_reported(stage: Stage, receiver: Receiver) -> None:
    """The first time it hangs, until it is given up or all else is done."""
    over, hangs = threading.Event(), iter([True])

    def answer(received: Received) -> Answer:
        if received.path != "/oncall":
            return Answer()
        if next(hangs, False):
            over.wait(60)
        return Answer(500)

    receiver.answer = answer
    with ServerProcess.start(surround(stage, receiver)) as server:
        server.token("operator", "ana")
        window_id = open_emergency(server, stage)
        server.wait_until(lambda: "window:open:done" in events(receiver), 60)
        closed = server.ask("POST", f"/api/v1/windows/{window_id}/close", name="ana")
        assert closed.status < 300, closed.body
        server.wait_until(lambda: not stage.is_open(stage.account_id), 60)
        over.set()
        server.wait_until(lambda: "notification:deliver:failed" in events(receiver), 60)
        (failed, *_) = [one for one in reported(receiver) if one["event"] == "notification:deliver:failed"]
        assert failed["severity"] == "critical"
        assert "oncall" in failed["title"]
        listed = stage.program.run("notifications", "list", "-o", "json").json["deliveries"]
        (waiting,) = [one for one in listed if one["target"] == "oncall" and one["event"] == "window:emergency:opened"]
        assert waiting["attempts"] >= 2
        assert "HTTP status 500" in waiting["failure"]
        ready = server.ask("GET", "/readyz")
        assert ready.status == 200, ready.body
        assert "1 of 2 notification targets fail." in [one["explanation"] for one in ready.body["checks"]]


@contextmanager
def open_schedules(url: str) -> Iterator[tuple[ScheduleStore, str]]:
    """What is kept of runs, and the schedule's id."""
    (schedule,) = parse_schedules({ScheduleKind.AUDITS: [DAILY]})
    with open_database(url) as database:
        (organization_id,) = database.list_organization_ids()
        yield ScheduleStore(database.store, database.commits, organization_id), schedule.schedule_id


def is_known(url: str) -> bool:
    """Whether a server has seen the schedule: from then on a run can be missed."""
    with open_schedules(url) as (store, schedule_id):
        return store.find_last_run(schedule_id) is not None


def forget_three_days(url: str) -> None:
    """As if no server had run since."""
    with open_schedules(url) as (store, schedule_id):
        last = store.find_last_run(schedule_id)
        assert last is not None
        store.settle(schedule_id, last - timedelta(days=3), last)
        assert store.find_last_run(schedule_id) == last - timedelta(days=3)


def count_audits(program: Program) -> int:
    jobs = program.run("jobs", "list", "-o", "json").json["jobs"]
    return len([job for job in jobs if job["kind"] == "audit"])


def test_what_was_missed_is_made_up_for_once_and_reported(stage: Stage, receiver: Receiver) -> None:
    surroundings = surround(stage, receiver, ROOTKEEPER_SCHEDULES_AUDITS=DAILY)
    assert stage.program.run("audit").status in {0, 1}
    with ServerProcess.start(surroundings) as server:
        server.token("viewer", "ana")
        (listed,) = server.ask("GET", "/api/v1/schedules", name="ana").body["schedules"]
        assert (listed["kind"], listed["time_zone"]) == ("audits", "Europe/Berlin")
        server.wait_until(lambda: is_known(surroundings["ROOTKEEPER_DATABASE_URL"]))
        server.stop()
    assert count_audits(stage.program) == 1
    forget_three_days(stage.environment["ROOTKEEPER_DATABASE_URL"])
    with ServerProcess.start(surroundings) as server:
        server.wait_until(lambda: "schedule:run:missed" in events(receiver), 60)
        (missed,) = [one for one in reported(receiver) if one["event"] == "schedule:run:missed"]
        assert missed["title"] == "The scheduled audit was missed 3 times"
        server.wait_until(lambda: count_audits(stage.program) == 2, 60)
        time.sleep(3)
        server.stop()
    assert count_audits(stage.program) == 2


@pytest.mark.long
def test_over_all_workers_a_run_is_begun_once(stage: Stage, receiver: Receiver, postgresql: PostgresqlServer) -> None:
    url = postgresql.create_database()
    surroundings = surround(stage, receiver, ROOTKEEPER_SCHEDULES_AUDITS=DAILY, ROOTKEEPER_DATABASE_URL=url)
    program = Program(surroundings, stage.program.runner)
    assert program.run("audit").status in {0, 1}
    with ServerProcess.start(surroundings, "worker") as worker:
        worker.wait_until(lambda: is_known(url))
        worker.stop()
    forget_three_days(url)
    with ExitStack() as running:
        workers = [running.enter_context(ServerProcess.start(surroundings, "worker", waits=False)) for _ in range(3)]
        for worker in workers:
            worker.wait_ready()
        workers[0].wait_until(lambda: "schedule:run:missed" in events(receiver), 60)
        workers[0].wait_until(lambda: count_audits(program) == 2, 60)
        time.sleep(3)
        assert events(receiver).count("schedule:run:missed") == 1
        assert count_audits(program) == 2


@pytest.mark.long
def test_an_emergency_of_a_dead_command_is_imported_beside_a_server_which_closes_it(
    stage: Stage, receiver: Receiver, tmp_path: Path
) -> None:
    assert stage.program.run("audit").status in {0, 1}
    file = leave_emergency(stage, surround(stage, receiver, XDG_DATA_HOME=str(tmp_path / "home")), tmp_path / "home")
    assert stage.is_open(stage.account_id)
    surroundings = surround(stage, receiver)
    with ServerProcess.start(surroundings) as server:
        server.token("approver", "ben")
        imported = Program(surroundings, stage.program.runner).run("ledger", "import", file, "--yes", "-o", "json")
        assert imported.status == 0, imported.shown
        (window,) = imported.json["windows"]
        server.wait_until(lambda: not stage.is_open(stage.account_id), 60)
        server.wait_until(lambda: stage.windows()[0]["state"] == "CLOSED_VERIFIED", 60)
        server.wait_until(lambda: "window:emergency:opened" in events(receiver, "/oncall"), 60)
        reviewed = server.ask("POST", f"/api/v1/windows/{window['window_id']}/review", name="ben")
        assert reviewed.body["reviewed_by"] == "ben", reviewed.body
    assert stage.program.run("ledger", "verify").status == 0


def leave_emergency(stage: Stage, surroundings: dict[str, str], home: Path) -> Path:
    """A window whose command was killed while it waited; the file that it wrote."""
    stage.sandbox.put_root_user(stage.account_id, {})
    ask = ("recover", stage.account_id, "--emergency", "--reason", "All is down", "--for", "20s", "--yes")
    with subprocess.Popen(
        [sys.executable, "-m", "rootkeeper", *ask],
        env=dict(os.environ) | surroundings | {"ROOTKEEPER_DATABASE_URL": NOWHERE},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        end = time.monotonic() + 60
        while not stage.is_open(stage.account_id) and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    (file,) = (home / "rootkeeper").glob("emergency-*.db")
    return file
