"""Writes an evidence package for each organization, and a summary of all for the provider.

Each package is read from the organization's own database. The summary names no account and no person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from rootkeeper.controls.assessment import assess_report
from rootkeeper.controls.rules import Framework
from rootkeeper.errors import DatabaseError, InputError, OrganizationMismatchError, RootkeeperError, SettingsError
from rootkeeper.evidence.rules import Period
from rootkeeper.organizations.rules import KnownOrganization
from rootkeeper.organizations.service import OrganizationService
from rootkeeper.organizations.summaries import (
    OrganizationsSummaryDocument,
    SummarizedOrganization,
    WrittenPackage,
    add_up,
    render_html,
)
from rootkeeper.reports import package
from rootkeeper.shapes import fill_record
from rootkeeper.untrusted_text import json_text
from rootkeeper.values import json_time

WriteFile = Callable[[str, Iterable[bytes]], object]
"""Writes a file of this name into the folder of the packages."""


@dataclass(frozen=True, slots=True)
class OrganizationReports:
    """The result: each organization as a list shows it, and as the summary has it."""

    known: tuple[KnownOrganization, ...]
    document: OrganizationsSummaryDocument


def write_reports(
    service: OrganizationService, period: Period, frameworks: tuple[Framework, ...], write: WriteFile
) -> OrganizationReports:
    """Write ``NAME.zip`` for each organization, ``summary.html`` and ``summary.json``.

    An organization that fails prevents no other.

    :raises SettingsError: if the settings file can't be read.
    """
    known, found = [], []
    for organization in service.list_known():
        written: WrittenPackage | None = None
        general = None if organization.numbers is not None else "Its numbers couldn't be read, or it was never audited."
        if organization.numbers is not None:
            try:
                written = _write_package(service, organization, period, frameworks, write)
            except RootkeeperError as error:
                general = _explain(error)
                problem = f"Its evidence package couldn't be written: {error.message}"
                organization = replace(organization, problem=problem, hint=error.hint)
        known.append(organization)
        found.append(
            SummarizedOrganization(
                organization.name, organization.organization_id, organization.numbers, written, general
            )
        )
    document = fill_record(
        OrganizationsSummaryDocument,
        None,
        period_from=json_time(period.start),
        period_to=json_time(period.end),
        totals=add_up(found),
        organizations=found,
    )
    write("summary.html", [render_html(found, period.start, period.end)])
    write("summary.json", [f"{json_text(document, indent=2)}\n".encode()])
    return OrganizationReports(tuple(known), document)


def _write_package(
    service: OrganizationService,
    organization: KnownOrganization,
    period: Period,
    frameworks: tuple[Framework, ...],
    write: WriteFile,
) -> WrittenPackage:
    """:raises InputError: if the ledger has entries of another organization, or the file can't be written.

    :raises DatabaseError: if the database can't be read.
    """
    settings = service.load_settings(organization.name)
    own = replace(period, stale_after=settings.history.stale_after)
    digest, name = hashlib.sha256(), f"{organization.name}.zip"
    size = 0

    def measure(parts: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal size
        for part in parts:
            digest.update(part)
            size += len(part)
            yield part

    with service.open_database(settings) as application:
        report = application.evidence_compiler(organization.organization_id).compile(own)
        others = report.history.other_organization_ids
        if others:
            raise InputError(f"Its ledger also has entries of {', '.join(others)}, which its package would contain.")
        write(name, measure(package.render(assess_report(report, frameworks))))
    return WrittenPackage(name, size, digest.hexdigest())


def _explain(error: RootkeeperError) -> str:
    """Explain an error without its message, which can name accounts, people and paths."""
    match error:
        case SettingsError() | OrganizationMismatchError():
            return "Its settings can't be used."
        case DatabaseError():
            return "Its database can't be read."
        case _:
            return "Its evidence package couldn't be written."
