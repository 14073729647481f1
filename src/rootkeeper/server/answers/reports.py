"""Answers about reports."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.reports.formats import Carries
from rootkeeper.shapes import Answer, record


@record
class FormatRecord(TypedDict):
    """One format of a report."""

    name: str
    """As ``format`` takes it."""
    title: str
    purpose: str
    """One sentence."""
    suffix: str
    """The end of its files' names."""
    media_type: str
    carries: Carries
    """Formats that carry findings are also those of an audit."""


@record
class FormatsAnswer(Answer):
    """The formats of reports."""

    formats: list[FormatRecord]
