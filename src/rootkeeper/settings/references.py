"""Secrets that settings refer to and don't hold: read where they are, each time that they are needed."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from rootkeeper.errors import SettingsError

_LONGEST = 8192
_FORBIDDEN_MODE = stat.S_IWGRP | stat.S_IRWXO


def read_reference(reference: str, environment: Mapping[str, str]) -> str:
    """What ``env:VARIABLE`` or ``file:PATH`` holds, without the space around it.

    :raises SettingsError: if there is nothing, or others may read its file. The message is a part of a sentence.
    """
    kind, _, place = reference.partition(":")
    is_variable = kind == "env"
    secret = environment.get(place, "") if is_variable else _read_file(Path(place).expanduser())
    if not secret.strip():
        raise SettingsError(f"the variable {place} isn't set" if is_variable else f"{place} is empty")
    return secret.strip()


def _read_file(path: Path) -> str:
    """What is read is the file that was checked."""
    try:
        with path.open("rb") as source:
            found = os.fstat(source.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise SettingsError(f"{path} is no file")
            if found.st_mode & _FORBIDDEN_MODE:
                raise SettingsError(f"others may read or change {path}", hint=f"Run: chmod 600 {path}")
            return source.read(_LONGEST).decode()
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} isn't text") from error
