"""Security Hub's state: the accounts and Regions that have it on, and the findings that were imported.

Each finding is kept on its own, so that an import of a few costs nothing for the many others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAX_FINDINGS = 50_000
"""The most that the sandbox keeps of all accounts together."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Security Hub of an account in a Region."""

    arn: str
    subscribed_at: datetime
    finding_generator: str = "SECURITY_CONTROL"


@dataclass(slots=True)
class FindingStore:
    """All hubs by ARN, and all findings by their hub, product and id."""

    hubs: dict[str, Hub] = field(default_factory=dict)
    findings: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    """By hub ARN, product ARN and id, in the shape of the API."""

    def of_hub(self, hub_arn: str) -> Iterator[dict[str, Any]]:
        return (finding for key, finding in self.findings.items() if key[0] == hub_arn)

    def remove_hub(self, hub_arn: str) -> None:
        del self.hubs[hub_arn]
        for key in [key for key in self.findings if key[0] == hub_arn]:
            del self.findings[key]
