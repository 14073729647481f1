"""Saved policies in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rootkeeper.aws.rules import Resource
from rootkeeper.errors import PolicyNotSavedError
from rootkeeper.unlock.store import SavedPolicyFiles


@dataclass(slots=True)
class InMemorySavedPolicies(SavedPolicyFiles):
    """Implements SavedPolicyFiles."""

    kept: list[tuple[Resource, str]] = field(default_factory=list)
    folder: Path = Path("/policies")
    is_full: bool = False
    note: Callable[[], None] = lambda: None
    """Hears of every copy once it is kept."""

    def save(self, resource: Resource, policy: str, now: datetime) -> Path:
        if self.is_full:
            raise PolicyNotSavedError("No space left on device.")
        self.kept.append((resource, policy))
        self.note()
        return self.folder / f"{len(self.kept)}.json"
