"""Devices from which a user has signed in before.

After too many wrong passwords for a name, sign-ins from unknown devices must wait. A known device needn't, so that an
attacker's failures don't lock the right person out. It proves itself with a cookie, which proves nothing else: the
password and the second factor are still needed, and the cookie allows no more guesses than the limit of its own device.

The cookie is sealed with the key of the key file for one user, so that nothing is stored, and no one can make one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.access.factor_store import KeyFileCipher
from rootkeeper.access.rules import fold_name, hash_text
from rootkeeper.clock import Clock
from rootkeeper.errors import DatabaseError
from rootkeeper.values import render_time

DEVICE_LASTS = timedelta(days=90)
"""Since the last sign-in from the device."""

_LONGEST_COOKIE = 256


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """Makes and recognizes the cookies of known devices."""

    cipher: KeyFileCipher
    clock: Clock

    def make_cookie(self, name: str, device_id: str | None = None) -> str:
        """Make the cookie for a device from which the user has just signed in.

        :param device_id: of a device that is known already; it keeps its id.
        """
        made_at = render_time(self.clock.now())
        sealed = self.cipher.seal(f"{device_id or secrets.token_hex(8)} {made_at}", _make_context(name))
        return sealed.translate(_TO_COOKIE).rstrip("=")

    def recognize(self, name: str, cookie: str | None) -> str | None:
        """Return the device's id; ``None`` if the user isn't known to have signed in from it."""
        if not cookie or len(cookie) > _LONGEST_COOKIE or not cookie.isascii():
            return None
        padded = cookie.translate(_FROM_COOKIE) + "=" * (-len(cookie) % 4)
        try:
            content = self.cipher.unseal(padded, _make_context(name))
        except DatabaseError:
            return None
        device_id, _, made_at = content.partition(" ")
        return device_id if self.clock.now() < datetime.fromisoformat(made_at) + DEVICE_LASTS else None


_TO_COOKIE, _FROM_COOKIE = str.maketrans("+/", "-_"), str.maketrans("-_", "+/")


def name_cookie(name: str) -> str:
    """Name the cookie of one user, because several may use one browser. The name of the user isn't in it."""
    return f"rootkeeper-device-{hash_text(fold_name(name))[:12]}"


def _make_context(name: str) -> str:
    return f"device of {hash_text(fold_name(name))}"
