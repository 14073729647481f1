"""Findings as a finding provider sends them to Security Hub."""

from __future__ import annotations

from typing import Any

from tests.sandbox.calling import MANAGEMENT_ACCOUNT_ID

PRODUCT = f"arn:aws:securityhub:us-east-1:{MANAGEMENT_ACCOUNT_ID}:product/{MANAGEMENT_ACCOUNT_ID}/default"


def make_finding(finding_id: str = "one", **fields: Any) -> dict[str, Any]:
    found = {
        "SchemaVersion": "2018-10-08",
        "Id": finding_id,
        "ProductArn": PRODUCT,
        "GeneratorId": "rootkeeper/root-user-credentials",
        "AwsAccountId": MANAGEMENT_ACCOUNT_ID,
        "CreatedAt": "2026-10-01T12:00:00Z",
        "UpdatedAt": "2026-10-01T12:00:00Z",
        "Title": "A root user has a password",
        "Description": "It can sign in.",
        "Resources": [{"Type": "AwsAccount", "Id": "AWS::::Account:444455556666"}],
        "FindingProviderFields": {
            "Severity": {"Label": "HIGH"},
            "Types": ["Software and Configuration Checks/AWS Security Best Practices"],
        },
    }
    return {name: value for name, value in (found | fields).items() if value is not None}
