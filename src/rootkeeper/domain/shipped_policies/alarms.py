"""Alarms that tell long-term root, our own root sessions and strangers' apart, as far as a pattern can.

A pattern sees one record and no ledger. So two of the four are alarms by themselves, and two only pick what must be
matched with the ledger (``root_events``): a known role's root session is ours only if the ledger names its access key
id. Each record falls into at most one of the four.

Source: CloudWatch Logs User Guide, "Filter pattern syntax"; EventBridge User Guide, "Event patterns"; CloudTrail User
Guide, "CloudTrail userIdentity element".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rootkeeper.domain.shipped_policies.documents import require_fits

METRIC_FILTER_CHARACTERS = 1_024
"""Source: CloudWatch Logs PutMetricFilter, filterPattern."""

METRIC_NAMESPACE = "Rootkeeper"

EVERY_EVENT_STATE = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""Of an EventBridge rule: reading calls are delivered, too, and an audit makes no others."""

_ISSUER = "$.userIdentity.sessionContext.sessionIssuer.arn"
_ASSUMED_ROOT = "$.userIdentity.sessionContext.assumedRoot"
_BY_API = "AWS API Call via CloudTrail"
_BY_SIGN_IN = "AWS Console Sign In via CloudTrail"


class AlarmKind(StrEnum):
    """What a record shows."""

    LONG_TERM_ROOT = "long-term-root"
    """A root user that signed in, or a root access key."""
    STRANGE_CALLER = "strange-caller"
    """AssumeRoot by anybody but the known roles."""
    KNOWN_ROLE = "known-role"
    """AssumeRoot by a known role: ours, or somebody who uses the role without Rootkeeper."""
    ROOT_SESSION = "root-session"
    """What is done in a root session, whoever opened it."""


class Receiver(StrEnum):
    """Who gets the records that an EventBridge rule picks, in the rule's own Region.

    In the rule's own account the receiver's policy lets EventBridge send, and a role may stop the delivery. In another
    account it takes both: that policy and a role of the rule's account. Source: EventBridge User Guide, "Using
    resource-based policies" and "Sending events to an AWS service in another account".
    """

    QUEUE = "queue"
    """Of SQS; what it holds is matched with the ledger."""
    TOPIC = "topic"
    """Of SNS; it wakes somebody."""

    @property
    def sending_action(self) -> str:
        return "sqs:SendMessage" if self is Receiver.QUEUE else "sns:Publish"

    @property
    def role_name(self) -> str:
        """Of the role that sends to it from another account."""
        return f"rootkeeper-{self.value}-delivery"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One kind of record, and the two patterns that pick it."""

    kind: AlarmKind
    description: str
    needs_matching: bool
    """Whether a person is woken only after the ledger was asked."""
    seen_in: str
    """Whose CloudTrail has such records."""
    metric_filter: str
    """For CloudWatch Logs, on the log group of an organization trail."""
    event_pattern: Mapping[str, Any]
    """For an EventBridge rule in the account whose CloudTrail has the record."""

    @property
    def name(self) -> str:
        return f"rootkeeper-{self.kind.value}"

    @property
    def receiver(self) -> Receiver:
        return Receiver.QUEUE if self.needs_matching else Receiver.TOPIC

    @property
    def metric_name(self) -> str:
        """``LongTermRoot``, …"""
        return "".join(word.capitalize() for word in self.kind.value.split("-"))


def make_alarms(known_role_arns: Iterable[str]) -> tuple[Alarm, ...]:
    """The four alarms, for an organization whose root sessions are opened by these roles.

    :raises InputError: if a filter is longer than AWS takes.
    """
    known = sorted(set(known_role_arns))
    alarms = (_long_term_root(), _strange_caller(known), _known_role(known), _root_session())
    for alarm in alarms:
        require_fits(
            len(alarm.metric_filter),
            METRIC_FILTER_CHARACTERS,
            f"The metric filter {alarm.name}",
            "Name fewer known roles.",
        )
    return alarms


def _long_term_root() -> Alarm:
    return Alarm(
        kind=AlarmKind.LONG_TERM_ROOT,
        description="A root user signed in, tried to, asked for a new password, or used an access key",
        needs_matching=False,
        seen_in="every account; sign-ins in us-east-1",
        metric_filter=_all_of(
            '$.userIdentity.type = "Root"',
            "$.userIdentity.invokedBy NOT EXISTS",
            '$.eventType != "AwsServiceEvent"',
            f'({_ASSUMED_ROOT} NOT EXISTS || {_ASSUMED_ROOT} != "true")',
        ),
        event_pattern={
            "detail-type": [_BY_API, _BY_SIGN_IN],
            "detail": {
                "eventType": [{"anything-but": "AwsServiceEvent"}],
                "userIdentity": {
                    "type": ["Root"],
                    "invokedBy": [{"exists": False}],
                    "sessionContext": {"assumedRoot": [{"exists": False}, {"anything-but": "true"}]},
                },
            },
        },
    )


def _strange_caller(known: list[str]) -> Alarm:
    others = " && ".join(f'{_ISSUER} != "{arn}"' for arn in known)
    return Alarm(
        kind=AlarmKind.STRANGE_CALLER,
        description="Somebody outside the known roles opened a root session, or tried to",
        needs_matching=False,
        seen_in="the management account and the delegated administrator",
        metric_filter=_all_of(*_ASSUME_ROOT_FILTER, f"({_ISSUER} NOT EXISTS || ({others}))"),
        event_pattern=_assume_root_pattern([{"exists": False}, {"anything-but": known}]),
    )


def _known_role(known: list[str]) -> Alarm:
    ours = " || ".join(f'{_ISSUER} = "{arn}"' for arn in known)
    return Alarm(
        kind=AlarmKind.KNOWN_ROLE,
        description="A known role opened a root session, or tried to: ours only if the ledger names its access key id",
        needs_matching=True,
        seen_in="the management account and the delegated administrator",
        metric_filter=_all_of(*_ASSUME_ROOT_FILTER, f"({ours})"),
        event_pattern=_assume_root_pattern(known),
    )


def _root_session() -> Alarm:
    return Alarm(
        kind=AlarmKind.ROOT_SESSION,
        description="A call in a root session: ours only if the ledger names its access key id",
        needs_matching=True,
        seen_in="every member account",
        metric_filter=_all_of('$.userIdentity.type = "Root"', f'{_ASSUMED_ROOT} = "true"'),
        event_pattern={
            "detail-type": [_BY_API],
            "detail": {"userIdentity": {"type": ["Root"], "sessionContext": {"assumedRoot": ["true"]}}},
        },
    )


_ASSUME_ROOT_FILTER = (
    '$.eventSource = "sts.amazonaws.com"',
    '$.eventName = "AssumeRoot"',
    '$.userIdentity.type != "Root"',
)


def _assume_root_pattern(issuers: list[Any]) -> Mapping[str, Any]:
    return {
        "detail-type": [_BY_API],
        "detail": {
            "eventSource": ["sts.amazonaws.com"],
            "eventName": ["AssumeRoot"],
            "userIdentity": {
                "type": [{"anything-but": "Root"}],
                "sessionContext": {"sessionIssuer": {"arn": issuers}},
            },
        },
    }


def _all_of(*terms: str) -> str:
    return f"{{ {' && '.join(terms)} }}"
