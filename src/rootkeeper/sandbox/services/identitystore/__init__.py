"""The identity store of IAM Identity Center: users, groups, and who is in which."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.identitystore import people

OPERATIONS: dict[str, Operation] = people.OPERATIONS
