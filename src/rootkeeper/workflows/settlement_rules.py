"""What a re-read makes of an intent without an outcome, one rule for each action."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.domain.ledger import Action, LedgerEntry, Result
from rootkeeper.domain.openings import OpenOutcome, classify_orphaned_opening
from rootkeeper.domain.removals import ACTIONS, TARGET_PARAMETERS
from rootkeeper.domain.resource_policies.changes import evaluate_reread, read_resource
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.domain.windows import OPENING_LATENCY, WindowState
from rootkeeper.workflows.rereading import AccountRereader
from rootkeeper.workflows.setup_steps import SetupStep, find_satisfied

SESSION_LASTS = timedelta(seconds=900)
"""Source: STS AssumeRoot, API version 2011-06-15."""

SETUP_ACTIONS = frozenset(
    {
        Action.DELEGATED_ADMINISTRATOR_DEREGISTER,
        Action.DELEGATED_ADMINISTRATOR_REGISTER,
        Action.FEATURE_DISABLE,
        Action.FEATURE_ENABLE,
        Action.TRUSTED_ACCESS_DISABLE,
        Action.TRUSTED_ACCESS_ENABLE,
    }
)

POLICY_ACTIONS = frozenset({Action.BUCKET_POLICY_DELETE, Action.BUCKET_POLICY_PUT, Action.QUEUE_POLICY_SET})

POLICY_PAUSES_SECONDS = (1, 2)
"""A call sent just before its process died may still act."""
QUEUE_POLICY_SETTLES = timedelta(seconds=60)
"""How long SQS may show the attributes of before. Source: SQS SetQueueAttributes, API version 2012-11-05."""

_KINDS = {action: kind for kind, action in ACTIONS.items()}


@dataclass(frozen=True, slots=True)
class IntentFinding:
    """What is known now of an intent."""

    result: Result | None
    """``None``: it stays open."""
    explanation: str


def evaluate_setup_intent(entry: LedgerEntry, setup: Setup) -> IntentFinding:
    """An intent that concerns no account's root user."""
    if entry.action is Action.ACCOUNTS_AUDIT:
        return IntentFinding(Result.FAILED, "Interrupted: the audit has no result. It changes nothing.")
    if entry.action not in SETUP_ACTIONS:
        return IntentFinding(Result.UNKNOWN, "Interrupted.")
    satisfied = find_satisfied(_find_step(entry), setup)
    if satisfied is None:
        return IntentFinding(None, " ".join(setup.unknown) or "AWS doesn't tell it while trusted access is off.")
    return _DONE if satisfied else _NOT_DONE


def evaluate_account_intent(
    entry: LedgerEntry, rereading: AccountRereader, window_state: WindowState | None
) -> IntentFinding:
    """An intent that concerns one account.

    :param window_state: of the window that it belongs to; ``None`` if it belongs to none.
    """
    if entry.action in _KINDS:
        return _evaluate_deletion(entry, _KINDS[entry.action], rereading)
    if entry.action in POLICY_ACTIONS:
        return _evaluate_policy_change(entry, rereading)
    match entry.action:
        case Action.LOGIN_PROFILE_CREATE:
            return _evaluate_creation(entry, rereading)
        case Action.ROOT_SESSION_OPEN:
            ended_at = entry.at + OPENING_LATENCY + SESSION_LASTS
            return IntentFinding(
                Result.UNKNOWN,
                "Whether the session was opened isn't known; it ended by "
                f"{ended_at.isoformat(timespec='seconds')} at the latest.",
            )
        case Action.WINDOW_CLOSE if window_state is WindowState.CLOSED_VERIFIED:
            return IntentFinding(Result.DONE, "The window is CLOSED_VERIFIED.")
        case Action.WINDOW_CLOSE:
            return IntentFinding(Result.FAILED, "Interrupted: the window owes its closing still.")
        case Action.WINDOW_KEEP if window_state is WindowState.KEPT:
            return IntentFinding(Result.DONE, "The window is KEPT.")
        case Action.WINDOW_KEEP:
            return IntentFinding(Result.FAILED, "Interrupted: the login isn't kept; the window owes its closing.")
        case Action.ACCOUNTS_AUDIT:
            return IntentFinding(Result.FAILED, "Interrupted: the audit has no result. It changes nothing.")
        case _:
            return IntentFinding(Result.UNKNOWN, "Interrupted.")


def _evaluate_deletion(entry: LedgerEntry, kind: CredentialKind, rereading: AccountRereader) -> IntentFinding:
    name = TARGET_PARAMETERS.get(kind)
    target = None if name is None else str(entry.parameters.get(name))
    is_present = rereading.find_present(kind, target)
    if is_present is None:
        return IntentFinding(None, f"It can't be re-read: {rereading.failure}")
    return _NOT_DONE if is_present else _DONE


def _evaluate_creation(entry: LedgerEntry, rereading: AccountRereader) -> IntentFinding:
    outcome = classify_orphaned_opening(rereading.find_login_profile(), entry.at)
    if outcome is OpenOutcome.OPEN:
        return _DONE
    if outcome is OpenOutcome.UNKNOWN:
        return IntentFinding(None, f"It can't be re-read: {rereading.failure}")
    if outcome is OpenOutcome.FOREIGN:
        return IntentFinding(Result.FAILED, "Not done: a re-read shows a login profile that isn't of this intent.")
    return _NOT_DONE


def _evaluate_policy_change(entry: LedgerEntry, rereading: AccountRereader) -> IntentFinding:
    """Not done is concluded only when AWS has had its time to show the change."""
    try:
        resource = read_resource(entry.action, rereading.account_id, entry.parameters)
    except ValueError as error:
        return IntentFinding(Result.UNKNOWN, f"Interrupted; {error}.")
    for pause in (*_list_policy_pauses(entry, rereading.clock.now()), None):
        read = rereading.read_policy(resource)
        if read is None:
            return IntentFinding(None, f"It can't be re-read: {rereading.failure}")
        assessment = evaluate_reread(read.policy, entry.parameters, resource.partition)
        if assessment.is_settled or pause is None:
            break
        rereading.clock.sleep(pause)
    return IntentFinding(assessment.result, assessment.explanation)


def _list_policy_pauses(entry: LedgerEntry, now: datetime) -> tuple[float, ...]:
    if entry.action is not Action.QUEUE_POLICY_SET:
        return POLICY_PAUSES_SECONDS
    left_seconds = (entry.at + QUEUE_POLICY_SETTLES - now).total_seconds()
    return (*POLICY_PAUSES_SECONDS, max(left_seconds, 0.0) + 1)


def _find_step(entry: LedgerEntry) -> SetupStep:
    feature = entry.parameters.get("feature")
    return SetupStep(entry.action, Feature(feature) if isinstance(feature, str) else None, entry.account_id)


_DONE = IntentFinding(Result.DONE, "Done, as a re-read shows.")
_NOT_DONE = IntentFinding(Result.FAILED, "Not done, as a re-read shows.")
