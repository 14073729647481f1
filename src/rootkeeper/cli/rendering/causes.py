"""Why accounts are unknown, told once for all accounts that share the cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_EXAMPLES_SHOWN = 3


def cause_lines(causes: Iterable[tuple[str, str]]) -> list[str]:
    """One line for each cause, with the accounts that it concerns. Given account ids with what is said of each."""
    accounts_of: dict[str, list[str]] = {}
    for account_id, why in causes:
        accounts_of.setdefault(why.replace(account_id, "ACCOUNT"), []).append(account_id)
    return [f"Unknown: {_name(ids)}: {_in_place(why, ids)}" for why, ids in accounts_of.items()]


def _in_place(why: str, ids: Sequence[str]) -> str:
    return why.replace("ACCOUNT", ids[0]) if len(ids) == 1 else why


def _name(ids: Sequence[str]) -> str:
    more = len(ids) - _EXAMPLES_SHOWN
    return ", ".join(ids[:_EXAMPLES_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
