"""The AWS Security Finding Format that findings must have, as far as the sandbox checks it.

Source: Security Hub AwsSecurityFinding, API version 2018-10-26; Security Hub User Guide, "Required top-level ASFF
attributes"; public reports for the texts, whose order and further words are assumed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

MAX_FINDING_BYTES = 240 * 1024
"""Source: Security Hub BatchImportFindings, API version 2018-10-26; that a Kb is 1,024 bytes is assumed."""
_SCHEMA_VERSION = "2018-10-08"

_REQUIRED = (
    "SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title",
    "Description", "Resources",
)  # fmt: skip
"""Source: Security Hub AwsSecurityFinding, API version 2018-10-26."""

_LONGEST: Mapping[str, int] = {
    "Id": 512, "GeneratorId": 512, "Title": 256, "Description": 1024, "ProductName": 128, "CompanyName": 128,
}  # fmt: skip
_MAX_RECOMMENDATION = 512
_MAX_RESOURCES = 32
_MAX_TYPES = 50
_MAX_PRODUCT_FIELDS = 50
_MAX_FIELD_NAME = 128
_MAX_FIELD_VALUE = 2048
_TYPE = re.compile(
    r"(Software and Configuration Checks|TTPs|Effects|Unusual Behaviors|Sensitive Data Identifications)(/[^/]+){0,2}"
)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})")
_FORMAT = "Finding does not adhere to Amazon Finding Format."


def find_problem(finding: Mapping[str, Any]) -> str | None:
    """Find the reason why Security Hub refuses a finding, in its words."""
    size = len(json.dumps(finding, separators=(",", ":"), ensure_ascii=False).encode())
    if size > MAX_FINDING_BYTES:
        return f"{_FORMAT} Finding size exceeds the limit of 240 KB."
    problem = _find_missing(finding) or _find_too_long(finding) or _find_bad_value(finding) or _find_bad_fields(finding)
    return f"{_FORMAT} {problem}." if problem else None


def _find_missing(finding: Mapping[str, Any]) -> str | None:
    for name in _REQUIRED:
        if finding.get(name) is None:
            return f"data should have required property '{name}'"
    if not finding["Resources"]:
        return "data.Resources should NOT have fewer than 1 items"
    for number, resource in enumerate(finding["Resources"]):
        for name in ("Type", "Id"):
            if not resource.get(name):
                return f"data.Resources[{number}] should have required property '{name}'"
    provided = finding.get("FindingProviderFields", {})
    if not (finding.get("Severity") or provided.get("Severity")) or not (finding.get("Types") or provided.get("Types")):
        return "data should have required property 'FindingProviderFields', data should match some schema in anyOf"
    return None


def _find_too_long(finding: Mapping[str, Any]) -> str | None:
    for name, limit in _LONGEST.items():
        text = finding.get(name)
        if text is not None and not 1 <= len(text) <= limit:
            bound = f"longer than {limit}" if text else "shorter than 1"
            return f"data.{name} should NOT be {bound} characters"
    advice = finding.get("Remediation", {}).get("Recommendation", {}).get("Text")
    if advice is not None and not 1 <= len(advice) <= _MAX_RECOMMENDATION:
        bound = f"longer than {_MAX_RECOMMENDATION}" if advice else "shorter than 1"
        return f"data.Remediation.Recommendation.Text should NOT be {bound} characters"
    if len(finding["Resources"]) > _MAX_RESOURCES:
        return f"data.Resources should NOT have more than {_MAX_RESOURCES} items"
    return None


def _find_bad_value(finding: Mapping[str, Any]) -> str | None:
    if finding["SchemaVersion"] != _SCHEMA_VERSION:
        return "data.SchemaVersion should be equal to one of the allowed values"
    for name in ("CreatedAt", "UpdatedAt", "FirstObservedAt", "LastObservedAt"):
        if name in finding and not _is_time(finding[name]):
            return f'data.{name} should match format "date-time"'
    types = (finding.get("FindingProviderFields", {}).get("Types")) or finding.get("Types") or []
    if len(types) > _MAX_TYPES:
        return f"data.Types should NOT have more than {_MAX_TYPES} items"
    if not all(_TYPE.fullmatch(finding_type) for finding_type in types):
        return "data.Types[0] should match pattern"
    for path, value, allowed in _list_enumerated(finding):
        if value is not None and value not in allowed:
            return f"{path} should be equal to one of the allowed values"
    return None


_LABELS = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")


def _list_enumerated(finding: Mapping[str, Any]) -> tuple[tuple[str, str | None, tuple[str, ...]], ...]:
    provided = finding.get("FindingProviderFields", {})
    statuses = ("PASSED", "WARNING", "FAILED", "NOT_AVAILABLE")
    return (
        ("data.RecordState", finding.get("RecordState"), ("ACTIVE", "ARCHIVED")),
        ("data.Compliance.Status", finding.get("Compliance", {}).get("Status"), statuses),
        ("data.Severity.Label", finding.get("Severity", {}).get("Label"), _LABELS),
        ("data.FindingProviderFields.Severity.Label", provided.get("Severity", {}).get("Label"), _LABELS),
        (
            "data.Workflow.Status",
            finding.get("Workflow", {}).get("Status"),
            ("NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"),
        ),
    )


def _find_bad_fields(finding: Mapping[str, Any]) -> str | None:
    fields = finding.get("ProductFields", {})
    if len(fields) > _MAX_PRODUCT_FIELDS:
        return f"data.ProductFields should NOT have more than {_MAX_PRODUCT_FIELDS} properties"
    for name, value in fields.items():
        if len(name) > _MAX_FIELD_NAME or len(value) > _MAX_FIELD_VALUE:
            return f"data.ProductFields['{name[:40]}'] should NOT be longer than {_MAX_FIELD_VALUE} characters"
    return None


def _is_time(text: str) -> bool:
    try:
        return bool(_TIME.fullmatch(text) and read_time(text))
    except ValueError:
        return False


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
