"""The words in which evidence is shown to people, the same in every format."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from rootkeeper.domain.durations import render_duration
from rootkeeper.domain.evidence.accounts import AccountEvidence, KindEvidence
from rootkeeper.domain.evidence.periods import EvidenceVerdict
from rootkeeper.domain.evidence.reports import SetupEvidence
from rootkeeper.domain.root_credentials import CredentialKind
from rootkeeper.domain.setup import Feature
from rootkeeper.domain.statuses import Status

KIND_NAMES: Mapping[CredentialKind, str] = MappingProxyType(
    {
        CredentialKind.PASSWORD: "Password",
        CredentialKind.ACCESS_KEYS: "Access keys",
        CredentialKind.SIGNING_CERTIFICATES: "Certificates",
        CredentialKind.MFA_DEVICES: "MFA",
    }
)
"""In the order in which reports show them."""

VERDICTS: Mapping[EvidenceVerdict, str] = MappingProxyType(
    {
        EvidenceVerdict.FAIL: "Fail",
        EvidenceVerdict.KEPT: "Kept",
        EvidenceVerdict.NOT_APPLICABLE: "Not applicable",
        EvidenceVerdict.PASS: "Pass",
        EvidenceVerdict.UNKNOWN: "Unknown",
    }
)

_ACCOUNT_VERDICTS: Mapping[EvidenceVerdict, str] = MappingProxyType(
    {
        EvidenceVerdict.FAIL: "Present",
        EvidenceVerdict.KEPT: "Kept, guarded",
        EvidenceVerdict.NOT_APPLICABLE: "Not applicable",
        EvidenceVerdict.PASS: "Not present",
        EvidenceVerdict.UNKNOWN: "Unknown",
    }
)


def render_status(account: AccountEvidence) -> str:
    """What is known of an account, in two words."""
    return "Recovery open" if account.status is Status.RECOVERY_OPEN else _ACCOUNT_VERDICTS[account.verdict]


def render_timestamp(moment: datetime | None) -> str:
    """To the second, in UTC; empty where there is none."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def render_length(length: timedelta) -> str:
    return render_duration(length)


def render_kind(kind: CredentialKind) -> str:
    return KIND_NAMES[kind]


def render_presence(kind: KindEvidence) -> str:
    """``none``, ``yes`` or a count, or ``unknown``."""
    if kind.is_present is None:
        return "unknown"
    if not kind.is_present:
        return "none"
    return "yes" if kind.count is None else str(kind.count)


def render_setup(setup: SetupEvidence) -> list[tuple[str, str]]:
    """Each part of the set-up with its state."""
    state = setup.state
    if state is None:
        return [("Set-up", f"unknown: {setup.detail}")]
    found, delegates = state.setup, state.setup.delegated_administrators
    features = [
        (f"Feature {feature.value}", _render_switch(None if found.features is None else feature in found.features))
        for feature in Feature
    ]
    return [
        ("Read", f"{render_timestamp(state.read_at)} by {state.caller_arn} at {state.endpoint}"),
        ("Trusted access for IAM", _render_switch(found.trusted_access)),
        *features,
        ("Delegated administrators", "unknown" if delegates is None else ", ".join(delegates) or "none"),
        *(("Unknown", sentence) for sentence in found.unknown),
    ]


def _render_switch(is_on: bool | None) -> str:
    return "unknown" if is_on is None else "on" if is_on else "off"
