"""Events in CloudTrail's form, rendered only when they are read, and their delivery to queues by EventBridge rules.

A queue gets Root events while its policy lets ``events.amazonaws.com`` send. Unlike EventBridge by default, read-only
events come, too: the rule is for all management events.

Source: CloudTrail User Guide, "CloudTrail record contents"; Amazon EventBridge User Guide, "AWS service events
delivered via AWS CloudTrail"; IAM User Guide, "Track privileged tasks in AWS CloudTrail" (aws-facts B9 and G).
"""

from __future__ import annotations

import json
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rootkeeper_sandbox.authorization.authorizer import ResourceGrant, find_grant
from rootkeeper_sandbox.authorization.conditions import AccessRequest
from rootkeeper_sandbox.authorization.documents import PolicyKind, compile_policy
from rootkeeper_sandbox.codec.parameters import format_iso8601
from rootkeeper_sandbox.exchange import Principal, PrincipalKind
from rootkeeper_sandbox.services.sqs_messages import enqueue
from rootkeeper_sandbox.state.resources import EventRule, Queue, QueuedMessage
from rootkeeper_sandbox.state.world import World

MAX_EVENTS = 50_000
_EVENT_VERSION = "1.11"

_SECRET_PARAMETERS = frozenset({
    "Password", "OldPassword", "NewPassword", "AuthenticationCode1", "AuthenticationCode2", "ContactInformation",
    "Otp", "PrimaryEmail",
})  # fmt: skip

_EVENT_SOURCES = {"sso-admin": "sso"}
"""Services that CloudTrail names otherwise than botocore does."""
_HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


class TrailEvent(Protocol):
    """Anything that happened in an account: an API call, or a step of signing in."""

    @property
    def account_id(self) -> str: ...

    @property
    def occurred_at(self) -> datetime: ...

    @property
    def is_by_root(self) -> bool:
        """Whether ``userIdentity.type`` is ``Root``."""

    def render(self) -> dict[str, Any]:
        """Write the event as CloudTrail does."""


Listener = Callable[[TrailEvent], None]


@dataclass(frozen=True, slots=True)
class ApiCallEvent:
    """An API call by a known caller, kept in little memory."""

    service: str
    operation: str
    region: str
    occurred_at: datetime
    principal: Principal
    source_ip: str
    user_agent: str
    request_id: str
    is_mutating: bool
    parameters: Mapping[str, Any]
    details: Mapping[str, Any]
    """Parts that the service adds or replaces: ``responseElements``, ``resources``, ``additionalEventData``."""
    error_code: str | None
    error_message: str | None

    @property
    def account_id(self) -> str:
        return self.principal.account_id

    @property
    def is_by_root(self) -> bool:
        return self.principal.kind in (PrincipalKind.ROOT_SESSION, PrincipalKind.ROOT_USER)

    def render(self) -> dict[str, Any]:
        """Write the event as CloudTrail does."""
        event: dict[str, Any] = {
            "eventVersion": _EVENT_VERSION,
            "userIdentity": _user_identity(self.principal),
            "eventTime": format_iso8601(self.occurred_at),
            "eventSource": f"{_EVENT_SOURCES.get(self.service, self.service)}.amazonaws.com",
            "eventName": self.operation,
            "awsRegion": self.region,
            "sourceIPAddress": self.source_ip,
            "userAgent": self.user_agent,
        }
        if self.error_code:
            event |= {"errorCode": self.error_code, "errorMessage": self.error_message}
        event |= {
            "requestParameters": _lower_keys(self.parameters) or None,
            "responseElements": None,
            "requestID": self.request_id,
            "eventID": str(uuid.uuid5(uuid.NAMESPACE_OID, self.request_id)),
            "readOnly": not self.is_mutating,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": self.account_id,
            "eventCategory": "Management",
        }
        return event | dict(self.details)


class Trail:
    """The newest events of all accounts."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._events: deque[TrailEvent] = deque(maxlen=max_events)
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener`` with every event as it is appended."""
        self._listeners.append(listener)

    def append(self, event: TrailEvent) -> None:
        self._events.append(event)
        for listener in self._listeners:
            listener(event)

    def clear(self) -> None:
        self._events.clear()

    def of_account(self, account_id: str | None) -> list[dict[str, Any]]:
        """List an account's events, oldest first; all accounts' without an id."""
        return [event.render() for event in self._events if account_id in (None, event.account_id)]

    def newest_first(self, account_id: str, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
        """Give an account's events within a time, both ends included, rendering each as it is read."""
        for event in reversed(self._events):
            if event.account_id == account_id and start <= event.occurred_at <= end:
                yield event.render()


def _user_identity(principal: Principal) -> dict[str, Any]:
    if principal.kind is PrincipalKind.USER:
        return _base_identity("IAMUser", principal) | {"userName": principal.identity_name}
    if principal.kind is PrincipalKind.ROLE_SESSION:
        issuer = {
            "type": "Role",
            "principalId": principal.user_id.partition(":")[0],
            "arn": principal.role_arn,
            "accountId": principal.account_id,
            "userName": principal.identity_name,
        }
        context: dict[str, Any] = {"sessionIssuer": issuer, "attributes": _attributes(principal)}
        if principal.source_identity:
            context["sourceIdentity"] = principal.source_identity
        return _base_identity("AssumedRole", principal) | {"sessionContext": context}
    identity = _base_identity("Root", principal)
    if principal.kind is PrincipalKind.ROOT_SESSION:
        identity["sessionContext"] = {"attributes": _attributes(principal), "assumedRoot": "true"}
    elif principal.session_issued_at:
        identity["sessionContext"] = {"attributes": _attributes(principal)}
    return identity


def _base_identity(kind: str, principal: Principal) -> dict[str, Any]:
    return {
        "type": kind,
        "principalId": principal.user_id,
        "arn": principal.arn,
        "accountId": principal.account_id,
        "accessKeyId": principal.access_key_id,
    }


def _attributes(principal: Principal) -> dict[str, str | None]:
    issued_at = principal.session_issued_at
    return {
        "creationDate": format_iso8601(issued_at) if issued_at else None,
        "mfaAuthenticated": str(principal.has_mfa).lower(),
    }


def _lower_keys(value: Any) -> Any:
    """Spell the members of parameters as CloudTrail does, hiding secrets."""
    if isinstance(value, Mapping):
        return {
            name[:1].lower() + name[1:]: _HIDDEN if name in _SECRET_PARAMETERS else _lower_keys(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_lower_keys(item) for item in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return format_iso8601(value) if isinstance(value, datetime) else value


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
