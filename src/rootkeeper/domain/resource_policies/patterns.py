"""The wildcards of policies: ``*`` for any text, ``?`` for one character, nothing else.

Source: IAM User Guide, "IAM JSON policy elements: Resource".
"""

from __future__ import annotations

from collections.abc import Iterable

from rootkeeper.domain.policies.patterns import known_text, match, wildcard_tokens


def matches_any(text: str, patterns: Iterable[str]) -> bool:
    """Whether one of ``patterns`` covers ``text``."""
    known = known_text(text)
    return any(match(wildcard_tokens(pattern), known) for pattern in patterns)


def has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern
