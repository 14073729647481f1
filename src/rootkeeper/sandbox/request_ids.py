"""The ids by which AWS and its clients speak of single requests."""

from __future__ import annotations

import os


def make_request_id() -> str:
    """Make a random UUID of version 4, in less time than ``uuid`` takes."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
