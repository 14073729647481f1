"""The wildcards of policies: ``*`` for any text, ``?`` for one character, nothing else.

Source: IAM User Guide, "IAM JSON policy elements: Resource".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=1024)
def _compile(pattern: str) -> re.Pattern[str]:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether one of ``patterns`` covers ``text``."""
    return any(_compile(pattern).fullmatch(text) for pattern in patterns)


def has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern
