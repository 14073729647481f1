"""What a deletion that was interrupted had deleted already, as the ledger shows it.

An account in which it was at work then has less now than its plan says. That is no change by somebody else: what is
left is a part of what was planned, and what went is told as deleted, not as if it had never been there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rootkeeper.domain.deletion import KindOutcome, KindResult, PlannedCall
from rootkeeper.domain.ledger import LedgerEntry, Phase, Result
from rootkeeper.domain.removals import ACTIONS, TARGET_PARAMETERS

EARLIER_DETAIL = "Deleted before the interruption, as the ledger shows."

_KINDS = {action: kind for kind, action in ACTIONS.items()}


def list_deleted_earlier(entries: Iterable[LedgerEntry], plan_id: str) -> frozenset[PlannedCall]:
    """The calls of that plan whose outcome says that a re-read doesn't show their target any more.

    :param entries: of one account, intents before their outcomes.
    """
    sent: dict[int, PlannedCall] = {}
    deleted: set[PlannedCall] = set()
    for entry in entries:
        if entry.action not in _KINDS:
            continue
        if entry.phase is Phase.INTENT and entry.parameters.get("plan_id") == plan_id:
            sent[entry.sequence] = _parse_call(entry)
        elif entry.intent_sequence in sent and entry.result is Result.DONE and _was_reread(entry):
            deleted.add(sent[entry.intent_sequence])
    return frozenset(deleted)


def credit_earlier(
    kinds: Sequence[KindResult], calls: Sequence[PlannedCall], deleted: frozenset[PlannedCall]
) -> tuple[KindResult, ...]:
    """Kinds that are absent since the plan's own calls deleted them earlier count as deleted."""
    earlier = {call.kind for call in calls if call in deleted}
    return tuple(
        replace(result, outcome=KindOutcome.DELETED, detail=EARLIER_DETAIL)
        if result.outcome is KindOutcome.ALREADY_ABSENT and result.kind in earlier
        else result
        for result in kinds
    )


def _parse_call(entry: LedgerEntry) -> PlannedCall:
    kind = _KINDS[entry.action]
    target = entry.parameters.get(TARGET_PARAMETERS[kind]) if kind in TARGET_PARAMETERS else None
    return PlannedCall(kind, None if target is None else str(target))


def _was_reread(entry: LedgerEntry) -> bool:
    """Whether a re-read decided: the run's own, or the one that settles what a dead process left. Else there was
    nothing to delete.
    """
    return "reread" in entry.parameters or "settled_by" in entry.parameters
