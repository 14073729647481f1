"""What the gateway is opened with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """Credentials and endpoints themselves come from where the AWS CLI takes them (``AWS_*``, profiles, SSO)."""

    profile: str | None = None
    region: str | None = None
    """``None``: what ``AWS_REGION``, ``AWS_DEFAULT_REGION`` or the profile says, else ``us-east-1``."""
    concurrency: int = 128
    """Calls in flight at most; each client keeps as many connections."""
    api_share: float = 0.8
    """The part of the published rates that is used; the rest stays to others in the account. Above 0 and up to 1; more
    than 1 only where calls don't go to AWS.
    """
    connect_timeout_seconds: float = 10
    read_timeout_seconds: float = 30
