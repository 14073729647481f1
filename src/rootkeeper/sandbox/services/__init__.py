"""What the sandbox serves: for each service its operations, by the name that CloudTrail gives them."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services import iam, organizations, sts

SERVICES: dict[str, dict[str, Operation]] = {
    "iam": iam.OPERATIONS,
    "organizations": organizations.OPERATIONS,
    "sts": sts.OPERATIONS,
}
"""By service, as botocore names it, then by operation."""
