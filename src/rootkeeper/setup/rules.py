"""Set-up drift: differences from the set-up that a person last accepted, and their possible causes.

It compares trusted access, the two features, the delegated administrators, and the guardrails: service control and
resource control policies with their content and attachments. A part that either side didn't read is unknown, never
unchanged.

Source: IAM organization features (only the management account calls Enable*; delegated administrators call Disable*,
too), Organizations API version 2016-11-28, and the resources of the Terraform AWS provider.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rootkeeper.changes.catalogue import CATALOGUE
from rootkeeper.ledger.rules import LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import Feature, Setup
from rootkeeper.shapes import SCHEMA_VERSION, Ordinal, to_plain_value
from rootkeeper.values import JsonValue, canonical_json, json_time


class DriftKind(StrEnum):
    """The ways in which a set-up can differ from the accepted set-up."""

    DELEGATE_GONE = "delegate_gone"
    DELEGATE_NEW = "delegate_new"
    FEATURE_OFF = "feature_off"
    FEATURE_ON = "feature_on"
    GUARDRAIL_ATTACHED = "guardrail_attached"
    GUARDRAIL_DETACHED = "guardrail_detached"
    GUARDRAIL_EDITED = "guardrail_edited"
    GUARDRAIL_GONE = "guardrail_gone"
    GUARDRAIL_NEW = "guardrail_new"
    TRUSTED_ACCESS_OFF = "trusted_access_off"
    TRUSTED_ACCESS_ON = "trusted_access_on"


_CONTROL_TOWER = "AWS Control Tower: a control or a landing zone was enabled, disabled, updated or reset."
_MANAGEMENT = "A caller in the management account"
_POLICY_DELEGATE = f"{_MANAGEMENT}, or in an account that its delegation policy allows to manage policies: "

CAUSES: Mapping[DriftKind, tuple[str, ...]] = {
    DriftKind.TRUSTED_ACCESS_OFF: (
        "Terraform: an aws_organizations_organization without iam.amazonaws.com in aws_service_access_principals.",
        f"{_MANAGEMENT}: organizations:DisableAWSServiceAccess, or the Organizations console.",
        "Every delegated administrator was deregistered first; AWS requires that.",
    ),
    DriftKind.TRUSTED_ACCESS_ON: (
        f"{_MANAGEMENT}: organizations:EnableAWSServiceAccess, or Enable in the IAM console.",
        "Terraform: aws_service_access_principals now contains iam.amazonaws.com.",
    ),
    DriftKind.FEATURE_OFF: (
        f"{_MANAGEMENT} or in a delegated administrator account: both can call iam:Disable….",
        "Terraform: aws_iam_organizations_features without it in enabled_features, or destroyed.",
    ),
    DriftKind.FEATURE_ON: (
        f"{_MANAGEMENT}: no other account can enable a feature.",
        "Terraform: aws_iam_organizations_features with it in enabled_features.",
    ),
    DriftKind.DELEGATE_GONE: (
        f"{_MANAGEMENT}: organizations:DeregisterDelegatedAdministrator.",
        f"{_MANAGEMENT} that is disabling trusted access: AWS requires that no delegate is left.",
        "Terraform: aws_organizations_delegated_administrator destroyed or replaced.",
        "The account was closed or has left the organization.",
    ),
    DriftKind.DELEGATE_NEW: (
        f"{_MANAGEMENT}: organizations:RegisterDelegatedAdministrator.",
        "Warning: a caller with sts:AssumeRoot in that account can open root sessions on every member account.",
        "Terraform: a new aws_organizations_delegated_administrator.",
    ),
    DriftKind.GUARDRAIL_EDITED: (
        f"{_POLICY_DELEGATE}organizations:UpdatePolicy.",
        "Terraform: the content of aws_organizations_policy.",
        _CONTROL_TOWER,
    ),
    DriftKind.GUARDRAIL_DETACHED: (
        f"{_POLICY_DELEGATE}organizations:DetachPolicy.",
        "Terraform: an aws_organizations_policy_attachment destroyed or moved.",
        _CONTROL_TOWER,
    ),
    DriftKind.GUARDRAIL_ATTACHED: (
        f"{_POLICY_DELEGATE}organizations:AttachPolicy.",
        "Terraform: a new aws_organizations_policy_attachment.",
        _CONTROL_TOWER,
    ),
    DriftKind.GUARDRAIL_GONE: (
        f"{_POLICY_DELEGATE}organizations:DetachPolicy from its last target, then perhaps DeletePolicy.",
        f"{_POLICY_DELEGATE}organizations:DisablePolicyType, which detaches all policies of that type.",
        "Terraform: aws_organizations_policy destroyed or replaced by another.",
        _CONTROL_TOWER,
    ),
    DriftKind.GUARDRAIL_NEW: (
        f"{_POLICY_DELEGATE}organizations:AttachPolicy of a new policy, or of one without attachments.",
        "Terraform: a new aws_organizations_policy.",
        _CONTROL_TOWER,
    ),
}
"""The possible causes, a sentence each, the likeliest first."""


class SetupPart(StrEnum):
    """A part of the set-up that is compared."""

    DELEGATED_ADMINISTRATOR = "delegated_administrator"
    FEATURE = "feature"
    GUARDRAIL = "guardrail"
    TRUSTED_ACCESS = "trusted_access"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """An attached service control or resource control policy of the organization itself."""

    policy_id: str
    name: str
    kind: str
    """``service_control_policy`` or ``resource_control_policy``."""
    content_hash: str
    """Of :func:`hash_policy`."""
    attached_to: tuple[str, ...]
    """Ids of the organization's root, organizational units and accounts, sorted."""


