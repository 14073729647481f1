"""The loop that begins what is due by a schedule, once over all workers, and makes up for what was missed.

A run is claimed in the database before it begins, and settled once that is durable. A process that dies in between
leaves a claim that ends by itself, and another one begins the run; each run has a name, so that what had begun all the
same isn't begun twice. A schedule that was never kept begins now, not in the past; one whose expression changes is
another schedule.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.domain.checks import Check, CheckVerdict
from rootkeeper.domain.drills import check_drills, find_drills
from rootkeeper.domain.notifications import USUAL_SEVERITIES, Notification, NotificationEvent
from rootkeeper.domain.organizations import AccountId, Endpoint, Inventory
from rootkeeper.domain.schedules import DueRuns, ScheduleKind, ScheduleStatus, plan_due_runs
from rootkeeper.errors import RootkeeperError
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.ledger import LedgerReader
from rootkeeper.ports.notifications import Notifier
from rootkeeper.ports.schedules import ScheduleStore
from rootkeeper.workflows.cron import CronExpression

_LOG = logging.getLogger(__name__)
_MOST_COUNTED = 100_000
"""Missed moments that are counted at a time; what is beyond is run in the next turn."""
_TRY_AGAIN_FOR = timedelta(minutes=10)
_NAMES = {
    ScheduleKind.AUDITS: "audit",
    ScheduleKind.DRIFT_CHECKS: "drift check",
    ScheduleKind.DRILL_REMINDERS: "drill reminder",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is done when."""

    kind: ScheduleKind
    expression: CronExpression

    @property
    def schedule_id(self) -> str:
        return f"{self.kind.value}-{self.expression.digest}"


def parse_schedules(texts: Mapping[ScheduleKind, Iterable[str]]) -> tuple[Schedule, ...]:
    """The settings ``schedules.*``; what is written twice is one.

    :raises SettingsError: if one can't be understood.
    """
    found = [Schedule(kind, CronExpression.parse(text)) for kind, written in texts.items() for text in written]
    return tuple(dict.fromkeys(found))


class ScheduleLoop:
    """Begins what is due; one turn is :meth:`tick`."""

    def __init__(
        self,
        schedules: Iterable[Schedule],
        store: ScheduleStore,
        starts: Mapping[ScheduleKind, Callable[[str], object]],
        notifier: Notifier,
        organization_id: str,
        endpoint: Endpoint,
    ) -> None:
        """:param starts: what begins a run of each kind, given the run's name, and returns once it is durable that it
        will be done; begun a second time under that name it does nothing.
        """
        self._schedules = tuple(schedules)
        self._store = store
        self._starts = starts
        self._notifier = notifier
        self._organization_id = organization_id
        self._endpoint = endpoint
        self._failing_since: dict[str, datetime] = {}
        """Schedules whose run couldn't be begun here, and since when."""

    def list_schedules(self, now: datetime) -> tuple[ScheduleStatus, ...]:
        """Every schedule, as it stands.

        :raises DatabaseError: if the database can't be read.
        """
        return tuple(self._describe(schedule, now) for schedule in self._schedules)

    def tick(self, now: datetime) -> int:
        """Begin what is due; how many runs were begun here.

        :raises DatabaseError: if the database can't be read or written.
        """
        return sum(self._keep(schedule, now) for schedule in self._schedules)

    def _describe(self, schedule: Schedule, now: datetime) -> ScheduleStatus:
        """Where it never ran, the store has the moment from which on it is kept, which its expression doesn't name."""
        last = self._store.find_last_run(schedule.schedule_id)
        return ScheduleStatus(
            schedule_id=schedule.schedule_id,
            kind=schedule.kind,
            expression=schedule.expression.fields,
            time_zone=schedule.expression.time_zone,
            last_run_at=last if last and schedule.expression.names(last) else None,
            next_run_at=schedule.expression.find_next(max(now, last) if last else now),
        )

    def _keep(self, schedule: Schedule, now: datetime) -> bool:
        last = self._store.find_last_run(schedule.schedule_id)
        if last is None:
            self._store.keep(schedule.schedule_id, now)
            return False
        due = plan_due_runs(schedule.expression.list_between(last, now, _MOST_COUNTED), now)
        if due is None or not self._store.claim(schedule.schedule_id, last, now):
            return False
        return self._begin(schedule, due, last, now)

    def _begin(self, schedule: Schedule, due: DueRuns, last: datetime, now: datetime) -> bool:
        try:
            self._starts[schedule.kind](f"{schedule.schedule_id}/{due.moment.isoformat()}")
        except RootkeeperError as error:
            self._put_off(schedule, due, last, now, error)
            return False
        self._failing_since.pop(schedule.schedule_id, None)
        if due.missed:
            self._notify_missed(schedule, due, now)
        self._store.settle(schedule.schedule_id, due.moment, last)
        return True

    def _put_off(self, schedule: Schedule, due: DueRuns, last: datetime, now: datetime, error: RootkeeperError) -> None:
        """A run that can't be begun is tried again for some minutes, once its claim ends; then it counts as failed."""
        name = _NAMES[schedule.kind]
        if now - self._failing_since.setdefault(schedule.schedule_id, now) < _TRY_AGAIN_FOR:
            _LOG.warning("The scheduled %s couldn't be begun, and is tried again: %s", name, error.message)
            return
        self._notify(
            NotificationEvent.JOB_FAILED,
            f"The scheduled {name} couldn't be begun",
            f"It was due at {due.moment:%Y-%m-%d %H:%M} UTC: {error.message} {error.hint or ''}".strip(),
            now,
            f"schedule-failed/{schedule.schedule_id}/{due.moment.isoformat()}",
        )
        del self._failing_since[schedule.schedule_id]
        self._store.settle(schedule.schedule_id, due.moment, last)

    def _notify_missed(self, schedule: Schedule, due: DueRuns, now: datetime) -> None:
        name, times = _NAMES[schedule.kind], "1 time" if due.missed == 1 else f"{due.missed} times"
        self._notify(
            NotificationEvent.SCHEDULE_MISSED,
            f"The scheduled {name} was missed {times}",
            f"No server began the {name} ({schedule.expression}) when it was due, the last time at "
            f"{due.moment:%Y-%m-%d %H:%M} UTC. It has begun now, once for all of them.",
            now,
            f"schedule-missed/{schedule.schedule_id}/{due.moment.isoformat()}",
        )

    def _notify(self, event: NotificationEvent, title: str, body: str, now: datetime, key: str) -> None:
        self._notifier.notify(
            Notification(
                event=event,
                severity=USUAL_SEVERITIES[event],
                title=title,
                body=body,
                at=now,
                organization_id=self._organization_id,
                endpoint=self._endpoint.label,
                deduplication_key=key,
            )
        )


