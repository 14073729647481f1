"""Taking powers from a process: to write big files, to open many, and to write what file permissions forbid."""

from __future__ import annotations

import ctypes
import os
import resource

_CAPABILITY_VERSION_3 = 0x20080522
_SETS_OF_CAPABILITIES = 6
"""Two words for each of effective, permitted and inheritable."""


def limit_file_size(size_bytes: int) -> None:
    """Let no file grow beyond ``size_bytes``: what a full disk is to a program."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))


def limit_open_files(count: int) -> None:
    """Let no more than ``count`` files and connections be open at a time; the process can't raise the limit again."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


def drop_root_powers() -> None:
    """Give up every capability, so that permissions of files bind root too. Source: Linux, capset(2).

    :raises OSError: if the system refuses.
    """
    if os.geteuid() != 0:
        return
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * _SETS_OF_CAPABILITIES)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")
