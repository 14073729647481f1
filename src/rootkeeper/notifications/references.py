"""Reading a target's URL where its reference says, each time that something is sent: it is kept nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from rootkeeper.domain.notification_targets import ENVIRONMENT_REFERENCE, FILE_REFERENCE, NotificationTarget
from rootkeeper.errors import NotificationError

_LONGEST = 8192
_FORBIDDEN_MODE = stat.S_IWGRP | stat.S_IRWXO


def read_reference(target: NotificationTarget, environment: Mapping[str, str]) -> str:
    """The target's URL.

    :raises NotificationError: if there is none, or others may read its file.
    """
    kind = ENVIRONMENT_REFERENCE if target.reference.startswith(ENVIRONMENT_REFERENCE) else FILE_REFERENCE
    place = target.reference.removeprefix(kind)
    url = environment.get(place, "") if kind == ENVIRONMENT_REFERENCE else _read_file(target, Path(place).expanduser())
    if not url.strip():
        what = f"the variable {place} isn't set" if kind == ENVIRONMENT_REFERENCE else f"{place} is empty"
        raise _unusable(target, what, "Put the target's URL there.")
    return url.strip()


def _read_file(target: NotificationTarget, path: Path) -> str:
    """What is read is the file that was checked."""
    try:
        with path.open("rb") as source:
            found = os.fstat(source.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise _unusable(target, f"{path} is no file", "Give a file that holds the URL and nothing else.")
            if found.st_mode & _FORBIDDEN_MODE:
                raise _unusable(target, f"others may read or change {path}", f"Run: chmod 600 {path}")
            return source.read(_LONGEST).decode()
    except OSError as error:
        raise _unusable(target, f"{path} can't be read: {error.strerror}", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise _unusable(target, f"{path} isn't text", "Give a file that holds the URL and nothing else.") from error


def _unusable(target: NotificationTarget, what: str, hint: str) -> NotificationError:
    return NotificationError(f"The notification target {target.name} can't be used: {what}.", hint=hint)
