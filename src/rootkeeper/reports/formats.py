"""The table of report formats. Command line, API, console and docs take their choices from it.

A format is a function of a module in this folder and a row here. The module is imported when a report is written,
because every command imports this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from rootkeeper.errors import Hint, InputError

if TYPE_CHECKING:
    from rootkeeper.evidence.service import EvidenceReport
    from rootkeeper.findings.rules import FindingReport


class Carries(StrEnum):
    """What a format contains."""

    EVIDENCE = "evidence"
    """The evidence report of a period."""
    FINDINGS = "findings"
    """The findings of any reading, the evidence report's included."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of a report."""

    name: str
    """As ``format`` takes it."""
    # Its own name, such as ``SARIF 2.1.0``.
    title: str
    purpose: str
    """A sentence."""
    suffix: str
    """The end of its files' names."""
    media_type: str
    carries: Carries
    """Formats that carry findings are also formats of an audit."""
    renderer: str
    """``module:function``: it gets a ``FindingReport`` or an ``EvidenceReport``, and returns an ``Iterator[bytes]``."""
    has_ledger_entries: bool = False
    """Whether it contains entries of the ledger, also of other organizations. The database must be open for it."""

    @property
    def is_text(self) -> bool:
        """Whether a terminal can show it."""
        return self.media_type.startswith("text/") or any(word in self.media_type for word in ("json", "xml"))

    def render(self, report: EvidenceReport | FindingReport) -> Iterator[bytes]:
        """Render a report; the same report gives the same bytes. Evidence can be rendered as findings, too.

        :raises TypeError: if these are findings, but the format carries evidence.
        """
        from rootkeeper.findings.rules import FindingReport

        if isinstance(report, FindingReport):
            if self.carries is not Carries.FINDINGS:
                raise TypeError(f"{self.name} carries evidence")
        elif self.carries is Carries.FINDINGS:
            from rootkeeper.evidence.findings import list_findings

            report = list_findings(report)
        rendered: Iterator[bytes] = resolve_name(self.renderer)(report)
        return rendered


SECURITY_HUB_FORMAT = "asff"
"""The only format that Security Hub takes."""

FORMATS = (
    Format(
        "html",
        "HTML",
        "To read and print: one file without external resources.",
        ".html",
        "text/html; charset=utf-8",
        Carries.EVIDENCE,
        "rootkeeper.reports.evidence_html:render",
    ),
    Format(
        "csv",
        "CSV",
        "For a spreadsheet: one fact in each row.",
        ".csv",
        "text/csv; charset=utf-8",
        Carries.EVIDENCE,
        "rootkeeper.reports.evidence_data:render_csv",
    ),
    Format(
        "json",
        "JSON",
        "For programs, with a JSON Schema.",
        ".json",
        "application/json",
        Carries.EVIDENCE,
        "rootkeeper.reports.evidence_data:render_json",
    ),
    Format(
        "markdown",
        "Markdown",
        "For a ticket or a wiki.",
        ".md",
        "text/markdown; charset=utf-8",
        Carries.EVIDENCE,
        "rootkeeper.reports.evidence_markdown:render",
    ),
    Format(
        "oscal",
        "OSCAL 1.2.1 assessment results",
        "For tools of governance, risk and compliance, with every control of the control map.",
        ".oscal.json",
        "application/json",
        Carries.EVIDENCE,
        "rootkeeper.reports.oscal:render",
    ),
    Format(
        "pdf",
        "PDF",
        "To sign and to file: counts by organizational unit, and annexes of what isn't good.",
        ".pdf",
        "application/pdf",
        Carries.EVIDENCE,
        "rootkeeper.reports.pdf:render",
    ),
    Format(
        "package",
        "Evidence package",
        "For an auditor, who verifies it with Python alone: a ZIP with PDF, CSV, JSON, findings and ledger.",
        ".zip",
        "application/zip",
        Carries.EVIDENCE,
        "rootkeeper.reports.package:render",
        has_ledger_entries=True,
    ),
    Format(
        "findings-csv",
        "Findings as CSV",
        "For a spreadsheet: one finding in each row.",
        ".findings.csv",
        "text/csv; charset=utf-8",
        Carries.FINDINGS,
        "rootkeeper.reports.findings_data:render_csv",
    ),
    Format(
        "findings-jsonl",
        "Findings as JSON Lines",
        "For log pipelines: one finding in each line, with a JSON Schema.",
        ".findings.jsonl",
        "application/jsonl",
        Carries.FINDINGS,
        "rootkeeper.reports.findings_data:render_json_lines",
    ),
    Format(
        "ocsf",
        "OCSF 1.5.0",
        "For a SIEM or data lake: one Compliance Finding in each line.",
        ".ocsf.jsonl",
        "application/jsonl",
        Carries.FINDINGS,
        "rootkeeper.reports.ocsf:render",
    ),
    Format(
        SECURITY_HUB_FORMAT,
        "AWS Security Finding Format",
        "For Security Hub: the findings of BatchImportFindings.",
        ".asff.json",
        "application/json",
        Carries.FINDINGS,
        "rootkeeper.reports.asff:render",
    ),
    Format(
        "sarif",
        "SARIF 2.1.0",
        "For code scanning: what passes has no result, and after 5,000 results it says what was left out.",
        ".sarif",
        "application/sarif+json",
        Carries.FINDINGS,
        "rootkeeper.reports.sarif:render",
    ),
    Format(
        "junit",
        "JUnit XML",
        "For pipelines: a finding is a test case; an unknown is an error.",
        ".xml",
        "application/xml; charset=utf-8",
        Carries.FINDINGS,
        "rootkeeper.reports.junit:render",
    ),
)
"""In the order in which they are shown."""


FINDING_FORMATS = tuple(report_format for report_format in FORMATS if report_format.carries is Carries.FINDINGS)


def list_names(carries: Carries | None = None) -> tuple[str, ...]:
    """List the names of the formats, or of those that carry this."""
    return tuple(report_format.name for report_format in FORMATS if carries in (None, report_format.carries))


def get_format(name: str, carries: Carries | None = None) -> Format:
    """:raises InputError: if there is none of this name, or none that carries this."""
    for report_format in FORMATS:
        if report_format.name == name and carries in (None, report_format.carries):
            return report_format
    what = "report" if carries is None else carries.value
    raise InputError(f"There is no {what} format {name!r}.", hint=f"Use {', '.join(list_names(carries))}.")


def get_format_of_file(file_name: str) -> Format:
    """Get the format by the suffix of a file name; the longest suffix counts.

    :raises InputError: if it has none.
    """
    found = [report_format for report_format in FORMATS if file_name.lower().endswith(report_format.suffix)]
    if not found:
        raise InputError(
            f"The file name {file_name!r} has no known report format.",
            hint=Hint("Name a format.", "reports.format", formats=", ".join(list_names())),
        )
    return max(found, key=lambda report_format: len(report_format.suffix))
