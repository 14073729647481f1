"""Hints in the words of the command line: the next command to run, or the option to add."""

from __future__ import annotations

from collections.abc import Mapping

from rootkeeper.errors import Hint

COMMAND_HINTS: Mapping[str, str] = {
    "exception.list": "See rootkeeper exceptions list.",
    "factors.key_file": (
        "Copy the key file of the other servers, or of the backup, to the path in server.key_file. If it is lost, run "
        "rootkeeper users reset-factors NAME for each user with an authenticator app, then start again."
    ),
    "factors.reset": "Reset them: rootkeeper users reset-factors NAME",
    "factors.wait": "Wait an hour, or ask an administrator to run: rootkeeper users reset-factors NAME",
    "failsafe.include": "If you mean to delete the way back in, add --include-failsafe with its id.",
    "identity.list": "See them: rootkeeper users list, rootkeeper token list",
    "organization.list": "Use another token, or list the organization again: rootkeeper audit",
    "token.list": "Use another token. See what each may do: rootkeeper token list",
    "window.close_first": "Close the window: rootkeeper windows close ACCOUNT.",
}
"""By the hint's code, in alphabetical order; ``{name}`` stands for a fact of the hint."""


def render_hint(hint: str | None) -> str | None:
    """The hint as a person at a terminal can follow it."""
    if not isinstance(hint, Hint) or hint.code not in COMMAND_HINTS:
        return hint
    return COMMAND_HINTS[hint.code].format_map(hint.facts)
