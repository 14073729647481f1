"""Set-up drift: how the set-up differs from the one that a person last accepted, and what may have changed it.

It compares trusted access, the two features, the delegated administrators, and the guardrails: service control and
resource control policies with their content and attachments. A part that one side didn't read is unknown, never
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
from types import MappingProxyType

from rootkeeper.ledger.rules import Action, LedgerEntry, Phase, Result
from rootkeeper.organization.accounts import Feature, Setup
from rootkeeper.values import JsonValue, canonical_json, json_time


class DriftKind(StrEnum):
    """The ways in which a set-up can differ from the accepted one."""

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

_CAUSES: Mapping[DriftKind, tuple[str, ...]] = MappingProxyType(
    {
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
)


def list_causes(change: DriftKind) -> tuple[str, ...]:
    """List what may have changed it, one sentence each, the likeliest first."""
    return _CAUSES[change]


class SetupPart(StrEnum):
    """A part of the set-up that is compared."""

    DELEGATED_ADMINISTRATOR = "delegated_administrator"
    FEATURE = "feature"
    GUARDRAIL = "guardrail"
    TRUSTED_ACCESS = "trusted_access"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One attached service control or resource control policy of the organization itself."""

    policy_id: str
    name: str
    kind: str
    """``service_control_policy`` or ``resource_control_policy``."""
    content_hash: str
    """Of :func:`hash_policy`."""
    attached_to: tuple[str, ...]
    """Ids of the organization's root, organizational units and accounts, sorted."""


@dataclass(frozen=True, slots=True)
class SetupState:
    """The set-up and its guardrails, as one caller read them at one moment."""

    setup: Setup
    guardrails: tuple[Guardrail, ...] | None
    """By policy id; ``None`` if they weren't read."""
    guardrails_unknown: str | None
    """Why they weren't read, and what is needed; one sentence."""
    read_at: datetime
    endpoint: str
    caller_arn: str


@dataclass(frozen=True, slots=True)
class AcceptedSetup:
    """A set-up that a person accepted as correct."""

    state: SetupState
    accepted_at: datetime
    accepted_by: str
    ledger_sequence: int
    """The fact ``setup:accept`` in the ledger."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference from the accepted set-up."""

    part: SetupPart
    subject: str
    """The feature, the account id, the policy id, or the service principal."""
    accepted: str
    found: str
    what: str
    """One sentence for a person."""
    could_be: tuple[str, ...]
    """What may have changed it; what Rootkeeper itself recorded comes first."""


@dataclass(frozen=True, slots=True)
class SetupDrift:
    """The result of a comparison."""

    accepted: AcceptedSetup | None
    """``None`` if no set-up was accepted; then nothing is compared."""
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...]
    """One sentence for each part that couldn't be compared."""

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
    comparison = _Comparison(accepted.state, found)
    return SetupDrift(accepted, tuple(comparison.list_differences()), tuple(comparison.list_unknown()))


def mark_own_changes(drift: SetupDrift, entries: Iterable[LedgerEntry]) -> SetupDrift:
    """Add Rootkeeper's own recorded changes as the first cause.

    :param entries: of the organization, from the acceptance on.
    """
    own: dict[tuple[SetupPart, str | None], str] = {}
    intents: dict[int, LedgerEntry] = {}
    for entry in entries:
        if entry.action not in CHANGES_OF_SETUP:
            continue
        if entry.phase is Phase.INTENT:
            intents[entry.sequence] = entry
        elif entry.result is not Result.FAILED and entry.intent_sequence in intents:
            intent = intents[entry.intent_sequence]
            own[CHANGES_OF_SETUP[entry.action], _subject_of(intent)] = (
                f"Rootkeeper itself: ledger entry {intent.sequence}, {intent.action.value} by {intent.actor.name}."
            )
    return replace(drift, differences=tuple(_with_cause(one, own) for one in drift.differences))


def _with_cause(difference: Difference, own: Mapping[tuple[SetupPart, str | None], str]) -> Difference:
    subject = None if difference.part is SetupPart.TRUSTED_ACCESS else difference.subject
    recorded = own.get((difference.part, subject))
    return difference if recorded is None else replace(difference, could_be=(recorded, *difference.could_be))


CHANGES_OF_SETUP = {
    Action.DELEGATED_ADMINISTRATOR_DEREGISTER: SetupPart.DELEGATED_ADMINISTRATOR,
    Action.DELEGATED_ADMINISTRATOR_REGISTER: SetupPart.DELEGATED_ADMINISTRATOR,
    Action.FEATURE_DISABLE: SetupPart.FEATURE,
    Action.FEATURE_ENABLE: SetupPart.FEATURE,
    Action.TRUSTED_ACCESS_DISABLE: SetupPart.TRUSTED_ACCESS,
    Action.TRUSTED_ACCESS_ENABLE: SetupPart.TRUSTED_ACCESS,
}


