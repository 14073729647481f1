"""Text files that a user asked for: written whole or not at all, and read with errors that name them."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

from rootkeeper.errors import InputError

LARGEST_BYTES = 256 * 2**20
"""More than any log file of a trail; a device or a runaway pipe ends here."""


def write_text_file(path: Path, text: str) -> None:
    """Replace ``path`` by ``text``; a reader sees the old file or the new one.

    :raises InputError: if it can't be written.
    """
    name = None
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as target:
            name = target.name
            target.write(text)
        Path(name).chmod(0o644 & ~_umask())
        Path(name).replace(path)
    except OSError as error:
        if name is not None:
            with contextlib.suppress(OSError):
                Path(name).unlink()
        raise InputError(f"{path} can't be written: {error.strerror}.", hint="Give another file.") from error


def read_text_file(path: Path) -> str:
    """The whole file; ``-`` is stdin.

    :raises InputError: if it can't be read, isn't UTF-8 or is too large.
    """
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(LARGEST_BYTES + 1)
        else:
            with path.open("rb") as source:
                content = source.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise InputError(f"{path} is larger than {LARGEST_BYTES:,} bytes.", hint="Give it in parts.")
        return content.decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.", hint="Give a file, or - for stdin.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} isn't text: {error}.", hint="Unzip a log file of a trail first.") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
