"""Each kind of record falls into its alarm and no other, by metric filter and by event pattern alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rootkeeper.errors import InputError
from rootkeeper.shipped_policies.bundle import METRIC_FILTER_CHARACTERS, AlarmKind, Receiver, make_alarms
from tests.fakes.alarm_matching import as_event, matches_filter, matches_pattern
from tests.fakes.cloudtrail import (
    AUDIT_ROLE,
    CALLER,
    MEMBER,
    assume_root,
    make_record,
    root_console_call,
    root_key_call,
    root_session_call,
    root_sign_in,
)

KNOWN = [f"arn:aws:iam::{CALLER}:role/rootkeeper-{name}" for name in ("audit", "delete", "recover", "unlock")]
ROOT = {"type": "Root", "accountId": MEMBER, "arn": f"arn:aws:iam::{MEMBER}:root"}

CASES: dict[str, tuple[Mapping[str, Any], AlarmKind | None]] = {
    "a root user signs in": (root_sign_in(), AlarmKind.LONG_TERM_ROOT),
    "a root user fails to sign in": (
        root_sign_in(responseElements={"ConsoleLogin": "Failure"}, errorMessage="Failed authentication"),
        AlarmKind.LONG_TERM_ROOT,
    ),
    "a new root password is requested": (
        root_sign_in(eventName="PasswordRecoveryRequested"),
        AlarmKind.LONG_TERM_ROOT,
    ),
    "a root user works in the console": (root_console_call(), AlarmKind.LONG_TERM_ROOT),
    "a root access key is used": (root_key_call(), AlarmKind.LONG_TERM_ROOT),
    "a root user tries AssumeRoot": (
        assume_root(identity=ROOT, access_key_id=None),
        AlarmKind.LONG_TERM_ROOT,
    ),
    "assumedRoot says anything but true": (
        make_record({**ROOT, "sessionContext": {"assumedRoot": "false"}}),
        AlarmKind.LONG_TERM_ROOT,
    ),
    "a call in a root session": (root_session_call(), AlarmKind.ROOT_SESSION),
    "a denied call in a root session": (root_session_call(errorCode="AccessDenied"), AlarmKind.ROOT_SESSION),
    "a known role opens a root session": (assume_root(), AlarmKind.KNOWN_ROLE),
    "a known role is refused": (assume_root(access_key_id=None), AlarmKind.KNOWN_ROLE),
    "another role opens a root session": (
        assume_root(f"arn:aws:iam::{CALLER}:role/admin"),
        AlarmKind.STRANGE_CALLER,
    ),
    "a role whose name begins alike": (assume_root(f"{AUDIT_ROLE}-copy"), AlarmKind.STRANGE_CALLER),
    "the same role in another account": (
        assume_root(AUDIT_ROLE.replace(CALLER, "111122223333")),
        AlarmKind.STRANGE_CALLER,
    ),
    "a user opens a root session": (assume_root(issuer=None), AlarmKind.STRANGE_CALLER),
    "a service acts for a root user": (make_record({**ROOT, "invokedBy": "cloudformation.amazonaws.com"}), None),
    "a service's own event": (make_record(ROOT, eventType="AwsServiceEvent"), None),
    "a user's everyday call": (make_record({"type": "IAMUser", "accountId": MEMBER}), None),
    "a role's everyday AssumeRole": (
        {**assume_root(), "eventName": "AssumeRole"},
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_record_falls_into_its_alarm_and_no_other_by_metric_filter(name: str) -> None:
    record, expected = CASES[name]
    fired = [alarm.kind for alarm in make_alarms(KNOWN) if matches_filter(alarm.metric_filter, record)]
    assert fired == ([] if expected is None else [expected])


@pytest.mark.parametrize("name", CASES)
def test_a_record_falls_into_its_alarm_and_no_other_by_event_pattern(name: str) -> None:
    record, expected = CASES[name]
    fired = [alarm.kind for alarm in make_alarms(KNOWN) if matches_pattern(alarm.event_pattern, as_event(record))]
    assert fired == ([] if expected is None else [expected])


def test_only_what_may_be_ours_waits_for_the_ledger() -> None:
    waiting = {alarm.kind for alarm in make_alarms(KNOWN) if alarm.needs_matching}
    assert waiting == {AlarmKind.KNOWN_ROLE, AlarmKind.ROOT_SESSION}


def test_urgent_events_go_to_the_topic_and_what_must_be_matched_to_the_queue() -> None:
    receivers = {alarm.receiver for alarm in make_alarms(KNOWN) if alarm.needs_matching}
    assert receivers == {Receiver.QUEUE}
    assert {alarm.receiver for alarm in make_alarms(KNOWN) if not alarm.needs_matching} == {Receiver.TOPIC}
    assert [receiver.sending_action for receiver in Receiver] == ["sqs:SendMessage", "sns:Publish"]


def test_filters_of_the_four_roles_keep_within_the_limit() -> None:
    far = [arn.replace("arn:aws:", "arn:aws-us-gov:") for arn in KNOWN]
    assert all(len(alarm.metric_filter) < METRIC_FILTER_CHARACTERS * 0.75 for alarm in make_alarms(far))


def test_more_roles_than_a_filter_can_name_are_refused() -> None:
    many = [f"arn:aws:iam::{CALLER}:role/role-{number}" for number in range(20)]
    with pytest.raises(InputError, match="metric filter rootkeeper-strange-caller would have"):
        make_alarms(many)


def test_names_of_metrics_and_alarms_follow_from_their_kind() -> None:
    alarm = make_alarms(KNOWN)[0]
    assert (alarm.name, alarm.metric_name) == ("rootkeeper-long-term-root", "LongTermRoot")
