"""Security Token Service: who am I, and sessions as a role or as a member account's root user."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.sts import identity, role_sessions, root_sessions

OPERATIONS: dict[str, Operation] = {
    **identity.OPERATIONS,
    **role_sessions.OPERATIONS,
    **root_sessions.OPERATIONS,
}
