"""Simple Queue Service: standard queues with their policies and messages."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.sqs import messages, queues

OPERATIONS: dict[str, Operation] = {**messages.OPERATIONS, **queues.OPERATIONS}
