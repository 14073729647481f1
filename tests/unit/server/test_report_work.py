"""What is said of a report while it is made."""

from __future__ import annotations

import pytest

from rootkeeper.evidence.service import ReportStep
from rootkeeper.server.report_work import ReportsInWork


def test_steps_and_bytes_are_shown_until_the_report_is_made() -> None:
    works = ReportsInWork()
    with works.follow("ana") as work:
        work.begin(ReportStep.RENDERING)
        pieces = work.count([b"12", b"345"])
        assert next(pieces) == b"12"
        found = works.find("ana")
        assert found is not None
        assert (found.step, found.written_bytes) == (ReportStep.RENDERING, 2)
        assert works.find("ben") is None
        assert list(pieces) == [b"345"]
    assert works.find("ana") is None


def test_a_report_that_fails_is_forgotten() -> None:
    works = ReportsInWork()
    with pytest.raises(ValueError, match="no"), works.follow("ana"):
        raise ValueError("no")
    assert works.find("ana") is None
