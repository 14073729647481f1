"""Controls, and how the results of checks become the verdict on a control.

A check judges a statement, such as that no root user has an access key. A control rests on checks, and
each says how much of the control it shows: all of it, a part, or only facts for a person. Only checks that show all of
a control can let it pass. Everything else needs a person's attestation, and no attestation overrules a failed or an
unknown check.

An attestation is an entry of the ledger and nothing else. The hash chain shows that it wasn't changed, and its actor
shows who recorded it and how that person was authenticated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.errors import Hint, InputError
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Actor, ActorKind, LedgerEntry
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.confirmations import (
    Confirmation,
    ConfirmationBasis,
    render_attestation,
    require_attestation,
)
from rootkeeper.shapes import Count, Sha256, parse_facts
from rootkeeper.values import JsonValue


class CheckName(StrEnum):
    """What is checked."""

    AUDIT_INTEGRITY = "audit_integrity"
    """The ledger is a whole chain."""
    BREAKGLASS = "breakglass"
    """Each recovery had a reason, an approval by another person, an end, and a closing that a re-read proved."""
    CENTRALIZED = "centralized"
    """Trusted access for IAM and the feature RootCredentialsManagement are on."""
    DELEGATED = "delegated"
    """A delegated administrator for IAM is registered, and is an account for security or management."""
    DRILL = "drill"
    """A drill of emergency access passed in the last 90 days."""
    INVENTORY = "inventory"
    """The list of accounts is up to date, and each account's root user credentials were read."""
    NO_ROOT_CERTIFICATE = "no_root_certificate"
    """No root user has a signing certificate."""
    NO_ROOT_CREDS = "no_root_creds"
    """No member account has a root password, access key, signing certificate or MFA device."""
    NO_ROOT_KEY = "no_root_key"
    """No root user has an access key."""
    PRIV_LOGGED = "priv_logged"
    """Each privileged call has a durable record, and CloudTrail shows the same calls."""
    ROOT_ALERT = "root_alert"
    """A use of the root user raises an alert that a person receives."""
    ROOT_HW_MFA = "root_hw_mfa"
    """Each root user has hardware MFA devices only, or it has no password and AWS refuses to set one."""
    ROOT_MFA = "root_mfa"
    """Each root user has MFA, or it has no password and AWS refuses to set one."""
    ROOT_UNUSED = "root_unused"
    """The root user isn't used for administrative and daily tasks."""
    SCP_GUARD = "scp_guard"
    """A policy denies long-term root in every member account and exempts root sessions."""
    TIME_LIMIT = "time_limit"
    """Recoveries end by themselves."""


class Showing(StrEnum):
    """How much of a control a check shows."""

    CONTEXT = "context"
    """Facts for a person who judges the control; the verdict doesn't rest on them."""
    DIRECT = "direct"
    """All of it, for root users."""
    PARTIAL = "partial"
    """A part: its failure fails the control, but its pass isn't enough."""


class Strength(StrEnum):
    """How sure it is that the check belongs to the control."""

    DIRECT = "direct"
    """The framework's own text says so."""
    OURS = "ours"
    """Our reading of the framework's text."""
    VENDOR = "vendor"
    """Another tool's mapping."""


class WithoutPassword(StrEnum):
    """The verdict of a control on a member account whose root user has no password, while AWS refuses to set one."""

    NOT_APPLICABLE = "not_applicable"
    """Its text asks for MFA and doesn't mention such accounts."""
    PASS = "pass"  # noqa: S105 - a verdict's name
    """Its text says that this is enough."""
    PASS_WITH_NOTE = "pass_with_note"  # noqa: S105 - a verdict's name
    """Its text doesn't mention such accounts, but its aim is reached."""


