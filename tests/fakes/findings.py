"""Findings to render: one of each verdict, and any that Hypothesis thinks of, with texts that attack who shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from rootkeeper.findings.rules import Finding, FindingReport, FindingRule, Severity, Verdict
from rootkeeper.organization.accounts import AccountId
from tests.fakes.hostile_texts import hostile_texts

READ = datetime(2026, 10, 30, 8, 15, tzinfo=UTC)
RULE = FindingRule(
    rule_id="root-user-credentials",
    title="A member account has no root user credentials",
    description="A root user without credentials can't sign in, and can't call AWS.",
    severity=Severity.HIGH,
    remediation="Delete them: rootkeeper delete ACCOUNT.",
    guide="docs/guides/bulk-deletion.md",
)


def make_finding(verdict: Verdict, **changes: Any) -> Finding:
    known: dict[str, Any] = {
        "rule": RULE,
        "verdict": verdict,
        "account_id": AccountId("222233334444"),
        "account_name": "Shop Prod",
        "ou_path": "Root/Workloads",
        "subject": None,
        "message": "It was read.",
        "observed_at": READ,
    }
    return Finding(**(known | changes))


def make_findings(*findings: Finding) -> FindingReport:
    return FindingReport(
        source="audit",
        organization_id="o-exampleorgid",
        management_account_id=AccountId("111122223333"),
        partition="aws",
        endpoint="AWS",
        is_sandbox=False,
        observed_at=READ + timedelta(minutes=5),
        rules=tuple(dict.fromkeys((RULE, *(one.rule for one in findings)))),
        findings=findings,
    )


_texts = hostile_texts | hostile_texts.map(lambda text: text * 300)
_values = st.none() | st.booleans() | st.integers() | st.lists(hostile_texts, max_size=3) | _texts
_facts = st.dictionaries(hostile_texts, _values, max_size=3)

findings = st.builds(
    make_findings,
    st.builds(
        make_finding,
        st.sampled_from(Verdict),
        account_name=_texts,
        ou_path=_texts,
        subject=st.none() | _texts,
        message=_texts,
        reason=st.none() | _texts,
        observed_at=st.none() | st.just(READ),
        facts=_facts,
    ),
)
