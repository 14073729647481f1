"""Saves policies before they are changed, as files beside the database, and finds them in the ledger by their hashes.

A file contains only the policy's text, so that the AWS CLI accepts it. A file is never overwritten, and ``save``
returns after the file and its name are on disk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.database.files import make_private_folder, sync_folder
from rootkeeper.errors import PolicyNotSavedError, make_setting_hint
from rootkeeper.ledger.rules import LedgerEntry
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import describe_resource, hash_policy
from rootkeeper.values import JsonValue


def describe_saved(resource: Resource, policy: str, path: str) -> dict[str, JsonValue]:
    """Render a saved policy for the ledger."""
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
    """Whether the ledger records exactly this text as a saved policy of the bucket or queue."""
    wanted = {kind.noun: name, "sha256": hash_policy(text)}
    return any(
        entry.action is kind.save_action
        and entry.organization_id == organization_id
        and entry.account_id == account_id
        and wanted.items() <= entry.parameters.items()
        for entry in entries
    )


_LONGEST_NAME = 100
"""File systems allow 255 bytes for the whole name, and old buckets have names of that length."""


@dataclass(slots=True)
class SavedPolicyFiles:
    """Saves policies in a folder; as AWS returned them, each in its own file."""

    folder: Path

    def save(self, resource: Resource, policy: str, now: datetime) -> Path:
        """Write ``policy`` to a new file that only this user can read, and wait until it is on disk.

        :raises PolicyNotSavedError: if that fails; then the policy must not be changed.
        """
        # A name that sorts by account, resource and time.
        place = f"{resource.account_id}-{resource.kind.value}-{resource.region}-{resource.name[:_LONGEST_NAME]}"
        moment = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self.folder / f"{place}-{moment}-{hash_policy(policy)[:12]}.json"
        try:
            make_private_folder(self.folder)
            _write_durably(path, policy.encode())
            sync_folder(self.folder)
            sync_folder(self.folder.parent)
        except OSError as error:
            raise PolicyNotSavedError(
                f"The policy of {resource} can't be saved to {path}: {error.strerror}. Nothing was changed.",
                hint=make_setting_hint(
                    "Free some space, or choose another folder for saved policies in the settings.",
                    "unlock.saved_policies",
                ),
            ) from error
        return path


def _write_durably(path: Path, content: bytes) -> None:
    """:raises OSError: if a new file can't be written and synced; an incomplete file is deleted."""
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
