"""Simple Storage Service: buckets, their policies, and objects enough to feel a lock-out and to anchor a ledger."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.s3 import buckets, listings, locks, objects, policies

OPERATIONS: dict[str, Operation] = {
    **buckets.OPERATIONS,
    **listings.OPERATIONS,
    **locks.OPERATIONS,
    **objects.OPERATIONS,
    **policies.OPERATIONS,
}
