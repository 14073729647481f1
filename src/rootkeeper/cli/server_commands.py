"""Which commands can go through a server, as errors and guides name them; a test holds the commands to it."""

from __future__ import annotations

THROUGH_SERVER = (
    "apply",
    "audit",
    "delete",
    "diff",
    "history",
    "jobs",
    "ledger list",
    "ledger verify",
    "login",
    "logout",
    "plan",
    "preflight",
    "recover",
    "status",
    "unlock",
    "windows",
)
