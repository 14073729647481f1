"""Where the one-time password of a change of a root e-mail address comes from: hidden at a terminal, a file, stdin.

Never from the command line itself, which other processes can see, and shells remember.
"""

from __future__ import annotations

import getpass
import stat
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from rootkeeper.cli.rendering.text import printable
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.email_updates import OneTimePassword, parse_one_time_password
from rootkeeper.errors import InputError

_STDIN = Path("-")
_ATTEMPTS_AT_A_TERMINAL = 3
_LONGEST_FILE = 4096


@dataclass(frozen=True, slots=True)
class OneTimePasswordSource:
    """Reads one-time passwords."""

    terminal: Terminal
    path: Path | None
    """``-`` for stdin; ``None`` for a person at the terminal."""

    @property
    def attempts(self) -> int:
        """How often a wrong one may be followed by another."""
        return _ATTEMPTS_AT_A_TERMINAL if self.path is None else 1

    @property
    def can_read(self) -> bool:
        return self.path is not None or self.terminal.can_ask

    def require_fits(self, *, is_started: bool) -> None:
        """Check before anything is sent that a one-time password can come from here.

        :raises InputError: if the file can't be read, or holds what can't belong to a change that isn't started yet.
        """
        if self.path is None or self.path == _STDIN:
            return
        try:
            is_plain_file = stat.S_ISREG(self.path.stat().st_mode)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if is_plain_file and not is_started:
            raise InputError(
                f"No change to this address is open in this ledger, so the one-time password in {self.path} can't "
                "belong to one. Nothing was sent.",
                hint="Leave --otp-from out to start it, or give stdin (-) or a named pipe, which is read afterwards.",
            )

    def read(self, email: str) -> OneTimePassword:
        """Wait for it.

        :raises InputError: if it isn't one; the message doesn't repeat it.
        """
        if self.path is None:
            return parse_one_time_password(_ask(f"One-time password sent to {email}: "))
        if self.path == _STDIN:
            return parse_one_time_password(sys.stdin.readline())
        try:
            with self.path.open(encoding="ascii", errors="replace") as source:
                return parse_one_time_password(source.read(_LONGEST_FILE))
        except OSError as error:
            raise _unreadable(self.path, error) from error


def _ask(question: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(printable(question), stream=sys.stderr)
        except (EOFError, getpass.GetPassWarning) as error:
            raise InputError(
                "The one-time password can't be asked for here without showing it.", hint="Give it with --otp-from."
            ) from error


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} can't be read: {error.strerror}.", hint="Check the path given with --otp-from.")