@dataclass(frozen=True, slots=True)
class ManagementReading:
    """Whether root credentials management was on at a reading of the set-up."""

    read_at: datetime
    is_on: bool | None
    """``None`` if the caller couldn't read it."""


@dataclass(frozen=True, slots=True)
class SetupState:
    """The set-up and its guardrails, as a caller read them at a point in time."""

    setup: Setup
    guardrails: tuple[Guardrail, ...] | None
    """By policy id; ``None`` if they weren't read."""
    guardrails_unknown: str | None
    """Why they weren't read, and how to read them; a sentence."""
    read_at: datetime
    endpoint: str
    caller_arn: str


@dataclass(frozen=True, slots=True)
class AcceptedSetup:
    """A set-up that a person accepted as correct."""

    state: SetupState
    accepted_at: datetime
    accepted_by: str
    # The fact ``setup:accept`` in the ledger.
    ledger_sequence: Ordinal


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference from the accepted set-up."""

    part: SetupPart
    # The feature, the account id, the policy id, or the service principal.
    subject: str
    accepted: str
    found: str
    what: str
    """A sentence for a person."""
    could_be: tuple[str, ...]
    """The possible causes of the change."""


@dataclass(frozen=True, slots=True)
class SetupDrift:
    """The result of a comparison."""

    accepted: AcceptedSetup | None
    """``None`` if no set-up was accepted; then nothing is compared."""
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    """A sentence for each part that couldn't be compared."""

    @property
    def is_clean(self) -> bool:
        """Whether everything was compared and nothing differs."""
        return self.accepted is not None and not self.differences and not self.unknown


NEVER_ACCEPTED = SetupDrift(None, (), ())


def hash_policy(content: str) -> str:
    """Hash a policy document with SHA-256; spaces and the order of keys don't count."""
    try:
        text = canonical_json(json.loads(content))
    except (ValueError, RecursionError):
        text = content
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def compare_setup(accepted: AcceptedSetup | None, found: SetupState) -> SetupDrift:
    """Find every difference, trusted access first."""
    if accepted is None:
        return NEVER_ACCEPTED
    before = accepted.state
    return SetupDrift(accepted, tuple(_list_differences(before, found)), tuple(_list_unknown(before, found)))


def mark_own_changes(drift: SetupDrift, entries: Iterable[LedgerEntry]) -> SetupDrift:
    """Add Rootkeeper's own changes as the first cause; ``entries`` are the organization's from the acceptance on."""
    own: dict[tuple[SetupPart, str | None], str] = {}
    intents: dict[int, LedgerEntry] = {}
    for entry in entries:
        if entry.action not in CHANGES_OF_SETUP:
            continue
        if entry.phase is Phase.INTENT:
            intents[entry.sequence] = entry
        elif entry.result is not Result.FAILED and entry.intent_sequence in intents:
            intent = intents[entry.intent_sequence]
            feature = intent.parameters.get("feature")
            subject = str(feature) if feature is not None else intent.account_id
            own[CHANGES_OF_SETUP[entry.action], subject] = (
                f"Rootkeeper itself: ledger entry {intent.sequence}, {intent.action.value} by {intent.actor.name}."
            )
    differences: list[Difference] = []
    for difference in drift.differences:
        recorded = own.get(
            (difference.part, None if difference.part is SetupPart.TRUSTED_ACCESS else difference.subject)
        )
        differences.append(
            difference if recorded is None else replace(difference, could_be=(recorded, *difference.could_be))
        )
    return replace(drift, differences=tuple(differences))


CHANGES_OF_SETUP = {
    action: SetupPart(action.value.partition(":")[0]) for action, row in CATALOGUE.items() if row.changes_organization
}


