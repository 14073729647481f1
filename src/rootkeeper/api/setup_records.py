"""The set-up of root access management as the API shows it: what is on, what is missing and why it matters, changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rootkeeper.domain.ledger import Action
from rootkeeper.domain.organizations import AccountId, Inventory
from rootkeeper.domain.setup import Feature, Setup
from rootkeeper.workflows.setup import MissingPart, SetupChange, SetupPlan, SetupReport
from rootkeeper.workflows.setup_steps import StepOutcome

_DELEGATE_WHY = (
    "Without one, everything here needs the management account, and there is no way in when the identity provider "
    "fails."
)
_WHYS: tuple[tuple[str, str], ...] = (
    ("All features", "An organization with consolidated billing only has no root access management."),
    ("Trusted access", "IAM acts in member accounts only while the organization trusts it to."),
    (
        f"The feature {Feature.ROOT_CREDENTIALS_MANAGEMENT}",
        "Without it nobody can see, delete or recover root user credentials of member accounts from one place.",
    ),
    (
        f"The feature {Feature.ROOT_SESSIONS}",
        "Without it a bucket or queue policy that locks everybody out needs the root user's own password.",
    ),
    ("A delegated administrator", _DELEGATE_WHY),
)
"""Why each part is wanted, by the beginning of its name."""


def setup_to_record(setup: Setup, inventory: Inventory | None) -> dict[str, Any]:
    """What is on; ``None`` where it couldn't be read.

    While trusted access is off no feature is on, whatever flags AWS keeps.

    :param inventory: for the delegated administrators' names.
    """
    delegates = setup.delegated_administrators
    names = _list_names(inventory)
    return {
        "trusted_access": setup.trusted_access,
        "features": _list_features(setup),
        "delegated_administrators": (
            None if delegates is None else [{"account_id": one, "name": names.get(one)} for one in delegates]
        ),
        "unknown": list(setup.unknown),
    }


def features_to_records(setup: Setup) -> list[dict[str, Any]]:
    """Both features; ``is_on`` is ``None`` where it couldn't be read."""
    on = _list_features(setup)
    return [{"name": feature.value, "is_on": None if on is None else feature.value in on} for feature in Feature]


def missing_to_records(report: SetupReport) -> list[dict[str, str]]:
    """What is known to be missing, why it is wanted, and what mends it."""
    return [
        {"what": part.what, "why": _describe_reason(part), "action": _describe_action(part)} for part in report.missing
    ]


def plan_to_record(plan: SetupPlan) -> dict[str, Any]:
    """What a change will do."""
    steps = [
        {"action": step.action.value, "what": step.title, "outcome": "planned", "detail": ""} for step in plan.steps
    ]
    return {"steps": steps, "unneeded": list(plan.unneeded), "remarks": list(plan.remarks)}


def change_to_record(change: SetupChange, inventory: Inventory | None) -> dict[str, Any]:
    """What a change did, and the set-up as re-read after it."""
    steps = [
        {
            "action": result.step.action.value,
            "what": result.step.title,
            "outcome": result.outcome.value,
            "detail": " ".join(text for text in (result.explanation, result.hint) if text),
        }
        for result in change.results
    ]
    return {
        "steps": steps,
        "unneeded": list(change.plan.unneeded),
        "remarks": [*change.closing_remarks, *_describe_listing(change)],
        "is_proven": change.is_proven,
        "setup": setup_to_record(change.setup, inventory),
    }


def _describe_listing(change: SetupChange) -> list[str]:
    """What accounts are is what was listed last."""
    is_registered = any(
        result.step.action is Action.DELEGATED_ADMINISTRATOR_REGISTER and result.outcome is StepOutcome.CHANGED
        for result in change.results
    )
    return ["The next audit shows the account as failsafe."] if is_registered else []


def _list_features(setup: Setup) -> list[str] | None:
    if setup.trusted_access is False:
        return []
    return None if setup.features is None else sorted(feature.value for feature in setup.features)


def _list_names(inventory: Inventory | None) -> Mapping[AccountId, str]:
    return {} if inventory is None else {account.account_id: account.name for account in inventory.accounts}


def _describe_reason(part: MissingPart) -> str:
    return next((why for begin, why in _WHYS if part.what.startswith(begin)), "")


def _describe_action(part: MissingPart) -> str:
    if part.command.startswith("rootkeeper enable"):
        return "Switch it on in the set-up."
    return f"Run: {part.command}"
