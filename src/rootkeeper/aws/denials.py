"""What an AccessDenied message of AWS says about the cause.

Only fixed parts of the text are matched, since AWS appended tails to it in 2026 and may do so again.

Source: IAM User Guide, "Troubleshoot access denied error messages".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rootkeeper.domain.organization_policies import POLICY_ID
from rootkeeper.errors import DenialCause

_CAUSES = {
    "identity-based policy": DenialCause.IDENTITY_POLICY,
    "permissions boundary": DenialCause.PERMISSIONS_BOUNDARY,
    "resource control policy": DenialCause.RESOURCE_CONTROL_POLICY,
    "resource-based policy": DenialCause.RESOURCE_POLICY,
    "service control policy": DenialCause.SERVICE_CONTROL_POLICY,
    "session policy": DenialCause.SESSION_POLICY,
    "vpc endpoint policy": DenialCause.VPC_ENDPOINT_POLICY,
}
_NAMES = "|".join(re.escape(name) for name in _CAUSES)
_DENIAL = re.compile(
    rf"(?:with an explicit deny in an? ({_NAMES})|because no ({_NAMES}) allows|an? ({_NAMES}) explicitly denies)",
    re.IGNORECASE,
)
_TAIL = re.compile(r"\s*\bGo to https://\S+ for complete details.*", re.DOTALL)
_FEATURES_OFF = (
    "Root sessions feature is not enabled",
    "Root credentials management feature is not enabled",
    "Service not enabled for AWS Organizations",
)


@dataclass(frozen=True, slots=True)
class Denial:
    """The cause that AWS names; ``None`` where it names none."""

    cause: DenialCause | None
    policy_id: str | None


def parse_denial(message: str) -> Denial:
    """Read cause and policy from AWS's text; a text that names none is no error."""
    found = _DENIAL.search(message)
    if found is None:
        return Denial(cause=None, policy_id=None)
    name = next(group for group in found.groups() if group)
    policy_id = POLICY_ID.search(message, found.end())
    return Denial(cause=_CAUSES[name.lower()], policy_id=policy_id.group() if policy_id else None)


def is_feature_off(message: str) -> bool:
    """Whether AssumeRoot was refused because trusted access or a feature is off. Source: STS AssumeRoot, observed."""
    return message.startswith(_FEATURES_OFF)


def shorten_denial(message: str) -> str:
    """The text without the console link that AWS appends."""
    return _TAIL.sub("", message)
