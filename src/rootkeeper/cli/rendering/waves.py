"""The waves of a deletion, in words."""

from __future__ import annotations

from rootkeeper.cli.rendering.text import counted
from rootkeeper.domain.waves import WaveRules


def render_waves(rules: WaveRules, targets: int) -> list[str]:
    """What will happen in which order; empty where everything goes at once."""
    if rules.is_plain or not targets:
        return []
    canaries = min(rules.canary, targets)
    rest = targets - canaries
    parts = [f"first {counted(canaries, 'canary account')} alone, all of which must succeed"] if canaries else []
    if rest:
        parts.append(_render_rest(rules, rest, is_first=not canaries))
    has_several = bool(canaries) or (rules.size is not None and rules.size < rest)
    if rules.pause_seconds and rest and has_several:
        parts.append(f"{rules.pause_seconds} s of pause between waves")
    lines = [f"Order: {', '.join(parts)}."]
    if rules.canary and not rest:
        lines.append(f"Every account is a canary: --canary is {rules.canary}, and there {_render_targets(targets)}.")
    if rules.stop_after_failures is not None:
        lines.append(f"No further account is begun after {counted(rules.stop_after_failures, 'failure')}.")
    return lines


def _render_rest(rules: WaveRules, rest: int, *, is_first: bool) -> str:
    begin = "" if is_first else "then "
    if rules.size is None or rules.size >= rest:
        return f"{begin}{counted(rest, 'account')} at once"
    waves = -(-rest // rules.size)
    return f"{begin}{counted(rest, 'account')}, {rules.size} at a time in {waves} waves"


def _render_targets(targets: int) -> str:
    return "is 1 account" if targets == 1 else f"are {targets} accounts"
