"""Carries Root events to the queues of EventBridge rules, as an organization trail and EventBridge would.

A queue gets them only while its policy lets ``events.amazonaws.com`` send. Unlike EventBridge by default, read-only
events come, too: it is a rule for all management events.

Source: Amazon EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; IAM User Guide, "Track
privileged tasks in AWS CloudTrail" (aws-facts B9 and G).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rootkeeper.sandbox.authorization.decision import ResourceGrant, find_grant
from rootkeeper.sandbox.authorization.documents import PolicyKind, compile_policy
from rootkeeper.sandbox.authorization.requests import AccessRequest
from rootkeeper.sandbox.services.sqs.messages import enqueue
from rootkeeper.sandbox.state import EventRule, Queue, QueuedMessage, World
from rootkeeper.sandbox.trail import TrailEvent

_EVENTS = "events.amazonaws.com"
_DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
}


def deliver(world: World, event: TrailEvent) -> None:
    """Put an event of a root user or root session of the organization into the queue of every rule."""
    if not world.event_rules or not event.is_by_root or not world.is_in_organization(event.account_id):
        return
    body = json.dumps(wrap(event.render()), separators=(",", ":"))
    for rule in world.event_rules:
        queue = world.queues.queues.get(rule.queue_arn)
        if queue is not None and _may_send(world, rule, queue, event.occurred_at):
            message = QueuedMessage(str(uuid.uuid4()), body, event.occurred_at, _EVENTS, event.occurred_at)
            enqueue(queue, message)


def wrap(detail: Mapping[str, Any]) -> dict[str, Any]:
    """Wrap an event of CloudTrail's form as EventBridge does."""
    return {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(detail.get("eventID", "")))),
        "detail-type": _DETAIL_TYPES.get(str(detail.get("eventType")), _DETAIL_TYPES["AwsServiceEvent"]),
        "source": f"aws.{str(detail.get('eventSource', '')).partition('.')[0]}",
        "account": detail.get("recipientAccountId"),
        "time": detail.get("eventTime"),
        "region": detail.get("awsRegion"),
        "resources": [],
        "detail": dict(detail),
    }


def _may_send(world: World, rule: EventRule, queue: Queue, now: datetime) -> bool:
    """Ask the queue's policy whether the rule may send."""
    policy = queue.policy_in_force(now, world.organization.eligibility.propagation_delays.queue_policy_change[1])
    if policy is None:
        return False
    rule_arn = f"arn:{world.partition}:events:{queue.region}:{queue.account_id}:rule/{rule.name}"
    context = {
        "aws:principalisawsservice": "true",
        "aws:securetransport": "true",
        "aws:sourceaccount": queue.account_id,
        "aws:sourcearn": rule_arn,
        "aws:sourceorgid": world.organization_id,
    }
    request = AccessRequest("sqs:sendmessage", queue.arn, context, service_principal=_EVENTS)
    is_denied = compile_policy(policy, PolicyKind.RESOURCE).denies(request)
    return not is_denied and find_grant(request, policy) is not ResourceGrant.NOTHING
