"""The evidence report as OSCAL assessment results, for tools of governance, risk and compliance.

Each account is an inventory item, and an observation shows the reading of it. Each check is an observation, too: its
subjects are the accounts that don't pass. A control is a finding that refers to the observations of its checks; a check
that fails is a risk. OSCAL has two states: only a pass is ``satisfied``. A control that is unknown or manual is
``not-satisfied`` with the reason ``other``. A control that isn't applicable has no finding.

UUIDs are made of names (version 5): the same report has the same bytes, and later reports have equal UUIDs for the same
accounts, controls and risks. Lists with an item for each account are written while they are made.

Source: NIST, OSCAL 1.2.1, assessment results model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from uuid import UUID, uuid5

from rootkeeper import __version__
from rootkeeper.controls.assessment import AssessedReport, assess_report
from rootkeeper.controls.control_map import load_frameworks
from rootkeeper.controls.rules import Control, ControlAssessment, Framework, Showing, ShownCheck, count_accounts
from rootkeeper.evidence.periods import CredentialChange, describe_change
from rootkeeper.evidence.records import VERDICTS, render_presence, render_status
from rootkeeper.evidence.rules import AccountEvidence
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.untrusted_text import json_text, markdown_text, printable
from rootkeeper.values import json_time, render_duration

Part = dict[str, Any]

OSCAL_VERSION = "1.2.1"

_NAMES = UUID("6f5d8b3e-5f6b-4f0e-9c8a-3f0c1c5b7a21")
"""The namespace of all UUIDs; never changes."""
_NAMESPACE = "urn:rootkeeper:oscal"
"""Of properties that OSCAL doesn't define."""
_REASONS = {Verdict.FAIL: "fail", Verdict.PASS: "pass"}


def render(report: EvidenceReport) -> Iterator[bytes]:
    """With every framework of the control map, unless the report was made for some."""
    if not isinstance(report, AssessedReport) or not report.assessments:
        report = assess_report(report, load_frameworks())
    for piece in _stream({"assessment-results": _describe_document(report)}):
        yield piece.encode()
    yield b"\n"


def _stream(value: object) -> Iterator[str]:
    """JSON in pieces: an iterator is a list too, with items that are made in turn."""
    if isinstance(value, dict):
        yield "{"
        for place, (name, item) in enumerate(value.items()):
            yield f"{',' if place else ''}\n{json_text(name)}: "
            yield from _stream(item)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for place, item in enumerate(value):
            yield "," if place else ""
            yield from _stream(item)
        yield "]"
    elif isinstance(value, Iterator):
        yield "["
        for place, item in enumerate(value):
            yield f"{',' if place else ''}\n{json_text(item)}"
        yield "]"
    else:
        yield json_text(value)


@dataclass(frozen=True, slots=True)
class _Names:
    """The UUIDs of a document."""

    place: UUID
    """The namespace of an organization at an endpoint."""
    period: str

    def find(self, kind: str, name: str = "") -> str:
        """Find a UUID that is the same in the documents of all periods."""
        return str(uuid5(self.place, f"{kind} {name}"))

    def find_of_period(self, kind: str, name: str = "") -> str:
        return str(uuid5(self.place, f"{kind} {self.period} {name}"))


def _describe_document(report: AssessedReport) -> Part:
    end = json_time(report.period.end)
    names = _Names(
        uuid5(_NAMES, f"{report.endpoint} {report.organization_id}"), f"{json_time(report.period.start)} {end}"
    )
    title = f"Root access of organization {report.organization_id}"
    plan = names.find("plan")
    party = {
        "uuid": names.find("organization"),
        "type": "organization",
        "name": printable(f"AWS organization {report.organization_id}"),
    }
    metadata = {
        "title": markdown_text(f"{report.endpoint}: {title}" if report.is_sandbox else title),
        "last-modified": end,
        "version": end,
        "oscal-version": OSCAL_VERSION,
        "parties": [party],
    }
    if report.is_sandbox:
        metadata["remarks"] = "This is play, not evidence of an AWS organization."
    return {
        "uuid": names.find_of_period("document"),
        "metadata": metadata,
        "import-ap": {
            "href": f"#{plan}",
            "remarks": "There is no assessment plan in OSCAL. The control map of Rootkeeper says what is checked.",
        },
        "results": [_describe_result(report, names)],
        "back-matter": {"resources": [{"uuid": plan, "title": "The control map of Rootkeeper"}]},
    }


