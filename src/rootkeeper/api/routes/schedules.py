"""What the server does by itself at certain times."""

from __future__ import annotations

from typing import Any

from rootkeeper.api.answers.server import SchedulePage
from rootkeeper.api.guarding import Served
from rootkeeper.api.parameters import show_page
from rootkeeper.api.route_tables import read
from rootkeeper.domain.access import Permission
from rootkeeper.domain.plan_files import render_instant
from rootkeeper.domain.schedules import ScheduleStatus


def list_schedules(services: Served) -> dict[str, Any]:
    """List schedules with their last and next run. They are changed in the settings."""
    return show_page("schedules", [_describe(schedule) for schedule in services.list_schedules()], None)


def _describe(schedule: ScheduleStatus) -> dict[str, Any]:
    last = schedule.last_run_at
    return {
        "schedule_id": schedule.schedule_id,
        "kind": schedule.kind.value,
        "expression": schedule.expression,
        "time_zone": schedule.time_zone,
        "last_run_at": None if last is None else render_instant(last),
        "next_run_at": render_instant(schedule.next_run_at),
    }


ROWS = (read("/schedules", Permission.SCHEDULES_READ, list_schedules, SchedulePage),)
