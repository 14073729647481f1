"""Where policies are saved before they are changed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Protocol

from rootkeeper.domain.resource_policies.resources import Resource


class SavedPolicies(Protocol):
    """Keeps the text of policies as AWS gave it, each in a file of its own."""

    @property
    def folder(self) -> Path: ...

    def save(self, resource: Resource, policy: str, now: datetime) -> Path:
        """Write ``policy`` to a new file, readable by this user alone; it is on disk afterwards.

        :raises PolicyNotSavedError: if that can't be done; the policy must not be changed then.
        """
        ...
