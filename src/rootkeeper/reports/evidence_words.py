"""The words in which evidence is shown to people, the same in every format."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from rootkeeper.domain.durations import render_duration
from rootkeeper.domain.evidence.accounts import AccountEvidence, KindEvidence
from rootkeeper.domain.evidence.periods import Verdict
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

VERDICTS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.FAIL: "Fail",
        Verdict.KEPT: "Kept",
        Verdict.NOT_APPLICABLE: "Not applicable",
        Verdict.PASS: "Pass",
        Verdict.UNKNOWN: "Unknown",
    }
)

_ACCOUNT_VERDICTS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.FAIL: "Present",
        Verdict.KEPT: "Kept, guarded",
        Verdict.NOT_APPLICABLE: "Not applicable",
        Verdict.PASS: "Not present",
        Verdict.UNKNOWN: "Unknown",
    }
)


def spoken_status(account: AccountEvidence) -> str:
    """What is known of an account, in two words."""
    return "Recovery open" if account.status is Status.RECOVERY_OPEN else _ACCOUNT_VERDICTS[account.verdict]


def spoken_time(moment: datetime | None) -> str:
    """To the second, in UTC; empty where there is none."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def spoken_length(length: timedelta) -> str:
    return render_duration(length)


def spoken_kind(kind: CredentialKind) -> str:
    return KIND_NAMES[kind]


def spoken_presence(kind: KindEvidence) -> str:
    """``none``, ``yes`` or a count, or ``unknown``."""
    if kind.is_present is None:
        return "unknown"
    if not kind.is_present:
        return "none"
    return "yes" if kind.count is None else str(kind.count)


def spoken_setup(setup: SetupEvidence) -> list[tuple[str, str]]:
    """Each part of the set-up with its state."""
    state = setup.state
    if state is None:
        return [("Set-up", f"unknown: {setup.detail}")]
    found, delegates = state.setup, state.setup.delegated_administrators
    features = [
        (f"Feature {feature.value}", _spoken(None if found.features is None else feature in found.features))
        for feature in Feature
    ]
    return [
        ("Read", f"{spoken_time(state.read_at)} by {state.caller_arn} at {state.endpoint}"),
        ("Trusted access for IAM", _spoken(found.trusted_access)),
        *features,
        ("Delegated administrators", "unknown" if delegates is None else ", ".join(delegates) or "none"),
        *(("Unknown", sentence) for sentence in found.unknown),
    ]


def _spoken(is_on: bool | None) -> str:
    return "unknown" if is_on is None else "on" if is_on else "off"
