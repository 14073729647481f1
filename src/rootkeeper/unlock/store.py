"""Saved policies as files beside the database.

Saved copies of policies, as the ledger knows them by their hashes.

Saved policies as files beside the database: nothing but the policy's text, so that the AWS CLI takes them too.

A file is never written over. It is on disk, its name included, before anybody is told of it.

Where policies are saved before they are changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.database.files import sync_folder
from rootkeeper.errors import PolicyNotSavedError
from rootkeeper.ledger.rules import LedgerEntry
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import describe_resource, hash_policy
from rootkeeper.values import JsonValue


def describe_saved(resource: Resource, policy: str, path: str) -> dict[str, JsonValue]:
    """As the ledger's parameters hold it."""
    return {
        **describe_resource(resource),
        "sha256": hash_policy(policy),
        "size_bytes": len(policy.encode()),
        "path": path,
    }


def was_saved(
    entries: Iterable[LedgerEntry],
    organization_id: str,
    account_id: AccountId,
    kind: ResourceKind,
    name: str,
    text: str,
) -> bool:
    """Whether the ledger has this very text as a copy of that bucket's or queue's policy."""
    wanted = {kind.noun: name, "sha256": hash_policy(text)}
    return any(
        entry.action is kind.save_action
        and entry.organization_id == organization_id
        and entry.account_id == account_id
        and wanted.items() <= entry.parameters.items()
        for entry in entries
    )


_HASH_CHARACTERS = 12

_LONGEST_NAME = 100
"""File systems take 255 bytes in all, and old buckets have names as long."""


class SavedPolicyFiles:
    """Keeps the text of policies as AWS gave it, each in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        return self._folder

    def save(self, resource: Resource, policy: str, now: datetime) -> Path:
        """Write ``policy`` to a new file, readable by this user alone; it is on disk afterwards.

        :raises PolicyNotSavedError: if that can't be done; the policy must not be changed then.
        """
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
