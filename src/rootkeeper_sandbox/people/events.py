"""The CloudTrail events of signing in, which no API call makes.

Source: CloudTrail User Guide, "AWS Management Console sign-in events"; aws-facts G.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from rootkeeper_sandbox.codec.parameters import format_iso8601

_EVENT_VERSION = "1.11"
_SIGN_IN_REGION = "us-east-1"
"""Where AWS records every sign-in of a root user. No other partition has any."""


class SignInStep(StrEnum):
    """The steps that leave an event, by its name."""

    CHECK_MFA = "CheckMfa"
    CONSOLE_LOGIN = "ConsoleLogin"
    PASSWORD_RECOVERY_COMPLETED = "PasswordRecoveryCompleted"  # noqa: S105 - an event's name
    PASSWORD_RECOVERY_REQUESTED = "PasswordRecoveryRequested"  # noqa: S105 - an event's name
    PASSWORD_UPDATED = "PasswordUpdated"  # noqa: S105 - an event's name


@dataclass(frozen=True, slots=True)
class SignInEvent:
    """A step of a root user's signing in, taken or refused."""

    step: SignInStep
    account_id: str
    root_user_arn: str
    occurred_at: datetime
    source_ip: str
    user_agent: str
    is_success: bool = True
    additional: Mapping[str, str] | None = None
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def is_by_root(self) -> bool:
        return True

    def render(self) -> dict[str, Any]:
        """Write the event as CloudTrail does."""
        identity = {
            "type": "Root",
            "principalId": self.account_id,
            "arn": self.root_user_arn,
            "accountId": self.account_id,
            "accessKeyId": "",
        }
        outcome = {str(self.step): "Success" if self.is_success else "Failure"}
        details: dict[str, Any] = {} if self.is_success else {"errorMessage": "Failed authentication"}
        details |= {"requestParameters": None, "responseElements": outcome}
        if self.additional is not None:
            details["additionalEventData"] = dict(self.additional)
        return _render(self, "signin", str(self.step), "AwsConsoleSignIn", identity, details, _SIGN_IN_REGION)


@dataclass(frozen=True, slots=True)
class FederationEvent:
    """A person entered an account through IAM Identity Center.

    Source: IAM Identity Center User Guide, "Sample CloudTrail events": Federate.
    """

    account_id: str
    """The account that owns the instance and gets the event."""
    occurred_at: datetime
    source_ip: str
    user_agent: str
    user_id: str
    user_name: str
    identity_store_id: str
    target_account_id: str
    role_name: str
    region: str
    event_id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def is_by_root(self) -> bool:
        return False

    def render(self) -> dict[str, Any]:
        """Write the event as CloudTrail does."""
        identity = {
            "type": "IdentityCenterUser",
            "accountId": self.account_id,
            "onBehalfOf": {"userId": self.user_id, "identityStoreId": self.identity_store_id},
            "userName": self.user_name,
        }
        details: dict[str, Any] = {"requestParameters": None, "responseElements": None}
        details["serviceEventDetails"] = {"role_name": self.role_name, "account_id": self.target_account_id}
        return _render(self, "sso", "Federate", "AwsServiceEvent", identity, details, self.region)


def _render(
    event: SignInEvent | FederationEvent,
    service: str,
    name: str,
    kind: str,
    identity: dict[str, Any],
    details: dict[str, Any],
    region: str,
) -> dict[str, Any]:
    head = {
        "eventVersion": _EVENT_VERSION,
        "userIdentity": identity,
        "eventTime": format_iso8601(event.occurred_at),
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": event.source_ip,
        "userAgent": event.user_agent,
    }
    tail = {
        "eventID": str(event.event_id),
        "readOnly": False,
        "eventType": kind,
        "managementEvent": True,
        "recipientAccountId": event.account_id,
        "eventCategory": "Management",
    }
    return head | details | tail
