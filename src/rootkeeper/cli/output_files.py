"""Writes the file that a user names with ``--out``: the same way for every command.

A regular file or a new name gets a file that was written beside it and is then renamed, so that a reader sees either
the old or the new content, and no failure leaves half of it. Everything else is refused before anything is read: a
device or a pipe, also ``/dev/stdout``, because opening it can wait forever; a link, because a command with many
permissions must not write where a person without them points.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rootkeeper.cli.outputs import option
from rootkeeper.cli.terminal import OutputLostError
from rootkeeper.database.files import open_replacing
from rootkeeper.errors import InputError

OUT_RULE = "A device, a pipe and a link are refused."
_HINT = "Choose another file."


def out_option(explanation: str) -> Any:
    """Declare ``--out``; its help states the rule of every output file."""
    return option("--out FILE", f"{explanation} {OUT_RULE}")


def require_output_file(path: Path | None, *, is_new: bool = False) -> None:
    """Require that ``path`` can be written, without opening it: before a command reads anything.

    :param path: ``None``: stdout.
    :param is_new: whether an existing file is refused.
    :raises InputError: if it can't.
    """
    if path is not None:
        with _as_input_error(path):
            _require_usable(path, is_new=is_new)


def prepare_output_folder(path: Path) -> None:
    """Make a folder that only this user may read, or require an empty one: its files belong together.

    :raises InputError: if it has files already, or can't be used.
    """
    with _as_input_error(path):
        path.mkdir(mode=0o700, exist_ok=True)
        _require_access(path)
        if any(path.iterdir()):
            raise InputError(f"{path} isn't empty.", hint="Choose a new or empty folder.")


def write_output_file(
    path: Path, parts: Iterable[str | bytes], *, is_new: bool = False, is_private: bool = False
) -> int:
    """Write ``parts`` in order, and return their number.

    :param is_new: whether an existing file is refused, because it may be evidence.
    :param is_private: whether only this user may read a new file.
    :raises InputError: if it can't be opened for writing.
    :raises OutputLostError: if it can't take the parts. An existing file is as it was, in both cases.
    """
    with _as_input_error(path):
        _require_usable(path, is_new=is_new)
        if is_new:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with open_replacing(path, 0o600 if is_private else _choose_mode(path, is_new=is_new)) as target:
                return _write_parts(target, parts)
        except BaseException:
            if is_new:
                path.unlink(missing_ok=True)
            raise


def _require_usable(path: Path, *, is_new: bool) -> None:
    """Require a regular file or a new name.

    :raises OSError: if it can't be written.
    :raises InputError: if it is a folder, device, pipe or link, or exists although it must be new.
    """
    try:
        leads_to = path.stat().st_mode
    except FileNotFoundError:
        leads_to = None
    if leads_to is not None and not stat.S_ISREG(leads_to) and not stat.S_ISDIR(leads_to):
        raise InputError(
            f"{path} can't be written: it is a device or a pipe.",
            hint="Name a file, or leave --out away and redirect stdout.",
        )
    if path.is_symlink():
        raise InputError(f"{path} is a link, and isn't followed.", hint=f"Name the file itself: {path.resolve()}")
    if leads_to is not None and stat.S_ISDIR(leads_to):
        raise InputError(f"{path} can't be written: it is a folder.", hint=_HINT)
    if leads_to is not None:
        if is_new:
            raise InputError(f"{path} exists already, and isn't overwritten.", hint="Choose a new file.")
        _require_access(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(None, "its folder doesn't exist")
    _require_access(path.parent)


def _require_access(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError(None, "Permission denied")


def _choose_mode(path: Path, *, is_new: bool) -> int:
    """Choose the new file's permissions: from this user's old file, or the usual permissions."""
    with contextlib.suppress(FileNotFoundError):
        old = path.lstat()
        if not is_new and old.st_uid == os.geteuid():
            return stat.S_IMODE(old.st_mode)
    return 0o644


def _write_parts(target: BinaryIO, parts: Iterable[str | bytes]) -> int:
    count = 0
    for part in parts:
        target.write(part.encode() if isinstance(part, str) else part)
        count += 1
    target.flush()
    return count


_LOST = frozenset({errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC})
"""The file was right, but can't take the answer."""


@contextlib.contextmanager
def _as_input_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _LOST:
            raise OutputLostError(str(path), error) from error
        raise InputError(f"{path} can't be written: {error.strerror}.", hint=_HINT) from error
