"""Routes of the server itself: health, metrics, settings, schedules and notifications."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Query
from pydantic import Field, StrictInt
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from typing_extensions import TypedDict

from rootkeeper.access.rules import Permission
from rootkeeper.notifications.records import (
    NotificationDeliveriesDocument,
    NotificationDeliveryRecord,
    NotificationTargetsDocument,
    TargetRecord,
    TargetTestRecord,
)
from rootkeeper.notifications.rules import LOOKED_BACK, DeliveryState, parse_targets
from rootkeeper.server.documents import DescriptionFile, Row, change, read
from rootkeeper.server.guards import AccessRequirement, Identified, Served, comes_from_here
from rootkeeper.server.metrics import ServerMetrics
from rootkeeper.server.parameters import Body, Filter, Limit, Text, show_example, show_one, show_page
from rootkeeper.server.served_files import render_file
from rootkeeper.server.turns import RouteLoad
from rootkeeper.settings.edits import MOST_ENTRIES, EditableSetting
from rootkeeper.settings.records import SettingAnswer, SettingsDocument, describe_setting
from rootkeeper.shapes import Answer, Count, JsonRecord, Page, ShortText, fill_record, record, record_of
from rootkeeper.values import render_duration
from rootkeeper.worker import health
from rootkeeper.worker.schedules import ScheduleStatus

ApiDocument: TypeAlias = dict[str, Any]
"""Source: OpenAPI Specification 3.1."""


@record
class HealthAnswer(TypedDict):
    """That the process answers."""

    status: Literal["ok"]


@record_of(health.ReadinessCheck)
class ReadinessCheck(JsonRecord):
    """A requirement of a server."""


@record
class ReadinessAnswer(TypedDict):
    """Whether the server can do its work."""

    status: Literal["ready", "not_ready"]
    checks: list[ReadinessCheck]


@record
class WindowPolicy(TypedDict):
    """The rules of recovery windows."""

    longest_seconds: Count
    default_seconds: Count
    """The duration if a request doesn't say."""
    approvals: Count
    approval_valid_seconds: Count
    requesters: list[str]
    """Who may request a window; if empty, every role with the permission."""
    approvers: list[str]
    emergency: bool
    """Whether a window may be opened before it is approved."""
    read_again_after: list[str]
    """How long after its closing an account is read again, such as ``15m``."""


@record
class DeletionPolicy(TypedDict):
    """The rules of deletions."""

    recently_used_days: Count
    never_changed_policies: list[str]


@record
class RetentionPolicy(TypedDict):
    """For how long things are kept, and count."""

    audits_seconds: Count
    stale_after_seconds: Count
    """A reading older than this at the end of a report's period counts as unknown."""


@record
class PolicyAnswer(Answer):
    """The settings."""

    windows: WindowPolicy
    deletion: DeletionPolicy
    retention: RetentionPolicy
    notification_targets: list[str]
    """Their names."""


@record_of(ScheduleStatus)
class ScheduleRecord(JsonRecord):
    """A job that the server repeats."""


@record
class SchedulePage(Page):
    """Schedules."""

    schedules: list[ScheduleRecord]


async def show_health() -> dict[str, Any]:
    """Answer if the process runs, without any check."""
    return {"status": "ok"}


