"""What this server permits, and for how long it keeps things: its settings, of which nothing is secret here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rootkeeper.api.answers.server import PolicyAnswer
from rootkeeper.api.guarding import Served
from rootkeeper.api.parameters import show_one
from rootkeeper.api.route_tables import read
from rootkeeper.domain.access import Permission
from rootkeeper.domain.durations import render_duration


def show_policy(services: Served) -> dict[str, Any]:
    """Show the settings about windows, deletion and retention, and the names of notification targets.

    They are changed in the settings file alone.
    """
    settings = services.settings
    windows = settings.windows
    return show_one(
        {
            "windows": {
                "longest_seconds": _count(windows.longest),
                "approvals": windows.approvals,
                "approval_valid_seconds": _count(windows.approval_valid),
                "requesters": list(windows.requesters),
                "approvers": list(windows.approvers),
                "emergency": windows.emergency,
                "read_again_after": [render_duration(length) for length in windows.rereads],
            },
            "deletion": {
                "recently_used_days": settings.deletion.recently_used_days,
                "never_changed_policies": list(settings.unlock.protect),
            },
            "retention": {"audits_seconds": _count(settings.history.keep)},
            "notification_targets": [text.split()[0] for text in settings.notifications.targets if text.split()],
        }
    )


def _count(length: timedelta) -> int:
    return int(length.total_seconds())


ROWS = (read("/policy", Permission.SETTINGS_READ, show_policy, PolicyAnswer),)
