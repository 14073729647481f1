"""CloudTrail: the event history."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.cloudtrail import event_history

OPERATIONS: dict[str, Operation] = event_history.OPERATIONS