def show_readiness(request: Request, services: Served) -> JSONResponse:
    """Show whether the server can do its work now, and its faults.

    Explanations may name accounts and roles. This route needs no sign-in, so only requests from this machine get them.
    """
    readiness, may_see = services.readiness(), comes_from_here(request)
    content = {
        "status": "ready" if readiness.is_ready else "not_ready",
        "checks": [
            {"name": check.name, "is_good": check.is_good, "explanation": check.explanation if may_see else ""}
            for check in readiness.checks
        ],
    }
    return JSONResponse(content, HTTPStatus.OK if readiness.is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


async def show_api(request: Request) -> Response:
    """Describe the API (OpenAPI)."""
    description: DescriptionFile = request.app.state.description
    return render_file(await description.take(request.app), request.scope)


def show_metrics(request: Request) -> Response:
    """Show the metrics in the format of Prometheus."""
    metrics: ServerMetrics = request.app.state.metrics
    content, media_type = metrics.render(request.headers.get("accept", ""))
    return Response(content, headers={"Content-Type": media_type})


def show_policy(services: Served) -> dict[str, Any]:
    """Show the settings of windows, deletion and retention, and the names of notification targets.

    They are those in force, with the changes of an administrator.
    """
    settings = services.settings_in_force
    windows = settings.windows
    return show_one(
        {
            "windows": {
                "longest_seconds": _count(windows.longest),
                "default_seconds": _count(windows.default_length),
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
            "retention": {
                "audits_seconds": _count(settings.history.keep),
                "stale_after_seconds": _count(settings.history.stale_after),
            },
            "notification_targets": [text.split()[0] for text in settings.notifications.targets if text.split()],
        }
    )


def _count(length: timedelta) -> int:
    return int(length.total_seconds())


def list_schedules(services: Served) -> dict[str, Any]:
    """List schedules with their last and next run. They are changed in the settings."""
    return show_page(
        "schedules", [fill_record(ScheduleRecord, schedule) for schedule in services.list_schedules()], None
    )


Value: TypeAlias = StrictInt | ShortText | Annotated[list[ShortText], Field(max_length=MOST_ENTRIES)]


class SettingBody(Body):
    """A change of a setting."""

    model_config = show_example(
        {"value": "8h", "previous": "72h", "reason": "No recovery of the last year took longer."}
    )

    value: Annotated[Value | None, Field(description="The new value; ``null``: the settings of the server hold again.")]
    previous: Annotated[Value, Field(description="The value that holds; if it is another one, nothing is changed.")]
    reason: Text


def list_settings(services: Served) -> dict[str, Any]:
    """List the settings that can be changed here: the value in force, its source, and who changed it."""
    edits = {edit.name: edit for edit in services.setting_edits.list_edits()}
    return show_one({"settings": [describe_setting(services.settings, name, edits) for name in EditableSetting]})


def change_setting(services: Served, identity: Identified, name: EditableSetting, body: SettingBody) -> dict[str, Any]:
    """Change a setting; the ledger records the old value, the new value and the reason.

    A limit can be made stricter than the settings of the server are, never looser. A list that they name can't be
    changed. A target of notifications contains only a reference to its URL, never the URL.
    """
    with services.act_as(identity.to_actor(), None) as acting:
        acting.setting_editor.change(name, body.value, body.previous, body.reason)
    edits = {edit.name: edit for edit in services.setting_edits.list_edits()}
    return show_one(describe_setting(services.settings, name, edits))


@record
class TargetPage(Page):
    """Notification targets."""

    targets: list[TargetTestRecord]


def list_targets(services: Served) -> dict[str, Any]:
    """List the notification targets, without their URLs, and why deliveries to them fail."""
    failing = services.notification_store.list_failing(services.clock.now() - LOOKED_BACK)
    targets = parse_targets(services.settings_in_force.notifications.targets)
    return show_one(
        {"targets": [fill_record(TargetRecord, target, failure=failing.get(target.name)) for target in targets]}
    )


def list_deliveries(
    services: Served,
    state: Annotated[DeliveryState | None, Query(description="Only deliveries in this state.")] = None,
    target: Filter = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List the newest deliveries of notifications to each target. A failed delivery is tried again for 24 hours."""
    found = services.notification_store.list_deliveries(limit=limit, state=state, target=target)
    return show_one({"deliveries": [fill_record(NotificationDeliveryRecord, delivery) for delivery in found]})


class TrialBody(Body):
    """A target; without a name, all of them."""

    target: ShortText | None = None


def try_targets(services: Served, identity: Identified, body: TrialBody | None = None) -> dict[str, Any]:
    """Send a test from the server to notification targets, and show each result."""
    name = None if body is None else body.target
    with services.act_as(identity.to_actor(), None) as acting:
        settings = services.settings_in_force.notifications
        testing = acting.notification_tester(settings, services.organization_id, services.endpoint)
        trials = testing.test(name)
    return show_page("targets", [fill_record(TargetTestRecord, trial) for trial in trials], None)


ROWS = (
    Row("GET", "/healthz", AccessRequirement.ANYONE, show_health, answer=HealthAnswer),
    Row(
        "GET",
        "/readyz",
        AccessRequirement.ANYONE,
        show_readiness,
        answer=ReadinessAnswer,
        further_statuses=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
    Row("GET", "/api/openapi.json", AccessRequirement.ANYONE, show_api, answer=ApiDocument, is_file=True),
    Row("GET", "/metrics", AccessRequirement.ON_THIS_MACHINE, show_metrics, response_class=PlainTextResponse),
)

SETTINGS_ROWS = (
    read("/policy", Permission.SETTINGS_READ, show_policy, PolicyAnswer),
    read("/schedules", Permission.SCHEDULES_READ, list_schedules, SchedulePage),
    read("/settings", Permission.SETTINGS_READ, list_settings, SettingsDocument),
    change("/settings/{name}", Permission.SETTINGS_CHANGE, change_setting, SettingAnswer, needs_fresh_factor=True),
)

NOTIFICATIONS_ROWS = (
    read("/notifications/targets", Permission.NOTIFICATIONS_READ, list_targets, NotificationTargetsDocument),
    read("/notifications/deliveries", Permission.NOTIFICATIONS_READ, list_deliveries, NotificationDeliveriesDocument),
    change("/notifications/test", Permission.NOTIFICATIONS_TEST, try_targets, TargetPage, load=RouteLoad.AWS),
)
