"""What a server uses AWS for: one role each, so that no piece of work has the power of another."""

from __future__ import annotations

from enum import StrEnum


class AwsWork(StrEnum):
    """The pieces of work; each name is that of a setting, such as ``aws.roles.audit``."""

    AUDIT = "audit"
    DELETE = "delete"
    RECOVER = "recover"
    UNLOCK = "unlock"
