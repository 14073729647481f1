"""Schedules: cron expressions with a time zone, and the loop that starts each due run once over all workers.

A run is claimed in the database before it begins, and settled once it is durable. If a process dies in between, its
claim ends by itself, and another process starts the run; a run has a name, so that it can't begin twice. A new schedule
begins now, not in the past; a schedule with a changed expression is a new schedule. Missed runs are replaced by a
single run.

Days on which the clock changes follow Debian's cron: a local time that doesn't exist comes right after the gap, and a
local time that exists twice comes once. All moments are UTC.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Self
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, insert, select, update

from rootkeeper.database import schema
from rootkeeper.database.engines import reading
from rootkeeper.errors import RootkeeperError, SettingsError
from rootkeeper.failsafe.rules import CheckVerdict, check_drills, find_drills
from rootkeeper.installation import require_extra
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction
from rootkeeper.notifications.rules import USUAL_SEVERITIES, Notification, NotificationEvent
from rootkeeper.notifications.service import Notifier
from rootkeeper.organization.accounts import AccountId, Endpoint

ON_TIME = timedelta(seconds=60)
"""A run that begins this late wasn't missed."""

CLAIM = timedelta(seconds=30)
"""If the process that claimed a run hasn't begun it by then, another process begins it, or it is tried again."""


class ScheduleKind(StrEnum):
    """What a schedule starts; each value is the name of a setting, such as ``schedules.audits``."""

    AUDITS = "audits"
    DETAILED_AUDITS = "detailed_audits"
    DRIFT_CHECKS = "drift_checks"
    DRILL_REMINDERS = "drill_reminders"
    REPORTS = "reports"


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """A schedule, its last and its next run."""

    schedule_id: str
    kind: ScheduleKind
    expression: str
    """In cron's words."""
    time_zone: str
    last_run_at: datetime | None
    """The moment for which it ran last."""
    next_run_at: datetime


@dataclass(frozen=True, slots=True)
class DueRuns:
    """The run to start for the times that have passed."""

    moment: datetime
    """The latest of them."""
    missed: int
    """How many times were missed, those included that this run replaces."""


def is_claimed(claimed_at: datetime, last_run_at: datetime, now: datetime) -> bool:
    """Whether a process is about to begin a run. A claim in the future, from before a clock was set back, is none."""
    return claimed_at > last_run_at and abs(now - claimed_at) < CLAIM


def plan_due_runs(moments: Sequence[datetime], now: datetime) -> DueRuns | None:
    """Plan one run for all times that have passed, however long no server ran; ``None`` if there are none.

    :param moments: the scheduled times since the last run, in order.
    """
    if not moments:
        return None
    latest = moments[-1]
    is_late = now - latest > ON_TIME
    return DueRuns(latest, len(moments) if is_late else len(moments) - 1)


_FIELDS = 5
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_HINT = "Write minute, hour, day, month, weekday and time zone, such as: 0 6 * * * Europe/Berlin"


@dataclass(frozen=True, slots=True)
class CronExpression:
    """Five fields and a time zone."""

    fields: str
    time_zone: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """:raises SettingsError: if it is invalid, its time zone is unknown, or it never comes.

        :raises ExtraMissingError: if the extra that reads cron expressions isn't installed.
        """
        require_extra("server", "A schedule")
        from cronsim import CronSimError  # of the extra; the command line alone reads settings without schedules

        parts = text.split()
        if len(parts) != _FIELDS + 1:
            raise SettingsError(f"The schedule {text!r} isn't five fields and a time zone.", hint=_HINT)
        time_zone = parts[_FIELDS]
        expression = cls(" ".join(parts[:_FIELDS]).upper(), time_zone)
        try:
            expression.find_next(_ANY_DAY)
        except (CronSimError, StopIteration) as error:
            reason = str(error) or "its day never comes"
            raise SettingsError(f"The schedule {text!r} is invalid: {reason}.", hint=_HINT) from error
        except (KeyError, ValueError, OSError) as error:
            raise SettingsError(
                f"The schedule {text!r} has an unknown time zone, {time_zone!r}.",
                hint="Use a name from the time zone database, such as Europe/Berlin, or UTC.",
            ) from error
        return expression

    def __str__(self) -> str:
        return f"{self.fields} {self.time_zone}"

    @property
    def digest(self) -> str:
        return hashlib.sha256(str(self).encode()).hexdigest()[:16]

    def names(self, moment: datetime) -> bool:
        return moment in self.list_between(moment - timedelta(minutes=1), moment, 1)

    def find_next(self, after: datetime) -> datetime:
        return next(self._list_after(after))

    def list_between(self, after: datetime, until: datetime, limit: int) -> tuple[datetime, ...]:
        """Return matching times after ``after`` up to and including ``until``, in order, at most ``limit``."""
        found = []
        for moment in islice(self._list_after(after), limit):
            if moment > until:
                break
            found.append(moment)
        return tuple(found)

    def _list_after(self, after: datetime) -> Iterator[datetime]:
        """A local time that exists twice comes twice from CronSim; the second is left out."""
        from cronsim import CronSim

        last = after
        for local in CronSim(self.fields, after.astimezone(ZoneInfo(self.time_zone))):
            moment = local.astimezone(UTC)
            if moment > last:
                last = moment
                yield moment


