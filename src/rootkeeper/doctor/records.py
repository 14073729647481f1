"""The checks of this machine as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.doctor.rules import Check, CheckName, CheckVerdict
from rootkeeper.shapes import Answer, fill_record, record


@record
class CheckRecord(TypedDict):
    """One check."""

    name: CheckName
    part: str | None
    """Of permissions: the work that they are for."""
    verdict: CheckVerdict
    text: str
    fix: str | None
    """What to do; `null` if there is nothing to do."""


@record
class DoctorDocument(Answer):
    """Whether this machine is ready to work."""

    checks: list[CheckRecord]


def check_to_record(check: Check, fix: str | None) -> CheckRecord:
    """Return the check as every interface shows it.

    :param fix: in the words of the interface.
    """
    return fill_record(CheckRecord, check, fix=fix)