@dataclass(frozen=True, slots=True)
class DrillReminder:
    """Tells people of drills that are due: of each failsafe, and of the management account."""

    inventories: InventoryStore
    ledger_reader: LedgerReader
    notifier: Notifier
    endpoint: Endpoint

    def remind(self, now: datetime) -> tuple[AccountId, ...]:
        """Judges what is recorded; no AWS call. At most one reminder a day for each account.

        :returns: the accounts whose drill is due; none before the first audit, since nobody knows them until then.
        :raises DatabaseError: if the database can't be read.
        """
        inventory = self.inventories.find_last()
        if inventory is None:
            return ()
        organization_id = inventory.organization.organization_id
        drills = find_drills(self.ledger_reader.list_entries(), organization_id, in_sandbox=self.endpoint.is_sandbox)
        evaluated = {account_id: check_drills(drills, now, account_id) for account_id in _list_access_paths(inventory)}
        due = {account_id: check for account_id, check in evaluated.items() if check.verdict is CheckVerdict.FAIL}
        for account_id, check in due.items():
            self._notify(inventory, account_id, check, now)
        return tuple(due)

    def _notify(self, inventory: Inventory, account_id: AccountId, check: Check, now: datetime) -> None:
        is_management = account_id == inventory.organization.management_account_id
        self.notifier.notify(
            Notification(
                event=NotificationEvent.DRILL_DUE,
                severity=USUAL_SEVERITIES[NotificationEvent.DRILL_DUE],
                title=f"A drill of {account_id} is due",
                body=f"This is the {'management account' if is_management else 'failsafe'}. {check.evidence} "
                f"{check.hint or ''}".strip(),
                at=now,
                organization_id=inventory.organization.organization_id,
                endpoint=self.endpoint.label,
                account_id=account_id,
                deduplication_key=f"drill-due/{account_id}/{now.date().isoformat()}",
            )
        )


def _list_access_paths(inventory: Inventory) -> tuple[AccountId, ...]:
    delegates = sorted(inventory.delegated_administrator_ids or ())
    return (*delegates, inventory.organization.management_account_id)
