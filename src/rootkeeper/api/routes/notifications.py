"""Notification targets, tried from where the server runs: that is where people are told from."""

from __future__ import annotations

from typing import Any

from rootkeeper.api.answers.server import TargetPage
from rootkeeper.api.guarding import Identified, Served
from rootkeeper.api.parameters import Body, ShortText, show_page
from rootkeeper.api.route_tables import change
from rootkeeper.domain.access import Permission
from rootkeeper.workflows.notification_testing import TargetTrial


class TrialBody(Body):
    """Which target; without a name, all of them."""

    target: ShortText | None = None


def try_targets(services: Served, identity: Identified, body: TrialBody | None = None) -> dict[str, Any]:
    """Send a test to notification targets, and tell what each made of it."""
    name = None if body is None else body.target
    with services.act_as(identity.to_actor(), None) as acting:
        testing = acting.make_notification_tester(services.organization_id, services.endpoint)
        trials = testing.test(name)
    return show_page("targets", [_describe(trial) for trial in trials], None)


def _describe(trial: TargetTrial) -> dict[str, Any]:
    return {
        "target": trial.target.name,
        "least_severity": trial.target.least.value,
        "result": "taken" if trial.failure is None else "failed",
        "failure": None if trial.failure is None else trial.failure.message,
        "hint": None if trial.failure is None else trial.failure.hint,
    }


ROWS = (change("/notifications/test", Permission.NOTIFICATIONS_TEST, try_targets, TargetPage),)
