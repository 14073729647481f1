"""``rootkeeper notifications``: the real program, and targets on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rootkeeper.ledger.database import open_database
from rootkeeper.notifications.rules import Notification, NotificationEvent, Severity
from rootkeeper.notifications.store import NotificationStore
from tests.fakes.notification_servers import Answer, Receiver
from tests.functional.published_schemas import require_fits
from tests.functional.running import Program, Run, Runner

SECRET = "canary-of-some-length"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver.start() as found:
        yield found


@pytest.fixture
def without_aws(tmp_path: Path, runner: Runner) -> Program:
    """No credentials, no sandbox: nothing of this needs AWS."""
    return Program({"ROOTKEEPER_DATABASE_URL": f"sqlite:///{tmp_path / 'rootkeeper.db'}"}, runner)


def try_targets(program: Program, receiver: Receiver, *arguments: str, **changes: str) -> Run:
    return program.run(
        "notifications",
        "test",
        *arguments,
        **{
            "ROOTKEEPER_NOTIFICATIONS_TARGETS": "hook info env:HOOK_URL, chat critical env:CHAT_URL",
            "ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS": f"127.0.0.1:{receiver.port}",
            "HOOK_URL": f"webhook+http://{SECRET}@127.0.0.1:{receiver.port}/hook",
            "CHAT_URL": f"json://127.0.0.1:{receiver.port}/{SECRET}",
            **changes,
        },
    )


def test_each_target_gets_a_test_without_aws_and_without_a_database(without_aws: Program, receiver: Receiver) -> None:
    run = try_targets(without_aws, receiver, "-o", "json")
    assert run.status == 0, run.shown
    require_fits(run.json, "notification-test")
    assert [(one["target"], one["result"]) for one in run.json["targets"]] == [("hook", "taken"), ("chat", "taken")]
    assert [one.path for one in receiver.received] == ["/hook", f"/{SECRET}"]
    assert json.loads(receiver.received[0].body)["event"] == "notification:deliver:test"
    assert SECRET not in run.shown


def test_a_target_that_fails_is_reported_by_its_name_alone_with_exit_status_4(
    without_aws: Program, receiver: Receiver
) -> None:
    receiver.answer = lambda received: Answer(500 if SECRET in received.path else 200)
    run = try_targets(without_aws, receiver, "-o", "json")
    assert run.status == 4, run.shown
    require_fits(run.json, "notification-test")
    assert [one["result"] for one in run.json["targets"]] == ["taken", "failed"]
    assert "HTTP status 500" in run.json["targets"][1]["failure"]
    assert SECRET not in run.shown


def test_a_target_that_points_inside_is_refused(without_aws: Program, receiver: Receiver) -> None:
    run = try_targets(without_aws, receiver, "hook", ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS="")
    assert run.status == 4, run.shown
    assert "its address isn't public" in run.shown
    assert "notifications.allowed_hosts" in run.stderr
    assert receiver.received == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ROOTKEEPER_NOTIFICATIONS_TARGETS": f"hook info webhook+https://{SECRET}@a.example.com"}, "no reference"),
        ({"ROOTKEEPER_NOTIFICATIONS_TARGETS": "hook urgent env:HOOK_URL"}, "unknown severity"),
        ({"ROOTKEEPER_NOTIFICATIONS_TARGETS": ""}, "There is no notification target"),
        ({"ROOTKEEPER_NOTIFICATIONS_ALLOWED_HOSTS": "http://a"}, "isn't a host"),
    ],
)
def test_a_setting_that_cant_be_understood_is_wrong_usage(
    without_aws: Program, receiver: Receiver, changes: dict[str, str], said: str
) -> None:
    run = try_targets(without_aws, receiver, **changes)
    assert run.status == 2, run.shown
    assert said in run.stderr
    assert "hint:" in run.stderr
    assert SECRET not in run.shown


def test_a_target_that_isnt_there_is_wrong_usage(without_aws: Program, receiver: Receiver) -> None:
    run = try_targets(without_aws, receiver, "unknown")
    assert run.status == 2, run.shown
    assert "hook, chat" in run.stderr


def test_what_was_sent_is_listed(enabled: Program, tmp_path: Path) -> None:
    assert enabled.run("audit").status in {0, 1}
    empty = enabled.run("notifications", "list", "-o", "json")
    assert empty.status == 0, empty.shown
    require_fits(empty.json, "notification-deliveries")
    with open_database(f"sqlite:///{tmp_path / 'rootkeeper.db'}") as database:
        (organization_id,) = database.list_organization_ids()
        now = datetime.now(UTC)
        hostile = Notification(
            NotificationEvent.WINDOW_OPENED, Severity.INFO, "\x1b[31mOpened", "b", now, organization_id, "AWS"
        )
        database.get_store(NotificationStore, organization_id).add(
            "n-0123456789abcdef", hostile, ["chat", "oncall"], now
        )
    listed = enabled.run("notifications", "list", "-o", "json")
    require_fits(listed.json, "notification-deliveries")
    assert [(one["target"], one["state"]) for one in listed.json["deliveries"]] == [
        ("chat", "waiting"),
        ("oncall", "waiting"),
    ]
    shown = enabled.run("notifications", "list")
    assert shown.status == 0
    assert "\x1b" not in shown.stdout
    assert len(enabled.run("notifications", "list", "--limit", "1", "-o", "json").json["deliveries"]) == 1
