"""The sandbox's clock, and the one-time passwords of virtual MFA devices, which depend on time.

A code is valid at the sandbox's time and at the machine's time: an authenticator app doesn't follow an advanced
clock.

Source: RFC 6238 with SHA-1 and steps of 30 s, RFC 4226 section 5.3.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Container, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from pyotp import HOTP


def read_machine_time() -> datetime:
    """Read the machine's clock, aware and in UTC."""
    return datetime.now(UTC)


class Clock:
    """A clock that can be moved forward."""

    def __init__(self, machine_time: Callable[[], datetime] = read_machine_time) -> None:
        self.machine_time = machine_time
        self.advanced = timedelta()

    def now(self) -> datetime:
        """Give the sandbox's time."""
        return self.machine_time() + self.advanced

    def advance(self, seconds: float) -> None:
        """Move the sandbox's time forward."""
        self.advanced += timedelta(seconds=seconds)

    def reset(self) -> None:
        """Go back to the machine's time."""
        self.advanced = timedelta()


STEP_SECONDS = 30
SEED_BYTES = 20
"""As many as SHA-1 gives. Source: RFC 4226 section 4, R6."""
_TOLERATED_STEPS = (0, -1, 1)
_PAIR_STEPS = range(-2, 2)
"""Where the first of two consecutive codes may lie when a device is registered."""


def encode_seed(seed: bytes) -> str:
    """Write a seed as people and authenticator apps take it."""
    return base64.b32encode(seed).decode().rstrip("=")


def totp_code(seed: str, step: int) -> str:
    """Give the code of a step of time."""
    return HOTP(seed).at(step)


def step_of(moment: datetime) -> int:
    return int(moment.timestamp()) // STEP_SECONDS


def find_step(seed: str, code: str, now: datetime, used: Container[int]) -> int | None:
    """Find the step that a code belongs to, a step early or late included; ``None`` for wrong and used codes."""
    return next((step for step in _steps(now) if step not in used and _is_code(seed, step, code)), None)


def find_pair(seed: str, first: str, second: str, now: datetime) -> tuple[int, int] | None:
    """Find the steps of two consecutive codes, which prove that a person holds the device."""
    for base in _presents(now):
        for step in (base + offset for offset in _PAIR_STEPS):
            if _is_code(seed, step, first) and _is_code(seed, step + 1, second):
                return step, step + 1
    return None


def next_code(seed: str, now: datetime, used: Container[int]) -> str | None:
    """Give a code that would be taken now; ``None`` when all of them were used."""
    step = next((step for step in _steps(now) if step not in used), None)
    return None if step is None else totp_code(seed, step)


def otpauth_uri(seed: str, label: str, issuer: str) -> str:
    """Write the URI that authenticator apps read from a QR code. Source: the "Key URI Format" that they share."""
    parameters = urlencode({"secret": seed, "issuer": issuer}, quote_via=quote)
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(label, safe='')}?{parameters}"


def _steps(now: datetime) -> Iterator[int]:
    return (base + offset for base in _presents(now) for offset in _TOLERATED_STEPS)


def _presents(now: datetime) -> Iterator[int]:
    return iter((step_of(now), step_of(read_machine_time())))


def _is_code(seed: str, step: int, code: str) -> bool:
    return hmac.compare_digest(totp_code(seed, step).encode(), code.encode("utf-8", "surrogatepass"))