def _list_unknown(accepted: SetupState, found: SetupState) -> Iterable[str]:
    before, now = accepted.setup, found.setup
    reasons = " ".join(now.unknown)
    of_features = "AWS shows them only while trusted access is on." if now.trusted_access is False else reasons
    parts = (
        ("Trusted access", before.trusted_access, now.trusted_access, reasons),
        ("The features", before.features, now.features, of_features),
        ("Delegated administrators", before.delegated_administrators, now.delegated_administrators, reasons),
        ("Guardrails", accepted.guardrails, found.guardrails, found.guardrails_unknown or ""),
    )
    for name, was, is_now, reason in parts:
        if is_now is None:
            yield f"{name} couldn't be compared. {reason or 'It needs a caller who can read the set-up.'}"
        elif was is None:
            yield (
                f"{name} couldn't be compared, because they weren't read when the set-up was accepted. "
                "Accept the set-up again as a caller who can read them."
            )


def _list_differences(accepted: SetupState, found: SetupState) -> Iterable[Difference]:
    """Compare the parts that were read both times."""
    before, now = accepted.setup, found.setup
    was_on, is_on = before.trusted_access, now.trusted_access
    if was_on is not None and is_on is not None and was_on != is_on:
        change = DriftKind.TRUSTED_ACCESS_ON if is_on else DriftKind.TRUSTED_ACCESS_OFF
        words = (_on(was_on), _on(is_on))
        yield _difference(SetupPart.TRUSTED_ACCESS, "iam.amazonaws.com", "Trusted access for IAM", *words, change)
    if before.features is not None and now.features is not None:
        for feature in Feature:
            was, is_now = feature in before.features, feature in now.features
            if was != is_now:
                change = DriftKind.FEATURE_ON if is_now else DriftKind.FEATURE_OFF
                name = f"The feature {feature.value}"
                yield _difference(SetupPart.FEATURE, feature.value, name, _on(was), _on(is_now), change)
    if before.delegated_administrators is not None and now.delegated_administrators is not None:
        for account_id in sorted({*before.delegated_administrators} ^ {*now.delegated_administrators}):
            is_gone = account_id in before.delegated_administrators
            words = ("registered", "not registered") if is_gone else ("not registered", "registered")
            change = DriftKind.DELEGATE_GONE if is_gone else DriftKind.DELEGATE_NEW
            name = f"Delegated administrator {account_id}"
            yield _difference(SetupPart.DELEGATED_ADMINISTRATOR, account_id, name, *words, change)
    if accepted.guardrails is not None and found.guardrails is not None:
        old = {guardrail.policy_id: guardrail for guardrail in accepted.guardrails}
        new = {guardrail.policy_id: guardrail for guardrail in found.guardrails}
        for policy_id in sorted(old.keys() | new.keys()):
            yield from _compare_guardrail(old.get(policy_id), new.get(policy_id))


def _compare_guardrail(was: Guardrail | None, is_now: Guardrail | None) -> Iterable[Difference]:
    if was is None or is_now is None:
        policy = was or is_now
        if policy is not None:
            words = (f"attached to {_places(policy)}", "gone, or attached to nothing")
            words = words if was else ("not there", words[0])
            change = DriftKind.GUARDRAIL_GONE if was else DriftKind.GUARDRAIL_NEW
            yield _difference(SetupPart.GUARDRAIL, policy.policy_id, _name(policy), *words, change)
        return
    if was.content_hash != is_now.content_hash:
        words = (f"content {was.content_hash[:12]}", f"content {is_now.content_hash[:12]}")
        yield _difference(SetupPart.GUARDRAIL, was.policy_id, _name(is_now), *words, DriftKind.GUARDRAIL_EDITED)
    if was.attached_to != is_now.attached_to:
        words = (f"attached to {_places(was)}", f"attached to {_places(is_now)}")
        change = (
            DriftKind.GUARDRAIL_DETACHED if {*was.attached_to} - {*is_now.attached_to} else DriftKind.GUARDRAIL_ATTACHED
        )
        yield _difference(SetupPart.GUARDRAIL, was.policy_id, _name(is_now), *words, change)


def _difference(part: SetupPart, subject: str, name: str, accepted: str, found: str, change: DriftKind) -> Difference:
    what = f"{name}: {found}; accepted was {accepted}."
    return Difference(part, subject, accepted, found, what, CAUSES[change])


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _name(policy: Guardrail) -> str:
    return f"Policy {policy.policy_id} ({policy.name})"


def _places(policy: Guardrail) -> str:
    return ", ".join(policy.attached_to) or "nothing"


def drift_to_record(drift: SetupDrift) -> dict[str, JsonValue]:
    """Render the result of a comparison; without an accepted set-up nothing was compared."""
    accepted = drift.accepted
    return {
        "schema_version": SCHEMA_VERSION,
        "accepted_at": None if accepted is None else json_time(accepted.accepted_at),
        "accepted_by": None if accepted is None else accepted.accepted_by,
        "differences": to_plain_value(drift.differences, json_time),
        "unknown": list(drift.unknown),
    }