def _subject_of(intent: LedgerEntry) -> str | None:
    feature = intent.parameters.get("feature")
    return str(feature) if feature is not None else intent.account_id


@dataclass(frozen=True, slots=True)
class _Comparison:
    accepted: SetupState
    found: SetupState

    def list_differences(self) -> Iterable[Difference]:
        yield from self._compare_trust()
        yield from self._compare_features()
        yield from self._compare_delegates()
        yield from self._compare_guardrails()

    def list_unknown(self) -> Iterable[str]:
        before, now = self.accepted.setup, self.found.setup
        reasons = " ".join(now.unknown)
        parts = (
            ("Trusted access", before.trusted_access, now.trusted_access, reasons),
            ("The features", before.features, now.features, self._explain_features(reasons)),
            ("Delegated administrators", before.delegated_administrators, now.delegated_administrators, reasons),
            ("Guardrails", self.accepted.guardrails, self.found.guardrails, self.found.guardrails_unknown or ""),
        )
        for name, was, is_now, reason in parts:
            if is_now is None:
                yield f"{name} couldn't be compared. {reason or 'It needs a caller who can read the set-up.'}"
            elif was is None:
                yield (
                    f"{name} couldn't be compared, because they weren't read when the set-up was accepted. "
                    "Accept the set-up again as a caller who can read them."
                )

    def _explain_features(self, reasons: str) -> str:
        if self.found.setup.trusted_access is False:
            return "AWS shows them only while trusted access is on."
        return reasons

    def _compare_trust(self) -> Iterable[Difference]:
        was, is_now = self.accepted.setup.trusted_access, self.found.setup.trusted_access
        if was is None or is_now is None or was == is_now:
            return
        change = DriftKind.TRUSTED_ACCESS_ON if is_now else DriftKind.TRUSTED_ACCESS_OFF
        yield _difference(
            SetupPart.TRUSTED_ACCESS, "iam.amazonaws.com", "Trusted access for IAM", _on(was), _on(is_now), change
        )

    def _compare_features(self) -> Iterable[Difference]:
        was, is_now = self.accepted.setup.features, self.found.setup.features
        if was is None or is_now is None:
            return
        for feature in Feature:
            before, after = feature in was, feature in is_now
            if before != after:
                change = DriftKind.FEATURE_ON if after else DriftKind.FEATURE_OFF
                name = f"The feature {feature.value}"
                yield _difference(SetupPart.FEATURE, feature.value, name, _on(before), _on(after), change)

    def _compare_delegates(self) -> Iterable[Difference]:
        was, is_now = self.accepted.setup.delegated_administrators, self.found.setup.delegated_administrators
        if was is None or is_now is None:
            return
        for account_id in sorted({*was} ^ {*is_now}):
            is_gone = account_id in was
            words = ("registered", "not registered") if is_gone else ("not registered", "registered")
            change = DriftKind.DELEGATE_GONE if is_gone else DriftKind.DELEGATE_NEW
            name = f"Delegated administrator {account_id}"
            yield _difference(SetupPart.DELEGATED_ADMINISTRATOR, account_id, name, *words, change)

    def _compare_guardrails(self) -> Iterable[Difference]:
        if self.accepted.guardrails is None or self.found.guardrails is None:
            return
        was = {guardrail.policy_id: guardrail for guardrail in self.accepted.guardrails}
        is_now = {guardrail.policy_id: guardrail for guardrail in self.found.guardrails}
        for policy_id in sorted(was.keys() | is_now.keys()):
            yield from _compare_guardrail(was.get(policy_id), is_now.get(policy_id))


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
    return Difference(part, subject, accepted, found, what, list_causes(change))


def _on(is_on: bool) -> str:
    return "on" if is_on else "off"


def _name(policy: Guardrail) -> str:
    return f"Policy {policy.policy_id} ({policy.name})"


def _places(policy: Guardrail) -> str:
    return ", ".join(policy.attached_to) or "nothing"


SCHEMA_VERSION = 1


def difference_to_record(difference: Difference) -> dict[str, JsonValue]:
    """One thing that isn't as it was accepted."""
    return {
        "part": difference.part.value,
        "subject": difference.subject,
        "accepted": difference.accepted,
        "found": difference.found,
        "what": difference.what,
        "could_be": list(difference.could_be),
    }


def drift_to_record(drift: SetupDrift) -> dict[str, JsonValue]:
    """What came of a comparison; without an accepted set-up nothing was compared."""
    accepted = drift.accepted
    return {
        "schema_version": SCHEMA_VERSION,
        "accepted_at": None if accepted is None else json_time(accepted.accepted_at),
        "accepted_by": None if accepted is None else accepted.accepted_by,
        "differences": [difference_to_record(one) for one in drift.differences],
        "unknown": list(drift.unknown),
    }
