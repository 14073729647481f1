"""The methods of a report's readings, each with a letter, so that a table needn't repeat long names."""

from __future__ import annotations

from string import ascii_uppercase

from rootkeeper.domain.evidence.reports import EvidenceReport


def list_methods(report: EvidenceReport) -> dict[str, str]:
    """Letters by method, in the order in which the methods sort."""
    read = [*report.accounts, *([] if report.management is None else [report.management])]
    found = sorted({kind.method for account in read for kind in account.kinds if kind.method is not None})
    return {method: _letter(place) for place, method in enumerate(found)}


def _letter(place: int) -> str:
    return ascii_uppercase[place] if place < len(ascii_uppercase) else f"M{place + 1}"