def _describe_result(report: AssessedReport, names: _Names) -> Part:
    checks = {_render_check_name(shown): shown for assessment in report.assessments for shown in assessment.checks}
    result: Part = {
        "uuid": names.find_of_period("result"),
        "title": "Root user credentials, and the controls that ask about them",
        "description": "What was read in the period, and its state at the end. A reading older than"
        f" {render_duration(report.period.stale_after)} counts as unknown.",
        "start": json_time(report.period.start),
        "end": json_time(report.period.end),
        "local-definitions": {
            "inventory-items": _list_inventory_items(report, checks.values(), names),
            "assessment-assets": _describe_tool(names),
        },
        "reviewed-controls": {
            "control-selections": [_describe_selection(framework, report) for framework in report.frameworks]
        },
    }
    statements = _list_statements(report)
    if statements:
        result["attestations"] = [{"parts": statements}]
    result["observations"] = chain(
        (_observe_check(shown, report, names) for shown in checks.values()),
        (_observe_account(account, report, names) for account in report.all_accounts),
        (_observe_change(change, report, names) for change in report.changes),
    )
    failed = dict.fromkeys(name for assessment in report.assessments for name in _list_failed(assessment))
    risks = [_describe_risk(checks[name], report, names) for name in failed]
    if risks:
        result["risks"] = risks
    findings = [
        _describe_finding(assessment, names)
        for assessment in report.assessments
        if assessment.verdict is not Verdict.NOT_APPLICABLE
    ]
    if findings:
        result["findings"] = findings
    gaps = [markdown_text(gap.what) for gap in report.gaps if gap.account_id is None]
    days = [f"{gap.days} from {gap.start:%Y-%m-%d} to {gap.end:%Y-%m-%d}" for gap in report.shown_gaps]
    gaps += [f"Days without a complete audit: {', '.join(days)}."] if days else []
    if gaps:
        result["remarks"] = f"Not known: {' '.join(gaps)}"
    return result


def _list_inventory_items(report: EvidenceReport, checks: Iterable[ShownCheck], names: _Names) -> Iterator[Part]:
    """Describe the accounts, those too that a recovery window is of and that have left the organization."""
    accounts = {
        account.account.account_id: (account.account.name, account.account.ou_path) for account in report.all_accounts
    }
    for history in report.histories.values():
        if history.presences:
            accounts.setdefault(history.account.account_id, (history.account.name, history.account.ou_path))
    for found in chain.from_iterable(shown.result.accounts for shown in checks):
        accounts.setdefault(found.account_id, (found.name, found.ou_path))
    for account_id, (name, ou_path) in accounts.items():
        properties = _list_properties(name=name, organizational_unit=ou_path)
        yield {
            "uuid": names.find("account", account_id),
            "description": f"AWS account {account_id}: {markdown_text(name)}",
            "props": [{"name": "asset-id", "value": account_id}, *properties],
        }


def _describe_tool(names: _Names) -> Part:
    tool = {
        "uuid": names.find("tool"),
        "type": "software",
        "title": "Rootkeeper",
        "description": "Reads the root user credentials of every account of an AWS organization.",
        "props": [{"name": "version", "value": __version__}],
        "status": {"state": "operational"},
    }
    platform = {
        "uuid": names.find("platform"),
        "title": "Rootkeeper",
        "uses-components": [{"component-uuid": tool["uuid"]}],
    }
    return {"components": [tool], "assessment-platforms": [platform]}


def _describe_selection(framework: Framework, report: AssessedReport) -> Part:
    """The controls of a framework that were judged, and its known controls that weren't."""
    judged = [
        assessment for assessment in report.assessments if assessment.control.framework_id == framework.framework_id
    ]
    statements: dict[str, list[str]] = {}
    not_applicable = []
    for assessment in judged:
        control_id, statement_id = find_target(assessment.control)
        statements.setdefault(control_id, []).append(statement_id)
        if assessment.verdict is Verdict.NOT_APPLICABLE:
            not_applicable.append(assessment.control.control_id)
    described: Part = {
        "description": framework.title,
        "include-controls": [{"control-id": name, "statement-ids": ids} for name, ids in statements.items()],
    }
    left_out = [control_id for mapping in framework.left_out for control_id in mapping.control_ids]
    remarks = [f"Not applicable, and without a finding: {', '.join(not_applicable)}."] if not_applicable else []
    remarks += [f"Known to ask about root users, but not checked: {', '.join(left_out)}."] if left_out else []
    if remarks:
        described["remarks"] = " ".join(remarks)
    return described


