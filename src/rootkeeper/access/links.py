"""Single-use links with which a person sets the password: invitations, and resets by an administrator; and the file
with the first administrator's link.

While a link is open, its hash is in the place of the person's password hash, so a person has either a password or one
link: a new link ends the password and the link before it, and a password ends the link. The hash covers the person and
the end, so an edited end, or a hash that was copied to another person, opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rootkeeper.errors import Hint, SettingsError

LINK_LASTS = timedelta(days=1)
"""Also of the first administrator's link."""

_CLOCKS_DIFFER = timedelta(minutes=10)
"""Between two servers, each of which notifies if its clock differs from AWS's by more than five minutes."""

_SECRET_BYTES = 32
_STORED = re.compile(r"link\$([0-9]{1,11})\$[0-9a-f]{64}")

REMOVED_LINK = "link$"
"""Stored in the place of the link of a person who was disabled; no link and no password fits it."""


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """A new link for a person."""

    token: str = field(repr=False)
    """The person's name, a full stop and a secret of 256 random bits."""
    proof_hash: str = field(repr=False)
    ends_at: datetime


def make_link(identity_id: str, name: str, now: datetime) -> PasswordLink:
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    ends = int((now + LINK_LASTS).timestamp())
    return PasswordLink(f"{name}.{secret}", _hash(identity_id, ends, secret), datetime.fromtimestamp(ends, UTC))


def make_link_address(origin: str, token: str) -> str:
    """Return the address that a person opens. The secret after the # stays in the browser, so no log contains it."""
    return f"{origin}/set-password#{token}"


def find_link_name(token: str) -> str:
    """Return the name in the link, which proves nothing; empty if there is none."""
    return token.rpartition(".")[0]


def find_link_end(proof_hash: str) -> datetime | None:
    """Return when the link ends; ``None`` if the person has a password, or nothing."""
    found = _STORED.fullmatch(proof_hash)
    return None if found is None else datetime.fromtimestamp(int(found[1]), UTC)


def is_link(proof_hash: str) -> bool:
    return proof_hash.startswith(REMOVED_LINK)


def fits_link(proof_hash: str, identity_id: str, token: str, now: datetime) -> bool:
    """Whether the token is of the stored link, which hasn't ended. A clock that went back opens no link either."""
    end = find_link_end(proof_hash)
    if end is None:
        return False
    hashed = _hash(identity_id, int(end.timestamp()), token.rpartition(".")[2])
    is_same = hmac.compare_digest(hashed.encode(), proof_hash.encode())
    return is_same and end - LINK_LASTS - _CLOCKS_DIFFER <= now < end


def _hash(identity_id: str, ends: int, secret: str) -> str:
    text = f"rootkeeper:password-link\0{identity_id}\0{ends}\0{secret}"
    return f"link${ends}${hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


@dataclass(frozen=True, slots=True)
class LinkFile:
    """The file with the first administrator's link, which only the server's user can read.

    The output of a server without a terminal ends in a journal or a log store, which more people can read than may
    become administrator.
    """

    path: Path

    def write(self, link: str) -> None:
        """Write a new file; never into an existing file, nor through a link.

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
