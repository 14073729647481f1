"""Waves: in which order, and how many at a time, the accounts of a plan are dealt with.

The first few may go alone, as canaries: unless all of them succeed, nothing else is begun. The rest goes in waves of
one size, so that somebody can look, and a mistake reaches few accounts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rootkeeper.domain.deletion import PlannedAccount
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import AccountId


@dataclass(frozen=True, slots=True)
class WaveRules:
    """How a plan is cut into waves, and when it stops by itself."""

    canary: int = 0
    """So many accounts go first, alone; 0: none."""
    size: int | None = None
    """So many accounts go at a time; ``None``: all at once."""
    pause_seconds: int = 0
    """Between one wave and the next."""
    stop_after_failures: int | None = None
    """After so many failures no further account is begun; ``None``: none are too many."""

    @property
    def is_plain(self) -> bool:
        return self == WaveRules()


@dataclass(frozen=True, slots=True)
class Wave:
    """Accounts that are dealt with at the same time."""

    accounts: tuple[PlannedAccount, ...]
    is_canary: bool = False


def plan_waves(
    targets: Sequence[PlannedAccount], rules: WaveRules, done: Collection[AccountId] = frozenset()
) -> tuple[Wave, ...]:
    """Cut the targets into waves, in their order; those in ``done`` are left out, and no wave is empty.

    The first ``rules.canary`` targets are the canaries, whether they are done or not.
    """
    canaries = tuple(one for one in targets[: rules.canary] if one.account_id not in done)
    rest = tuple(one for one in targets[rules.canary :] if one.account_id not in done)
    size = rules.size or max(1, len(rest))
    waves = [Wave(canaries, is_canary=True)] if canaries else []
    return (*waves, *(Wave(rest[start : start + size]) for start in range(0, len(rest), size)))


def describe_waves(rules: WaveRules) -> dict[str, JsonValue]:
    """The rules as JSON values."""
    return {
        "canary": rules.canary,
        "size": rules.size,
        "pause_seconds": rules.pause_seconds,
        "stop_after_failures": rules.stop_after_failures,
    }


def parse_waves(record: Mapping[str, Any]) -> WaveRules:
    """The rules that ``describe_waves`` wrote.

    :raises TypeError: if it isn't such a record.
    """
    return WaveRules(**record)
