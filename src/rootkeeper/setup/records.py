"""Differences between the accepted set-up and the current one, as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.setup.rules import SetupPart
from rootkeeper.shapes import Answer, Moment, record


@record
class DifferenceRecord(TypedDict):
    """One thing of the set-up that isn't as it was accepted."""

    part: SetupPart
    subject: str
    accepted: str
    found: str
    what: str
    """One sentence for a person."""
    could_be: list[str]
    """What could have changed it."""


@record
class DriftRecord(Answer):
    """Of a check of the set-up."""

    accepted_at: Moment | None
    """``null`` if none was ever accepted: then nothing is compared."""
    accepted_by: str | None
    differences: list[DifferenceRecord]
    unknown: list[str]
    """One sentence for each part that couldn't be compared."""
