"""The summary of evidence packages of all organizations, for a provider. It names no account and no person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from importlib import resources

from rootkeeper.organizations.rules import OrganizationNumbers, OrganizationNumbersRecord
from rootkeeper.shapes import Answer, Count, JsonRecord, OrganizationId, Sha256, WholeSecond, record, record_of
from rootkeeper.values import json_time


@dataclass(frozen=True, slots=True)
class WrittenPackage:
    """An evidence package that was written."""

    file: str
    """In the folder of the summary."""
    bytes: Count
    sha256: Sha256


@dataclass(frozen=True, slots=True)
class SummarizedOrganization:
    """An organization, without anything that names an account or a person."""

    name: str
    organization_id: OrganizationId
    numbers: OrganizationNumbers | None
    """``None`` if they are unknown."""
    package: WrittenPackage | None
    """``None`` if no evidence package could be written."""
    problem: str | None
    """Why numbers or package are missing, in general words: exact reasons can name accounts."""


@dataclass(frozen=True, slots=True)
class OrganizationTotals:
    """Sums over the organizations whose numbers are known."""

    organizations: Count
    """All of them."""
    known: Count
    """Those whose numbers are known, and in the sums."""
    packages: Count
    accounts: Count
    root_logins_left: Count
    unknown: Count
    unread: Count
    open_windows: Count
    failed_closings: Count
    reviews_due: Count
    failing_controls: Count
    unknown_controls: Count


@record_of(WrittenPackage)
class WrittenPackageRecord(JsonRecord):
    """An evidence package that was written."""


@record_of(SummarizedOrganization)
class SummarizedOrganizationRecord(JsonRecord):
    """An organization, without anything that names an account or a person."""

    numbers: OrganizationNumbersRecord | None
    """``null`` if they are unknown."""
    package: WrittenPackageRecord | None
    """``null`` if no evidence package could be written."""


@record_of(OrganizationTotals)
class OrganizationTotalsRecord(JsonRecord):
    """Sums over the organizations whose numbers are known."""


@record
class OrganizationsSummaryDocument(Answer):
    """Evidence packages of all organizations, and their numbers."""

    period_from: WholeSecond
    period_to: WholeSecond
    totals: OrganizationTotalsRecord
    organizations: list[SummarizedOrganizationRecord]


def add_up(organizations: Sequence[SummarizedOrganization]) -> OrganizationTotals:
    """Add the numbers that are known: an organization without an account that was listed has none."""
    known = [found.numbers for found in organizations if found.numbers is not None and found.numbers.accounts]
    counted = [field.name for field in fields(OrganizationTotals)][3:]
    return OrganizationTotals(
        len(organizations),
        len(known),
        sum(found.package is not None for found in organizations),
        *(sum(getattr(numbers, name) or 0 for numbers in known) for name in counted),
    )


def render_html(organizations: Sequence[SummarizedOrganization], start: datetime, end: datetime) -> bytes:
    """Render the summary as a page without scripts, which makes no request."""
    from jinja2 import Environment, StrictUndefined  # here, because most commands render no HTML
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    style = (resources.files("rootkeeper.reports") / "templates" / "evidence.css").read_text("utf-8")
    template = (resources.files(__package__) / "summary.html.jinja").read_text("utf-8")
    text = environment.from_string(template).render(
        organizations=organizations,
        totals=add_up(organizations),
        start=json_time(start),
        end=json_time(end),
        style=Markup(style),  # noqa: S704 - our own file
        time=json_time,
    )
    return text.encode()
