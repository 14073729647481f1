"""Saved policies as files beside the database: nothing but the policy's text, so that the AWS CLI takes them too.

A file is never written over. It is on disk, its name included, before anybody is told of it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from rootkeeper.domain.resource_policies.documents import hash_policy
from rootkeeper.domain.resource_policies.resources import Resource
from rootkeeper.errors import PolicyNotSavedError
from rootkeeper.storage.line_files import sync_folder

_HASH_CHARACTERS = 12
_LONGEST_NAME = 100
"""File systems take 255 bytes in all, and old buckets have names as long."""


class SavedPolicyFiles:
    """Implements ``ports.saved_policies.SavedPolicies``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        return self._folder

    def save(self, resource: Resource, policy: str, now: datetime) -> Path:
        path = self._folder / _make_file_name(resource, policy, now)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_durably(path, policy.encode())
            sync_folder(self._folder)
            sync_folder(self._folder.parent)
        except OSError as error:
            raise PolicyNotSavedError(
                f"The policy of {resource} can't be saved to {path}: {error.strerror}. Nothing was changed.",
                hint="Free some space, or name another folder: unlock.saved_policies in the settings.",
            ) from error
        return path


def _make_file_name(resource: Resource, policy: str, now: datetime) -> str:
    """Sorts by account, resource and time."""
    moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    name = resource.name[:_LONGEST_NAME]
    place = f"{resource.account_id}-{resource.kind.value}-{resource.region}-{name}"
    return f"{place}-{moment}-{hash_policy(policy)[:_HASH_CHARACTERS]}.json"


def _write_durably(path: Path, content: bytes) -> None:
    """:raises OSError: if it can't be written; what was begun is taken away again."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        left = content
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