_NIST = re.compile(r"([A-Z]{2})-(\d+)([a-z]?)(?:\((\d+)\))?")


def find_target(control: Control) -> tuple[str, str]:
    """Find the ids of a control and of its statement: the ids in NIST's catalog, or other ids that are tokens of OSCAL.

    Source: NIST SP 800-53 Rev. 5 catalog in OSCAL, such as ``ac-6.2`` and ``cm-6_smt.a``.
    """
    nist = _NIST.fullmatch(control.control_id) if control.framework_id.startswith("nist-800-53") else None
    if nist is None:
        control_id = f"{control.framework_id}_{re.sub(r'[^A-Za-z0-9.-]+', '-', control.control_id)}"
        return control_id, f"{control_id}_smt"
    family, number, letter, enhancement = nist.groups()
    control_id = f"{family.lower()}-{number}{f'.{enhancement}' if enhancement else ''}"
    return control_id, f"{control_id}_smt{f'.{letter}' if letter else ''}"


def _list_statements(report: AssessedReport) -> list[Part]:
    """Attestations of people, and confirmations of accounts by checks, each once."""
    attested = {
        assessment.control.key: assessment.attestation.sentence
        for assessment in report.assessments
        if assessment.attestation is not None
    }
    confirmed = {
        f"Account {found.account_id}, {found.claim.value}": found.sentence
        for assessment in report.assessments
        for shown in assessment.checks
        for found in shown.result.confirmations
    }
    return [
        {"name": "attestation", "ns": _NAMESPACE, "title": title, "prose": markdown_text(sentence)}
        for title, sentence in (attested | confirmed).items()
    ]


def _render_check_name(shown: ShownCheck) -> str:
    """Some results depend on the control's verdict on an account without a root password, and on its frequency."""
    name = f"{shown.mapping.check.value}, {shown.mapping.without_password.value}"
    return f"{name}, {shown.mapping.longest_gap.days} days" if shown.mapping.longest_gap else name


def _list_failed(assessment: ControlAssessment) -> list[str]:
    """The checks that a control fails by; facts for a person alone let none fail."""
    return [
        _render_check_name(check)
        for check in assessment.checks
        if check.result.verdict is Verdict.FAIL and check.mapping.showing is not Showing.CONTEXT
    ]


def _observe_check(shown: ShownCheck, report: AssessedReport, names: _Names) -> Part:
    result = shown.result
    counts = {f"accounts-{verdict.value}": f"{count}" for verdict, count in count_accounts(result.accounts).items()}
    subjects = [
        {
            "subject-uuid": names.find("account", account.account_id),
            "type": "inventory-item",
            "props": _list_properties(verdict=account.verdict.value),
        }
        for account in result.accounts
        if account.verdict not in {Verdict.NOT_APPLICABLE, Verdict.PASS}
    ]
    described = {
        "uuid": names.find_of_period("check", _render_check_name(shown)),
        "title": f"Check: {result.check.value.replace('_', ' ')}, {VERDICTS[result.verdict].lower()}",
        "description": markdown_text(" ".join(result.reasons)),
        "props": _list_properties(check=result.check.value, verdict=result.verdict.value, **counts),
        "methods": ["EXAMINE"],
        "types": ["control-objective"],
        "origins": _list_origins(names),
        "collected": json_time(report.period.end),
    }
    if subjects:
        described["subjects"] = subjects
        described["remarks"] = "The subjects are the accounts that neither pass nor are exempt from the check."
    return described


