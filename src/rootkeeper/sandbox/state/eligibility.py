"""What STS believes of the organization: the truth, or for a while still what was true before a change.

AWS lets root sessions be opened for up to three minutes after a delegate or trusted access has gone, and a feature
takes a second. All of it is a function of the sandbox's clock, so that tests can walk through it.

Source: aws-facts B8, single observations without a promise: after deregistration denied at 0 s, allowed at 15 s,
denied at 60 s; after trust had gone allowed at 0, 15 and 60 s, denied at 180 s; features about a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Feature(StrEnum):
    """The centralized root access features, in the order in which IAM was seen to list them."""

    ROOT_SESSIONS = "RootSessions"
    ROOT_CREDENTIALS_MANAGEMENT = "RootCredentialsManagement"


@dataclass(frozen=True, slots=True)
class PropagationDelays:
    """How long STS goes on believing, in seconds after a change; from the first bound on, to before the second."""

    deregistration: tuple[float, float] = (0, 0)
    trust_removal: tuple[float, float] = (0, 0)
    feature_change: tuple[float, float] = (0, 0)
    queue_policy_change: tuple[float, float] = (0, 0)
    """SQS's, not STS's. Source: SQS SetQueueAttributes, API version 2012-11-05: up to 60 seconds."""


IMMEDIATE = PropagationDelays()
AWS_PROPAGATION_DELAYS = PropagationDelays(
    deregistration=(5, 45), trust_removal=(0, 120), feature_change=(0, 1), queue_policy_change=(0, 60)
)
PROPAGATION_DELAYS = {"immediate": IMMEDIATE, "aws": AWS_PROPAGATION_DELAYS}
"""The values of ``--consistency``. The bounds between the observed moments are assumed."""


@dataclass
class Eligibility:
    """What STS remembers of what was, for iam.amazonaws.com."""

    propagation_delays: PropagationDelays = field(default=IMMEDIATE, metadata={"is_kept": False})
    deregistered_at: dict[str, datetime] = field(default_factory=dict)
    """By account id: when a delegate was deregistered last."""
    untrusted_at: datetime | None = None
    feature_changes: dict[Feature, datetime] = field(default_factory=dict)
    """When each feature was switched on or off last."""

    def was_delegate_until_lately(self, account_id: str, now: datetime) -> bool:
        return _is_within(self.deregistered_at.get(account_id), self.propagation_delays.deregistration, now)

    def was_trusted_until_lately(self, now: datetime) -> bool:
        return _is_within(self.untrusted_at, self.propagation_delays.trust_removal, now)

    def has_feature_changed_lately(self, feature: Feature, now: datetime) -> bool:
        return _is_within(self.feature_changes.get(feature), self.propagation_delays.feature_change, now)


def _is_within(changed_at: datetime | None, propagation_delay: tuple[float, float], now: datetime) -> bool:
    if changed_at is None:
        return False
    return propagation_delay[0] <= (now - changed_at).total_seconds() < propagation_delay[1]
