"""The file with the first administrator's link, of a server that doesn't run at a terminal.

What such a server prints ends in a journal or a log store, which more people can read than may become administrator.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rootkeeper.errors import Hint, SettingsError


@dataclass(frozen=True, slots=True)
class LinkFile:
    """One file, which only its user can read."""

    path: Path

    def write(self, link: str) -> None:
        """Write a new file; never into an existing one, nor through a link.

        :raises SettingsError: if it can't be written.
        """
        try:
            self.path.unlink(missing_ok=True)
            descriptor = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as new:
                new.write(f"{link}\n")
        except OSError as error:
            raise SettingsError(
                f"The first administrator's link can't be written to {self.path}: {error.strerror}.",
                hint=Hint("Add an administrator on the server's machine.", "identity.add_administrator"),
            ) from error

    def remove(self) -> None:
        """Remove it, if it is there and can be removed; its link is worthless once there is an administrator."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
