"""Renders findings as SARIF 2.1.0, for code scanning.

GitHub shows every result as an alert, of any kind, and closes an alert that a later file lacks. So a pass or a rule
that doesn't apply has no result; a notification counts it. An account that wasn't read keeps rule, place and
fingerprint of its failure, with the kind ``open``: no alert closes because nothing was read.

An alert needs a file. ``accounts/111122223333`` means the account; no repository has such a file.

Source: OASIS, SARIF 2.1.0 with Errata 01, sections 3.11.5 and 3.11.6 (messages), 3.27.9 and 3.27.10 (kind and level);
GitHub Docs, "SARIF support for code scanning" and "SARIF results exceed one or more limits".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from rootkeeper import __version__
from rootkeeper.findings.rules import Finding, FindingReport, FindingRule, Severity, Verdict, find_finding_id
from rootkeeper.untrusted_text import json_text, printable, printable_json, sarif_text
from rootkeeper.values import json_time

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

MOST_RESULTS = 5_000
"""How many results of a run GitHub keeps. The file has no more, so that this module, not GitHub, chooses which."""

KINDS = {Verdict.FAIL: "fail", Verdict.UNKNOWN: "open", Verdict.MANUAL: "review", Verdict.KEPT: "review"}
"""The verdicts that have a result, in the order of their results, and its kind."""

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFORMATIONAL: "note",
}
"""Most severe first."""

_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "3.0"}
"""Within the ranges of GitHub's four security severities."""


def render(report: FindingReport) -> Iterator[bytes]:
    """Failures come first, the most severe before the others; then unknown findings; then findings for a person."""
    counts: Counter[Verdict] = Counter()
    waiting: dict[tuple[Verdict, Severity], list[Finding]] = {
        (verdict, severity): [] for verdict in KINDS for severity in _LEVELS
    }
    for finding in report.findings:
        counts[finding.verdict] += 1
        if finding.verdict in KINDS:
            alike = waiting[finding.verdict, finding.severity]
            if len(alike) < MOST_RESULTS:
                alike.append(finding)
    chosen = list(islice(chain.from_iterable(waiting.values()), MOST_RESULTS))
    left_out = counts - Counter(finding.verdict for finding in chosen)
    run = {
        "tool": {
            "driver": {
                "name": "Rootkeeper",
                "semanticVersion": __version__,
                "rules": [_describe_rule(rule) for rule in report.rules],
            }
        },
        "invocations": [_describe_invocation(report, left_out)],
        "properties": {
            "source": report.source,
            "organization_id": report.organization_id,
            "management_account_id": report.management_account_id,
            "partition": report.partition,
            "endpoint": printable(report.endpoint),
            "sandbox": report.is_sandbox,
            "verdicts": {verdict.value: counts[verdict] for verdict in Verdict},
        },
    }
    yield f'{{"$schema": "{SCHEMA}", "version": "2.1.0", "runs": [{json_text(run)[:-1]}, "results": ['.encode()
    indices = {rule.rule_id: index for index, rule in enumerate(report.rules)}
    for number, finding in enumerate(chosen):
        result = _describe_result(report, finding, indices[finding.rule.rule_id])
        yield f"{',' if number else ''}\n{json_text(result)}".encode()
    yield b"\n]}]}\n"


def _describe_rule(rule: FindingRule) -> Mapping[str, Any]:
    properties: dict[str, Any] = {"tags": ["security", "aws", "root-user"], "precision": "very-high"}
    if rule.severity in _SCORES:
        properties["security-severity"] = _SCORES[rule.severity]
    return {
        "id": rule.rule_id,
        "shortDescription": {"text": sarif_text(rule.title)},
        "fullDescription": {"text": sarif_text(rule.description)},
        "help": {"text": sarif_text(f"{rule.remediation} Guide: {rule.guide}")},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": properties,
    }


def _describe_invocation(report: FindingReport, left_out: Counter[Verdict]) -> Mapping[str, Any]:
    """List the facts that the results alone would hide."""
    notifications = []
    if report.is_sandbox:
        notifications.append(("warning", f"{report.endpoint}: no evidence of an AWS organization."))
    if cut := [f"{left_out[verdict]:,} {verdict.value}" for verdict in KINDS if left_out[verdict]]:
        limit = f"Code scanning keeps {MOST_RESULTS:,} results of a run."
        notifications.append(("warning", f"Left out: {', '.join(cut)}. {limit} The format findings-jsonl has all."))
    passed, irrelevant = left_out[Verdict.PASS], left_out[Verdict.NOT_APPLICABLE]
    counted = f"Without a result: {passed:,} passed, {irrelevant:,} not applicable."
    notifications.append(("note", f"{counted} Code scanning would show an alert for each."))
    return {
        "executionSuccessful": True,
        "endTimeUtc": json_time(report.observed_at),
        "toolExecutionNotifications": [
            {"level": level, "message": {"text": sarif_text(text)}} for level, text in notifications
        ],
    }


def _describe_result(report: FindingReport, finding: Finding, rule_index: int) -> Mapping[str, Any]:
    finding_id = find_finding_id(report, finding)
    is_failure = finding.verdict is Verdict.FAIL
    verdict = "" if is_failure else f"{finding.verdict.value.capitalize()}. "
    reason = "" if finding.reason is None else f" Reason: {finding.reason}"
    # GitHub shows only the first sentence where space is short, so it begins with the account.
    message = f"{finding.account_name} ({finding.account_id}): {verdict}{finding.message}{reason}"
    return {
        "ruleId": finding.rule.rule_id,
        "ruleIndex": rule_index,
        "kind": KINDS[finding.verdict],
        # SARIF allows no other level for a kind that isn't a failure; GitHub then shows the rule's security severity.
        "level": _LEVELS[finding.severity] if is_failure else "none",
        "message": {"text": sarif_text(message)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": f"accounts/{finding.account_id}"},
                    "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
                },
                "logicalLocations": [
                    {
                        "fullyQualifiedName": finding.account_id,
                        "name": printable(finding.account_name),
                        "kind": "resource",
                    }
                ],
            }
        ],
        # GitHub compares the first fingerprint only, and its name is fixed.
        "partialFingerprints": {"primaryLocationLineHash": finding_id, "rootkeeperFindingId/v1": finding_id},
        "properties": {
            "verdict": finding.verdict.value,
            "reason": printable_json(finding.reason),
            "account_id": finding.account_id,
            "account_name": printable(finding.account_name),
            "ou_path": printable(finding.ou_path),
            "subject": printable_json(finding.subject),
            "observed_at": json_time(finding.observed_at),
            "facts": printable_json(finding.facts),
        },
    }
