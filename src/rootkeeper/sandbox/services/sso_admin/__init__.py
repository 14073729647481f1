"""IAM Identity Center's administration: who holds which permission set where."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.sso_admin import assignments, permission_sets

OPERATIONS: dict[str, Operation] = {**assignments.OPERATIONS, **permission_sets.OPERATIONS}