def _observe_account(evidence: AccountEvidence, report: AssessedReport, names: _Names) -> Part:
    account, status = evidence.account, render_status(evidence)
    methods = sorted({kind.method for kind in evidence.kinds if kind.method is not None})
    described = {
        "uuid": names.find_of_period("account", account.account_id),
        "title": f"Root user credentials of account {account.account_id}: {status.lower()}",
        "description": markdown_text(evidence.detail or f"{status}."),
        "props": _list_properties(
            role=evidence.role.value,
            state=account.state.value,
            verdict=evidence.verdict.value,
            reason=None if evidence.reason is None else evidence.reason.value,
            session_access_key_id=evidence.session_access_key_id,
            **{kind.kind.value: render_presence(kind) for kind in evidence.kinds},
        ),
        "methods": ["TEST" if methods else "UNKNOWN"],
        "origins": _list_origins(names),
        "subjects": [{"subject-uuid": names.find("account", account.account_id), "type": "inventory-item"}],
        "collected": json_time(evidence.read_at or report.period.end),
    }
    if methods:
        described["relevant-evidence"] = [{"description": markdown_text(method)} for method in methods]
    else:
        described["remarks"] = "Nothing was read; the time is that of the period's end."
    return described


def _observe_change(change: CredentialChange, report: AssessedReport, names: _Names) -> Part:
    first, until = json_time(change.first_seen_at), json_time(change.until)
    return {
        "uuid": names.find_of_period("change", f"{change.account_id} {change.kind.value} {first}"),
        "title": f"Change within the period: {change.kind.value.replace('_', ' ')} of account {change.account_id}",
        "description": markdown_text(describe_change(change, report.period)),
        "props": _list_properties(
            change=change.kind.value,
            explained="yes" if change.is_explained else "no",
            seen_from=first,
            gone_at=until,
            window=change.window_id,
            audits=f"{change.audits}",
            audit_ids=", ".join(change.audit_ids),
        ),
        "methods": ["TEST"],
        "types": ["historic"],
        "origins": _list_origins(names),
        "subjects": [{"subject-uuid": names.find("account", change.account_id), "type": "inventory-item"}],
        "collected": json_time(change.last_seen_at),
    }


def _describe_risk(shown: ShownCheck, report: AssessedReport, names: _Names) -> Part:
    name = _render_check_name(shown)
    controls = [assessment.control.key for assessment in report.assessments if name in _list_failed(assessment)]
    return {
        "uuid": names.find("risk", name),
        "title": f"Check: {shown.result.check.value.replace('_', ' ')}, fail",
        "description": markdown_text(" ".join(shown.result.reasons)),
        "statement": f"These controls fail because of it: {', '.join(controls)}.",
        "status": "open",
        "origins": _list_origins(names),
        "related-observations": [{"observation-uuid": names.find_of_period("check", name)}],
    }


def _describe_finding(assessment: ControlAssessment, names: _Names) -> Part:
    control, verdict = assessment.control, assessment.verdict
    status = {
        "state": "satisfied" if verdict is Verdict.PASS else "not-satisfied",
        "reason": _REASONS.get(verdict, "other"),
    }
    reasons = " ".join((f"{VERDICTS[verdict]}.", *assessment.reasons))
    described = {
        "uuid": names.find("control", control.key),
        "title": markdown_text(f"{control.key}: {control.title}"),
        "description": markdown_text(control.text),
        "props": [
            *_list_properties(framework=control.framework_id, control=control.control_id, verdict=verdict.value),
            *(
                {
                    "name": "check",
                    "ns": _NAMESPACE,
                    "value": mapping.check.value,
                    "class": mapping.showing.value,
                    "remarks": f"Strength of the mapping: {mapping.strength.value}. Source: {mapping.source}.",
                }
                for mapping in (shown.mapping for shown in assessment.checks)
            ),
        ],
        "origins": _list_origins(names),
        "target": {
            "type": "statement-id",
            "target-id": find_target(control)[1],
            "status": {**status, "remarks": markdown_text(reasons)},
        },
        "related-observations": [
            {"observation-uuid": names.find_of_period("check", name)}
            for name in dict.fromkeys(map(_render_check_name, assessment.checks))
        ],
    }
    failed = _list_failed(assessment)
    if failed:
        described["related-risks"] = [{"risk-uuid": names.find("risk", name)} for name in failed]
    return described


def _list_origins(names: _Names) -> list[Part]:
    return [{"actors": [{"type": "tool", "actor-uuid": names.find("tool")}]}]


def _list_properties(**values: str | None) -> list[Part]:
    """Properties of our own, in a line each; those without a character are left out."""
    shown = ((name.replace("_", "-"), printable(value).strip()) for name, value in values.items() if value is not None)
    return [{"name": name, "ns": _NAMESPACE, "value": value} for name, value in shown if value]
