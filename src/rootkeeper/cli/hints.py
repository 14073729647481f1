"""Hints in the words of the command line: the next command to run, or the option to add."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.errors import Hint

COMMAND_HINTS: Mapping[str, str] = {
    "exception.list": "See rootkeeper exceptions list.",
    "failsafe.include": "If you mean to delete the way back in, add --include-failsafe with its id.",
    "window.close_first": "Close the window: rootkeeper windows close ACCOUNT.",
}
"""By the hint's code, in alphabetical order; ``{name}`` stands for a fact of the hint."""


def render_hint(hint: str | None) -> str | None:
    """The hint as a person at a terminal can follow it."""
    if not isinstance(hint, Hint) or hint.code not in COMMAND_HINTS:
        return hint
    return COMMAND_HINTS[hint.code].format_map(hint.facts)
