"""Every account of an evidence report as CSV, one in each row."""

from __future__ import annotations

from collections.abc import Iterator

from rootkeeper.evidence.records import KIND_NAMES, render_presence
from rootkeeper.evidence.rules import AccountEvidence
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.reports.rows import render_rows
from rootkeeper.values import json_time

COLUMNS = (
    "account_id",
    "name",
    "ou_path",
    "role",
    "state",
    "status",
    "no_root_credentials",
    "reason",
    *(kind.value for kind in KIND_NAMES),
    "read_at",
    "session_access_key_id",
    "excepted_until",
    "detail",
)


def render(report: EvidenceReport) -> Iterator[bytes]:
    """The management account first; a kind is ``none``, ``yes`` or a count, ``not applicable`` or ``unknown``."""
    return render_rows(COLUMNS, map(_make_row, report.all_accounts))


def _make_row(evidence: AccountEvidence) -> tuple[object, ...]:
    account, found = evidence.account, {kind.kind: render_presence(kind) for kind in evidence.kinds}
    return (
        account.account_id,
        account.name,
        account.ou_path,
        evidence.role.value,
        account.state.value,
        evidence.status.value,
        evidence.verdict.value,
        None if evidence.reason is None else evidence.reason.value,
        *(found[kind] for kind in KIND_NAMES),
        json_time(evidence.read_at),
        evidence.session_access_key_id,
        None if evidence.exception is None else json_time(evidence.exception.until),
        evidence.detail,
    )