@dataclass(frozen=True, slots=True)
class ControlCheck:
    """A check that a control rests on."""

    check: CheckName
    showing: Showing
    strength: Strength
    source: str
    """Of the mapping: the file of another tool, or a catalog."""
    without_password: WithoutPassword = WithoutPassword.PASS_WITH_NOTE
    longest_gap: timedelta | None = None
    """The longest time without a reading that the control's own frequency allows; ``None``: as the report allows."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control of a framework."""

    # Such as ``cis-7.0``.
    framework_id: str
    # As the framework writes it, such as ``2.1.1``.
    control_id: str
    title: str
    text: str
    """What it asks for, in our own words."""
    checks: tuple[ControlCheck, ...]

    @property
    def key(self) -> str:
        """Unique among all frameworks, such as ``cis-7.0/2.1.1``."""
        return f"{self.framework_id}/{self.control_id}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Mappings that are known and not judged."""

    # As the source of the mapping writes them.
    control_ids: tuple[str, ...]
    # The checks that would be needed.
    checks: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Framework:
    """A version of a framework, as far as it concerns root users."""

    framework_id: str
    name: str
    version: str
    controls: tuple[Control, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class AccountResult:
    """The result of a check for an account."""

    account_id: AccountId
    name: str
    ou_path: str
    verdict: Verdict
    reason: str
    read_at: datetime | None
    has_no_password: bool = False
    """Whether it passes only because its root user has no password and AWS refuses to set one."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check."""

    check: CheckName
    verdict: Verdict
    # A sentence each.
    reasons: tuple[str, ...]
    accounts: tuple[AccountResult, ...] = ()
    """Accounts that were judged singly; a window's result has the account of the window."""
    confirmations: tuple[Confirmation, ...] = ()
    """The statements about accounts that the verdict rests on."""
    latest_fact_at: datetime | None = None
    """When the newest thing happened that a person must judge; an attestation from before doesn't cover it."""


@dataclass(frozen=True, slots=True)
class ShownCheck:
    """A check of a control with its result."""

    mapping: ControlCheck
    result: CheckResult


@dataclass(frozen=True, slots=True)
class ControlAttestation:
    """An attestation; a later attestation of the same control replaces it."""

    # Such as ``cis-7.0/2.7``.
    control: str
    # Who is responsible for it.
    owner: str
    reason: str
    until: datetime
    recorded_by: str
    recorded_by_kind: ActorKind
    recorded_at: datetime
    # Of its entry in the ledger; 0 before it is recorded.
    ledger_sequence: Count = 0
    entry_hash: Sha256 = ""
    """Of the entry; its chain shows that it wasn't changed."""

    def is_in_force(self, at: datetime) -> bool:
        return self.recorded_at <= at < self.until

    @property
    def sentence(self) -> str:
        """A sentence for a person: who, until when, why, and where it is recorded."""
        said = render_attestation(self).removesuffix(").")
        how = {
            ActorKind.SELF_ASSERTED: "self-asserted",
            ActorKind.SERVER: "by the server",
            ActorKind.SIGNED_IN: "signed in",
            ActorKind.TOKEN: "by an API token",
        }[self.recorded_by_kind]
        return f"{said}, {how}, ledger entry {self.ledger_sequence})."


@dataclass(frozen=True, slots=True)
class ControlAssessment:
    """The verdict on a control, and the facts that it rests on."""

    control: Control
    verdict: Verdict
    """Fail, Unknown, Manual, Pass, or not applicable."""
    reasons: tuple[str, ...]
    """Why this verdict, apart from the checks' own reasons."""
    checks: tuple[ShownCheck, ...]
    attestation: ControlAttestation | None = None
    """The attestation in force, also if it doesn't count."""
    is_attested: bool = False
    """Whether it passes because of statements of people."""


ORDER = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.MANUAL, Verdict.KEPT, Verdict.PASS, Verdict.NOT_APPLICABLE)
"""The first that occurs is the verdict of all; a login that is kept on purpose isn't a pass."""


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on all; unknown if there is none."""
    found = set(verdicts)
    return next((verdict for verdict in ORDER if verdict in found), Verdict.UNKNOWN)


def count_accounts(accounts: Iterable[AccountResult]) -> dict[Verdict, int]:
    """How many accounts have each verdict; verdicts without an account are left out."""
    counted = Counter(account.verdict for account in accounts)
    return {verdict: counted[verdict] for verdict in ORDER if counted[verdict]}


_NOTES: Mapping[WithoutPassword, str] = {
    WithoutPassword.NOT_APPLICABLE: (
        "{accounts} no root password while root credentials management is on, so no sign-in that MFA would guard. "
        "There the control isn't applicable."
    ),
    WithoutPassword.PASS: (
        "{accounts} no root password while root credentials management is on, which the control's text accepts."
    ),
    WithoutPassword.PASS_WITH_NOTE: (
        "{accounts} no root password while root credentials management is on. The control's text doesn't mention that; "
        "there is no sign-in that MFA would guard."
    ),
}


def apply_without_password(result: CheckResult, rule: WithoutPassword) -> CheckResult:
    """Judge the accounts without a root password as the control does."""
    absent = [account for account in result.accounts if account.has_no_password]
    if not absent:
        return result
    count = len(absent)
    note = _NOTES[rule].format(accounts="1 account has" if count == 1 else f"{count:,} accounts have")
    if rule is not WithoutPassword.NOT_APPLICABLE:
        return replace(result, reasons=(*result.reasons, note))
    accounts = tuple(
        replace(account, verdict=Verdict.NOT_APPLICABLE) if account.has_no_password else account
        for account in result.accounts
    )
    verdict = result.verdict if result.verdict is not Verdict.PASS else combine(account.verdict for account in accounts)
    return replace(result, verdict=verdict, reasons=(*result.reasons, note), accounts=accounts)


def assess_control(
    control: Control,
    results: Sequence[CheckResult],
    attestation: ControlAttestation | None,
    apply: Callable[[CheckResult, WithoutPassword], CheckResult] = apply_without_password,
) -> ControlAssessment:
    """Judge a control by its checks and its attestation.

    :param results: of ``control.checks``, in their order.
    :param attestation: the attestation of this control that is in force.
    :param apply: the same function, or a caching version of it: many controls rest on the same check.
    """
    shown = tuple(
        ShownCheck(mapping, apply(result, mapping.without_password))
        for mapping, result in zip(control.checks, results, strict=True)
    )
    deciding = [check for check in shown if check.mapping.showing is not Showing.CONTEXT]
    verdicts = {check.result.verdict for check in deciding}
    verdict = combine(verdicts) if deciding else Verdict.MANUAL
    reasons: list[str] = []
    if verdict in {Verdict.PASS, Verdict.KEPT}:
        is_whole = any(
            check.mapping.showing is Showing.DIRECT and check.result.verdict is Verdict.PASS for check in deciding
        )
        if not is_whole or verdict is Verdict.KEPT:
            verdict = Verdict.MANUAL
            reasons.append(
                "The checks show only a part of the control. Whether the rest holds needs a person's judgement."
            )
    elif verdict is Verdict.MANUAL and not deciding:
        reasons.append("The checks give only facts. The control itself needs a person's judgement.")
    is_attested = verdict is Verdict.PASS and any(
        statement.basis is ConfirmationBasis.ATTESTATION
        for check in deciding
        for statement in check.result.confirmations
    )
    if verdict is Verdict.MANUAL:
        facts = [check.result.latest_fact_at for check in shown if check.result.latest_fact_at is not None]
        if attestation is None:
            reasons.append("No attestation is in force.")
        elif any(attestation.recorded_at < fact_at for fact_at in facts):
            reasons.append("The attestation is older than the newest facts, so it doesn't cover them.")
        else:
            verdict, is_attested = Verdict.PASS, True
    if attestation is not None:
        reasons.append(attestation.sentence)
        if verdict in {Verdict.FAIL, Verdict.UNKNOWN}:
            reasons.append("An attestation doesn't overrule a failed or an unknown check.")
    return ControlAssessment(control, verdict, tuple(reasons), shown, attestation, is_attested)


ATTESTED_ELSEWHERE = frozenset({CheckName.CENTRALIZED})
"""Checks whose open question is about each delegated administrator account, and is attested there."""


def require_attestable(control: Control) -> Control:
    """:raises InputError: if the question of ``control`` is attested account by account."""
    decided_by = [check for check in control.checks if check.showing is not Showing.CONTEXT]
    if any(check.check in ATTESTED_ELSEWHERE for check in decided_by):
        raise InputError(
            f"Control {control.key} asks about each delegated administrator account, so it isn't attested as a whole.",
            hint=Hint("Attest the purpose of each delegated administrator account.", "controls.attest_purpose"),
        )
    return control


def draft_attestation(
    control: Control, actor: Actor, now: datetime, *, owner: str, reason: str, until: datetime
) -> ControlAttestation:
    """Make the attestation that ``actor`` would record now.

    :raises InputError: if the control is attested account by account, owner or reason is empty, or the end isn't valid.
    """
    require_attestable(control)
    return require_attestation(
        ControlAttestation(
            control=control.key,
            owner=owner.strip(),
            reason=reason.strip(),
            until=until,
            recorded_by=actor.name,
            recorded_by_kind=actor.kind,
            recorded_at=now,
        )
    )


def describe_attestation(attestation: ControlAttestation) -> dict[str, JsonValue]:
    """Render an attestation for the ledger."""
    return {
        "control": attestation.control,
        "owner": attestation.owner,
        "reason": attestation.reason,
        "until": attestation.until.isoformat(),
    }


def find_attestations(entries: Iterable[LedgerEntry], at: datetime) -> dict[str, ControlAttestation]:
    """Find each control's attestation in force at ``at``; ``entries`` are in the order of their sequence."""
    last: dict[str, ControlAttestation] = {}
    for entry in entries:
        recorded = {
            "recorded_by": entry.actor.name,
            "recorded_by_kind": entry.actor.kind,
            "recorded_at": entry.at,
            "ledger_sequence": entry.sequence,
            "entry_hash": entry.entry_hash,
        }
        try:
            attestation = parse_facts(ControlAttestation, {**entry.parameters, **recorded})
        except (KeyError, TypeError, ValueError):
            continue  # The entry was altered, which the report shows elsewhere.
        if attestation.recorded_at <= at:
            last[attestation.control] = attestation
    return {control: attestation for control, attestation in last.items() if attestation.is_in_force(at)}
