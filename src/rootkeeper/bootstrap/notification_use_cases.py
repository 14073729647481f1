"""Notifications and schedules, put together: for a server, and for the commands that look at them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rootkeeper.bootstrap.adapters import Adapters
from rootkeeper.domain.notification_targets import NotificationTarget, parse_allowed_hosts, parse_targets
from rootkeeper.domain.organizations import Endpoint
from rootkeeper.domain.schedules import ScheduleKind
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.notifications import NotificationSender, Notifier
from rootkeeper.settings import Settings

if TYPE_CHECKING:
    from rootkeeper.storage.database import Database
    from rootkeeper.workflows.notification_testing import NotificationTester
    from rootkeeper.workflows.notifying import DeliveryLoop, Outbox
    from rootkeeper.workflows.schedules import DrillReminder, Schedule, ScheduleLoop

_UNKNOWN_ORGANIZATION = "not known yet"


def make_notification_id() -> str:
    """``n-…``."""
    return f"n-{secrets.token_hex(8)}"


def read_targets(settings: Settings) -> tuple[NotificationTarget, ...]:
    """The targets of the settings, and a look at the hosts that are allowed: both are checked at the start.

    :raises SettingsError: if one can't be understood.
    """
    parse_allowed_hosts(settings.notifications.allowed_hosts)
    return parse_targets(settings.notifications.targets)


def read_schedules(settings: Settings) -> tuple[Schedule, ...]:
    """The schedules of the settings.

    :raises SettingsError: if one can't be understood.
    """
    from rootkeeper.workflows.schedules import parse_schedules

    own = settings.schedules
    return parse_schedules(
        {
            ScheduleKind.AUDITS: own.audits,
            ScheduleKind.DRIFT_CHECKS: own.drift_checks,
            ScheduleKind.DRILL_REMINDERS: own.drill_reminders,
        }
    )


def make_sender(settings: Settings, clock: Clock) -> NotificationSender:
    """What sends, by the rules of the settings; URLs are read from this process's environment, or from files."""
    from rootkeeper.notifications.sender import TargetSender
    from rootkeeper.workflows.notifying import LONGEST_SEND_SECONDS

    allowed = parse_allowed_hosts(settings.notifications.allowed_hosts)
    return TargetSender(allowed, os.environ, clock, LONGEST_SEND_SECONDS)


@dataclass(frozen=True, slots=True)
class NotificationServices:
    """What a server or worker has for notifications."""

    outbox: Outbox
    """Implements Notifier."""
    delivery_loop: DeliveryLoop
    """To be turned every second; at the end wait for it: ``wait_idle``."""


def make_notification_services(
    settings: Settings,
    database: Database,
    organization_id: str,
    endpoint: Endpoint,
    clock: Clock,
    warn: Callable[[str], None],
) -> NotificationServices:
    """:raises SettingsError: if a target or an allowed host can't be understood."""
    from rootkeeper.workflows.notifying import DeliveryLoop, Outbox

    store = database.notifications(organization_id)
    outbox = Outbox(store, read_targets(settings), clock, make_notification_id, warn)
    loop = DeliveryLoop(outbox, store, make_sender(settings, clock), clock, organization_id, endpoint)
    return NotificationServices(outbox, loop)


def make_schedule_loop(
    settings: Settings,
    database: Database,
    organization_id: str,
    endpoint: Endpoint,
    notifier: Notifier,
    starts: Mapping[ScheduleKind, Callable[[str], object]],
) -> ScheduleLoop:
    """To be turned every second.

    :param starts: what begins an audit of everything, a drift check and a drill reminder; given the run's name.
    :raises SettingsError: if a schedule can't be understood.
    """
    from rootkeeper.workflows.schedules import ScheduleLoop

    store = database.schedules(organization_id)
    return ScheduleLoop(read_schedules(settings), store, starts, notifier, organization_id, endpoint)


class NotificationUseCases(Adapters):
    """What can be done about notifications, and reminders."""

    @property
    def drill_reminder(self) -> DrillReminder:
        from rootkeeper.workflows.schedules import DrillReminder

        return DrillReminder(self.inventory_store, self.ledger_reader, self.notifier, self.endpoint)

    @property
    def notification_tester(self) -> NotificationTester:
        """Needs neither AWS nor a database: which organization it is doesn't matter to a test.

        :raises SettingsError: if a target or an allowed host can't be understood.
        """
        return self.make_notification_tester(_UNKNOWN_ORGANIZATION, Endpoint("AWS"))

    def make_notification_tester(self, organization_id: str, endpoint: Endpoint) -> NotificationTester:
        """The same, for an organization that is known."""
        from rootkeeper.workflows.notification_testing import NotificationTester

        return NotificationTester(
            read_targets(self.settings),
            make_sender(self.settings, self.clock),
            self.clock,
            make_notification_id,
            organization_id,
            endpoint,
        )
