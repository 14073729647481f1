"""Ten thousand accounts: each format has the same bytes again, and those of findings take no memory."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace
from functools import cache

import pytest

from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import FindingReport, LazyFindings, Verdict
from rootkeeper.organization.accounts import AccountId
from rootkeeper.reports.formats import FINDING_FORMATS, FORMATS, Format
from tests.fakes.findings import make_finding, make_findings
from tests.fakes.packages import make_large_report

pytestmark = pytest.mark.long

ACCOUNTS = 10_000
MOST_BYTES = 4 * 2**20
VERDICTS = tuple(Verdict)


def make_large_findings(count: int) -> FindingReport:
    """Findings that are made while they are walked."""

    return replace(
        make_findings(),
        findings=LazyFindings(
            lambda: (
                make_finding(
                    VERDICTS[number % len(VERDICTS)],
                    account_id=AccountId(f"{100_000_000_000 + number}"),
                    account_name=f"Workload {number}",
                    reason="access_denied",
                )
                for number in range(count)
            )
        ),
    )


@cache
def make_large_evidence() -> EvidenceReport:
    return make_large_report(ACCOUNTS, failing=range(500), unknown=range(500, 800))


@pytest.mark.parametrize("chosen", FORMATS, ids=lambda one: one.name)
def test_each_format_renders_ten_thousand_accounts_the_same_each_time(chosen: Format) -> None:
    """How long it takes is for bench/report_formats.py."""
    report = make_large_evidence()
    rendered = [hashlib.sha256(b"".join(chosen.render(report))).hexdigest() for _ in range(2)]
    assert rendered[0] == rendered[1]


@pytest.mark.parametrize("chosen", FINDING_FORMATS, ids=lambda one: one.name)
def test_findings_are_written_in_a_memory_that_does_not_grow(chosen: Format) -> None:
    report = make_large_findings(ACCOUNTS)
    for _ in chosen.render(make_large_findings(1)):
        pass  # its modules are imported
    tracemalloc.start()
    try:
        for _ in chosen.render(report):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_BYTES
