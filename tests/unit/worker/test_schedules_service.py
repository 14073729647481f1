"""What a server does by itself: at its time, once over all workers, and made up for when no server ran."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.errors import DatabaseError, SettingsError
from rootkeeper.notifications.rules import NotificationEvent
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.worker.schedules import DrillReminder, ScheduleKind, ScheduleLoop, parse_schedules
from tests.fakes.breakglass_desk import FAILSAFE, BreakGlassDesk
from tests.fakes.notifications import InMemorySchedules, RecordingNotifier
from tests.fakes.organization import MANAGEMENT
from tests.fakes.stores import InMemoryInventory

DAILY = "0 6 * * * Europe/Berlin"
MONDAY = datetime(2026, 1, 12, 12, 0, tzinfo=UTC)
ENDPOINT = Endpoint("SANDBOX 127.0.0.1:4599")


class KilledError(Exception):
    """The process ends here."""


class DyingSchedules(InMemorySchedules):
    """The process ends after a run has begun, and before that is written down."""

    def settle(self, schedule_id: str, due_at: datetime, last_run_at: datetime) -> None:
        raise KilledError


@dataclass
class Server:
    """A worker; several may share a store."""

    store: InMemorySchedules = field(default_factory=InMemorySchedules)
    notifier: RecordingNotifier = field(default_factory=RecordingNotifier)
    begun: list[datetime] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    """Names of those that had begun, over all workers."""
    fails: bool = False
    dies: bool = False

    def make(self, *texts: str, kind: ScheduleKind = ScheduleKind.AUDITS) -> ScheduleLoop:
        starts: dict[ScheduleKind, Callable[[str], object]] = dict.fromkeys(ScheduleKind, self.begin)
        schedules = parse_schedules({kind: texts or (DAILY,)})
        return ScheduleLoop(lambda: schedules, self.store, starts, self.notifier, "o-exampleorgid", ENDPOINT)

    def begin(self, name: str) -> None:
        if self.dies:
            raise KilledError
        if self.fails:
            raise DatabaseError("The database can't be written.", hint="Free some space.")
        if name not in self.runs:
            self.begun.append(self.now)
            self.runs.add(name)

    def run(self, loop: ScheduleLoop, begin: datetime, end: datetime, step: timedelta = timedelta(seconds=30)) -> None:
        self.now = begin
        while self.now <= end:
            loop.tick(self.now)
            self.now += step

    def missed(self) -> list[str]:
        return [one.title for one in self.notifier.notifications if one.event is NotificationEvent.SCHEDULE_MISSED]


def test_a_fresh_schedule_begins_now_and_not_in_the_past() -> None:
    server = Server()
    server.run(server.make(), MONDAY, MONDAY + timedelta(hours=16))
    assert server.begun == []


def test_it_runs_once_at_each_of_its_times() -> None:
    server = Server()
    server.run(server.make(), MONDAY, MONDAY + timedelta(days=3))
    assert server.begun == [datetime(2026, 1, day, 5, 0, tzinfo=UTC) for day in (13, 14, 15)]
    assert server.missed() == []


def test_over_all_workers_each_run_is_begun_once() -> None:
    servers = [Server() for _ in range(3)]
    for server in servers:
        server.store = servers[0].store
    loops = [server.make() for server in servers]
    now = MONDAY
    while now < MONDAY + timedelta(days=2):
        for server, loop in zip(servers, loops, strict=True):
            server.now = now
            loop.tick(now)
        now += timedelta(seconds=30)
    assert sum(len(server.begun) for server in servers) == 2


DUE = datetime(2026, 1, 13, 5, 0, tzinfo=UTC)


def test_the_run_of_a_worker_that_died_before_it_began_is_begun_by_another_within_the_minute() -> None:
    dead = Server(dies=True)
    dead.run(dead.make(), MONDAY, MONDAY)
    with pytest.raises(KilledError):
        dead.run(dead.make(), DUE, DUE)
    other = Server(dead.store)
    other.run(other.make(), DUE, DUE + timedelta(hours=1), timedelta(seconds=1))
    assert len(other.begun) == 1
    assert other.begun[0] - DUE <= timedelta(seconds=30)
    assert other.missed() == []


def test_the_run_of_a_worker_that_died_after_it_began_is_not_begun_twice() -> None:
    dead = Server(DyingSchedules())
    dead.run(dead.make(), MONDAY, MONDAY)
    with pytest.raises(KilledError):
        dead.run(dead.make(), DUE, DUE)
    assert dead.begun == [DUE]
    other = Server(InMemorySchedules(), runs=dead.runs)
    other.store.__dict__.update(dead.store.__dict__)
    other.run(loop := other.make(), DUE, DUE + timedelta(hours=1))
    assert other.begun == []
    assert other.store.runs == {loop.list_schedules(DUE)[0].schedule_id: DUE}


def test_a_worker_that_was_stopped_before_it_began_a_run_and_wakes_begins_nothing_twice() -> None:
    stopped, other = Server(), Server()
    other.store, other.runs = stopped.store, stopped.runs
    stopped.run(stopped.make(), MONDAY, MONDAY)

    def wake(name: str) -> None:
        other.run(other.make(), DUE + timedelta(minutes=1), DUE + timedelta(minutes=1))
        Server.begin(stopped, name)

    starts: dict[ScheduleKind, Callable[[str], object]] = {ScheduleKind.AUDITS: wake}
    schedules = parse_schedules({ScheduleKind.AUDITS: (DAILY,)})
    loop = ScheduleLoop(lambda: schedules, stopped.store, starts, stopped.notifier, "o-exampleorgid", ENDPOINT)
    stopped.run(loop, DUE, DUE + timedelta(hours=1))
    assert (len(other.begun), stopped.begun) == (1, [])


def test_what_was_missed_and_cant_be_made_up_for_at_once_is_tried_again() -> None:
    server = Server()
    server.run(server.make(), MONDAY, MONDAY)
    server.fails, loop = True, server.make()
    back = MONDAY + timedelta(days=4)
    server.run(loop, back, back + timedelta(minutes=2))
    server.fails = False
    server.run(loop, back + timedelta(minutes=2), back + timedelta(minutes=4))
    assert len(server.begun) == 1
    assert server.missed() == ["The scheduled audit was missed 4 times"]


def test_what_was_missed_while_no_server_ran_is_made_up_for_once_and_reported() -> None:
    server = Server()
    server.run(server.make(), MONDAY, MONDAY + timedelta(hours=1))
    server.run(server.make(), MONDAY + timedelta(days=4), MONDAY + timedelta(days=4, hours=1))
    assert server.begun == [MONDAY + timedelta(days=4)]
    assert server.missed() == ["The scheduled audit was missed 4 times"]
    (reported,) = server.notifier.notifications
    assert (reported.organization_id, reported.endpoint) == ("o-exampleorgid", "SANDBOX 127.0.0.1:4599")
    assert "2026-01-16 05:00 UTC" in reported.body


def test_a_clock_that_jumps_back_repeats_nothing() -> None:
    server = Server()
    loop = server.make()
    server.run(loop, MONDAY, MONDAY + timedelta(hours=17, minutes=30))
    assert len(server.begun) == 1
    server.run(loop, MONDAY + timedelta(hours=10), MONDAY + timedelta(hours=20))
    assert len(server.begun) == 1
    server.run(loop, MONDAY + timedelta(hours=20), MONDAY + timedelta(days=2))
    assert len(server.begun) == 2


def test_a_clock_that_jumps_ahead_counts_as_time_without_a_server() -> None:
    server = Server()
    loop = server.make()
    server.run(loop, MONDAY, MONDAY)
    server.run(loop, MONDAY + timedelta(days=30), MONDAY + timedelta(days=30, hours=1))
    assert len(server.begun) == 1
    assert server.missed() == ["The scheduled audit was missed 30 times"]


def test_clocks_that_go_forward_or_back_let_a_day_have_one_run() -> None:
    for day in (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)):
        server = Server()
        server.run(server.make("30 2 * * * Europe/Berlin"), day + timedelta(hours=12), day + timedelta(hours=36))
        assert len(server.begun) == 1
        assert server.missed() == []


def test_another_expression_is_another_schedule_that_begins_again() -> None:
    server = Server()
    server.run(server.make(), MONDAY, MONDAY)
    server.run(server.make("0 7 * * * UTC"), MONDAY + timedelta(days=5), MONDAY + timedelta(days=5))
    assert server.begun == []


def test_a_run_that_cant_be_begun_is_tried_again_for_some_minutes() -> None:
    server = Server(fails=True)
    loop = server.make()
    due = datetime(2026, 1, 13, 5, 0, tzinfo=UTC)
    server.run(loop, MONDAY, due + timedelta(minutes=3))
    server.fails = False
    server.run(loop, due + timedelta(minutes=3), due + timedelta(minutes=5))
    assert len(server.begun) == 1
    assert server.store.runs == {loop.list_schedules(due)[0].schedule_id: due}


def test_a_run_that_cant_be_begun_at_all_is_reported() -> None:
    server = Server(fails=True)
    server.run(server.make(), MONDAY, MONDAY + timedelta(hours=18))
    assert server.begun == []
    (reported,) = server.notifier.notifications
    assert reported.event is NotificationEvent.JOB_FAILED
    assert "The database can't be written. Free some space." in reported.body


def test_the_list_says_when_each_ran_and_runs_next() -> None:
    server = Server()
    loop = server.make(DAILY, "0 7 * * mon UTC", kind=ScheduleKind.DRIFT_CHECKS)
    daily, weekly = loop.list_schedules(MONDAY)
    assert (daily.kind, daily.expression, daily.time_zone) == (ScheduleKind.DRIFT_CHECKS, "0 6 * * *", "Europe/Berlin")
    assert (daily.last_run_at, daily.next_run_at) == (None, datetime(2026, 1, 13, 5, 0, tzinfo=UTC))
    assert weekly.next_run_at == datetime(2026, 1, 19, 7, 0, tzinfo=UTC)
    since = MONDAY + timedelta(minutes=1, microseconds=5)
    loop.tick(since)
    assert loop.list_schedules(since)[0].last_run_at is None, "it is kept, and never ran"
    server.run(loop, MONDAY, MONDAY + timedelta(days=1))
    assert loop.list_schedules(MONDAY + timedelta(days=1))[0].last_run_at == datetime(2026, 1, 13, 5, 0, tzinfo=UTC)


def test_what_is_written_twice_is_one_and_what_cant_be_understood_is_refused_at_the_start() -> None:
    assert len(parse_schedules({ScheduleKind.AUDITS: [DAILY, DAILY], ScheduleKind.DRIFT_CHECKS: [DAILY]})) == 2
    with pytest.raises(SettingsError):
        parse_schedules({ScheduleKind.AUDITS: ["every day"]})


def remind(desk: BreakGlassDesk, notifier: RecordingNotifier, *, has_inventory: bool = True) -> DrillReminder:
    store = InMemoryInventory()
    if has_inventory:
        store.save(desk.desk.read_inventory())
    return DrillReminder(store, desk.desk.ledger, notifier, ENDPOINT)


def test_drills_that_are_due_are_reported_for_each_way_in() -> None:
    desk, notifier = BreakGlassDesk(), RecordingNotifier()
    assert remind(desk, notifier).remind(desk.now) == (FAILSAFE, MANAGEMENT)
    failsafe, management = notifier.notifications
    assert (failsafe.event, failsafe.account_id) == (NotificationEvent.DRILL_DUE, FAILSAFE)
    assert "failsafe" in failsafe.body
    assert "then record the drill" in failsafe.body
    assert "management account" in management.body
    assert failsafe.deduplication_key == f"drill-due/{FAILSAFE}/{desk.now.date()}"


def test_a_recent_drill_needs_no_reminder_and_an_old_one_does() -> None:
    desk, notifier = BreakGlassDesk(), RecordingNotifier()
    desk.record_drill(3)
    assert remind(desk, notifier).remind(desk.now) == (MANAGEMENT,)
    assert remind(desk, notifier).remind(desk.now + timedelta(days=91)) == (FAILSAFE, MANAGEMENT)


def test_before_the_first_audit_no_one_is_reminded() -> None:
    desk, notifier = BreakGlassDesk(), RecordingNotifier()
    assert remind(desk, notifier, has_inventory=False).remind(desk.now) == ()
    assert notifier.notifications == []
