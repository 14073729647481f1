"""Reading a target's URL where its reference says, each time that something is sent: it is kept nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.domain.notification_targets import NotificationTarget
from rootkeeper.errors import NotificationError, SettingsError
from rootkeeper.settings.references import read_reference


def read_url(target: NotificationTarget, environment: Mapping[str, str]) -> str:
    """The target's URL.

    :raises NotificationError: if there is none, or others may read its file.
    """
    try:
        return read_reference(target.reference, environment)
    except SettingsError as error:
        raise NotificationError(
            f"The notification target {target.name} can't be used: {error.message}.",
            hint=error.hint or "Put the target's URL there, and nothing else.",
        ) from error