_LOG = logging.getLogger(__name__)

_MOST_COUNTED = 100_000
"""Missed times that are counted in a turn; the next turn counts the rest."""

_TRY_AGAIN_FOR = timedelta(minutes=10)

_NAMES = {
    ScheduleKind.AUDITS: "audit",
    ScheduleKind.DETAILED_AUDITS: "detailed audit",
    ScheduleKind.DRIFT_CHECKS: "drift check",
    ScheduleKind.DRILL_REMINDERS: "drill reminder",
    ScheduleKind.REPORTS: "report",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """The work that is started, and its times."""

    kind: ScheduleKind
    expression: CronExpression

    @property
    def schedule_id(self) -> str:
        return f"{self.kind.value}-{self.expression.digest}"


parse_expression = lru_cache(maxsize=256)(CronExpression.parse)
"""Keeps parsed expressions: schedules are read each second, and parsing an expression looks for its next time."""


def parse_schedules(texts: Mapping[ScheduleKind, Iterable[str]]) -> tuple[Schedule, ...]:
    """Parse the settings ``schedules.*``; duplicates count once.

    :raises SettingsError: if a schedule is invalid.
    """
    found = [Schedule(kind, parse_expression(text)) for kind, written in texts.items() for text in written]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class ScheduleLoop:
    """Starts due runs in each :meth:`tick`."""

    find_schedules: Callable[[], Sequence[Schedule]]
    """Those that hold now; called in each turn, because they can be changed."""
    store: ScheduleStore
    starts: Mapping[ScheduleKind, Callable[[str], object]]
    """By kind: starts a run of that name, durable when it returns; harmless when repeated."""
    notifier: Notifier
    organization_id: str
    endpoint: Endpoint
    _failing_since: dict[str, datetime] = field(default_factory=dict)
    """Schedules with a run that couldn't be started here, and since when."""

    def list_schedules(self, now: datetime) -> tuple[ScheduleStatus, ...]:
        """:raises DatabaseError: if the database can't be read."""
        listed = []
        for schedule in self.find_schedules():
            # Before the first run this is the time at which the schedule was added, which no expression matches.
            last = self.store.find_last_run(schedule.schedule_id)
            listed.append(
                ScheduleStatus(
                    schedule_id=schedule.schedule_id,
                    kind=schedule.kind,
                    expression=schedule.expression.fields,
                    time_zone=schedule.expression.time_zone,
                    last_run_at=last if last and schedule.expression.names(last) else None,
                    next_run_at=schedule.expression.find_next(max(now, last) if last else now),
                )
            )
        return tuple(listed)

    def tick(self, now: datetime) -> int:
        """Start due runs; return how many were started here."""
        return sum(self._keep(schedule, now) for schedule in self.find_schedules())

    def _keep(self, schedule: Schedule, now: datetime) -> bool:
        last = self.store.find_last_run(schedule.schedule_id)
        if last is None:
            self.store.keep(schedule.schedule_id, now)
            return False
        due = plan_due_runs(schedule.expression.list_between(last, now, _MOST_COUNTED), now)
        if due is None or not self.store.claim(schedule.schedule_id, last, now):
            return False
        try:
            self.starts[schedule.kind](f"{schedule.schedule_id}/{due.moment.isoformat()}")
        except RootkeeperError as error:
            self._put_off(schedule, due, last, now, error)
            return False
        self._failing_since.pop(schedule.schedule_id, None)
        if due.missed:
            name, times = _NAMES[schedule.kind], "1 time" if due.missed == 1 else f"{due.missed} times"
            self._notify(
                NotificationEvent.SCHEDULE_MISSED,
                f"The scheduled {name} was missed {times}",
                f"No server started the {name} ({schedule.expression}) when it was due, the last time at "
                f"{due.moment:%Y-%m-%d %H:%M} UTC. One run has started now and replaces all of them.",
                now,
                f"schedule-missed/{schedule.schedule_id}/{due.moment.isoformat()}",
            )
        self.store.settle(schedule.schedule_id, due.moment, last)
        return True

    def _put_off(self, schedule: Schedule, due: DueRuns, last: datetime, now: datetime, error: RootkeeperError) -> None:
        """Try a run that can't be started again for some minutes, each time its claim ends; then it has failed."""
        name = _NAMES[schedule.kind]
        if now - self._failing_since.setdefault(schedule.schedule_id, now) < _TRY_AGAIN_FOR:
            _LOG.warning("The scheduled %s couldn't be started. Trying again: %s", name, error.message)
            return
        self._notify(
            NotificationEvent.JOB_FAILED,
            f"The scheduled {name} couldn't be started",
            f"It was due at {due.moment:%Y-%m-%d %H:%M} UTC: {error.message} {error.hint or ''}".strip(),
            now,
            f"schedule-failed/{schedule.schedule_id}/{due.moment.isoformat()}",
        )
        del self._failing_since[schedule.schedule_id]
        self.store.settle(schedule.schedule_id, due.moment, last)

    def _notify(self, event: NotificationEvent, title: str, body: str, now: datetime, key: str) -> None:
        self.notifier.notify(
            Notification(
                event=event,
                severity=USUAL_SEVERITIES[event],
                title=title,
                body=body,
                at=now,
                organization_id=self.organization_id,
                endpoint=self.endpoint.label,
                deduplication_key=key,
            )
        )


@dataclass(frozen=True, slots=True)
class DrillReminder:
    """Notifies of due drills of each failsafe and of the management account."""

    inventories: InventoryStore
    ledger_reader: LedgerReader
    notifier: Notifier
    endpoint: Endpoint

    def remind(self, now: datetime) -> tuple[AccountId, ...]:
        """Check the recorded drills, without an AWS call, and send at most one reminder a day for each account.

        :returns: the accounts with a due drill; none before the first audit, because they are unknown until then.
        :raises DatabaseError: if the database can't be read.
        """
        inventory = self.inventories.find_last()
        if inventory is None:
            return ()
        organization_id = inventory.organization.organization_id
        drills = find_drills(self.ledger_reader.list_entries(), organization_id, in_sandbox=self.endpoint.is_sandbox)
        management = inventory.organization.management_account_id
        paths = (*sorted(inventory.delegated_administrator_ids or ()), management)
        evaluated = {account_id: check_drills(drills, now, account_id) for account_id in paths}
        due = {account_id: check for account_id, check in evaluated.items() if check.verdict is CheckVerdict.FAIL}
        for account_id, check in due.items():
            role = "management account" if account_id == management else "failsafe"
            self.notifier.notify(
                Notification(
                    event=NotificationEvent.DRILL_DUE,
                    severity=USUAL_SEVERITIES[NotificationEvent.DRILL_DUE],
                    title=f"A drill of {account_id} is due",
                    body=f"This is the {role}. {check.evidence} {check.hint or ''}".strip(),
                    at=now,
                    organization_id=organization_id,
                    endpoint=self.endpoint.label,
                    account_id=account_id,
                    deduplication_key=f"drill-due/{account_id}/{now.date().isoformat()}",
                )
            )
        return tuple(due)


_runs = schema.schedule_runs.c


class ScheduleStore(OrganizationStore):
    """The schedules of an organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def keep(self, schedule_id: str, since: datetime) -> None:
        """Add a schedule that begins at that time; does nothing if it exists."""
        row = {
            "organization_id": self._organization_id,
            "schedule_id": schedule_id,
            "last_run_at": since,
            "claimed_at": since,
        }

        def work(transaction: WriteTransaction) -> None:
            if transaction.connection.execute(select(_runs.schedule_id).where(self._is(schedule_id))).first() is None:
                transaction.connection.execute(insert(schema.schedule_runs).values(row))

        self._commits.run(work)

    def find_last_run(self, schedule_id: str) -> datetime | None:
        """The scheduled time of its last run, or the time at which it was added."""
        with reading(self._store) as connection:
            statement = select(_runs.last_run_at).where(self._is(schedule_id))
            found: datetime | None = connection.execute(statement).scalar_one_or_none()
            return found

    def claim(self, schedule_id: str, last_run_at: datetime, now: datetime) -> bool:
        """Claim the due run; ``False`` if another process has claimed or done it.

        A claim ends by itself after ``CLAIM``, so that the run of a process that died before ``settle`` is claimed
        again.
        """
        own = self._is(schedule_id) & (_runs.last_run_at == last_run_at)

        def work(transaction: WriteTransaction) -> bool:
            claimed_at = transaction.connection.execute(select(_runs.claimed_at).where(own)).scalar_one_or_none()
            if claimed_at is None or is_claimed(claimed_at, last_run_at, now):
                return False
            transaction.connection.execute(update(schema.schedule_runs).where(own).values(claimed_at=now))
            return True

        return self._commits.run(work)

    def settle(self, schedule_id: str, due_at: datetime, last_run_at: datetime) -> None:
        """Record that the run of ``due_at`` has begun or is given up; does nothing if another process recorded it."""
        statement = (
            update(schema.schedule_runs)
            .where(self._is(schedule_id), _runs.last_run_at == last_run_at)
            .values(last_run_at=due_at, claimed_at=due_at)
        )
        self._execute(statement)

    def _is(self, schedule_id: str) -> ColumnElement[bool]:
        return (_runs.organization_id == self._organization_id) & (_runs.schedule_id == schedule_id)
