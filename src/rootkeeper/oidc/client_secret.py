"""Reading the client's secret where its reference says, each time that it is needed: it is kept nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from rootkeeper.errors import IdentityProviderError

_LONGEST = 8192
_FORBIDDEN_MODE = stat.S_IWGRP | stat.S_IRWXO


def read_client_secret(reference: str, environment: Mapping[str, str]) -> str | None:
    """The secret; ``None`` for a client that has none.

    :raises IdentityProviderError: if there is none where the reference says, or others may read its file.
    """
    if not reference:
        return None
    kind, _, place = reference.partition(":")
    secret = environment.get(place, "") if kind == "env" else _read_file(Path(place).expanduser())
    if not secret.strip():
        raise _unusable("it is empty" if kind == "file" else f"the variable {place} isn't set")
    return secret.strip()


def _read_file(path: Path) -> str:
    """What is read is the file that was checked."""
    try:
        with path.open("rb") as source:
            found = os.fstat(source.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise _unusable(f"{path} is no file")
            if found.st_mode & _FORBIDDEN_MODE:
                raise _unusable(f"others may read or change {path}")
            return source.read(_LONGEST).decode()
    except OSError as error:
        raise _unusable(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _unusable(f"{path} isn't text") from error


def _unusable(why: str) -> IdentityProviderError:
    return IdentityProviderError(
        f"The client secret of the identity provider can't be used: {why}.",
        hint="Put the secret where the setting oidc.client_secret says, readable by the server alone.",
    )
