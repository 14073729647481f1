"""What a server uses AWS for: one role each, so that no piece of work has the power of another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AwsWork(StrEnum):
    """The pieces of work; each name is that of a setting, such as ``aws.roles.audit``."""

    AUDIT = "audit"
    DELETE = "delete"
    RECOVER = "recover"
    UNLOCK = "unlock"


@dataclass(frozen=True, slots=True)
class CredentialsFailure:
    """One source of credentials that gave none."""

    work: AwsWork | None
    """The work whose role can't be assumed; ``None`` for the starting credentials."""
    reason: str


@dataclass(frozen=True, slots=True)
class CredentialsCheck:
    """What renewing all of a server's credentials came to."""

    failures: tuple[CredentialsFailure, ...] = ()

    @property
    def is_sound(self) -> bool:
        return not self.failures
