"""What a job on a server reports of itself."""

from __future__ import annotations

import pytest

from rootkeeper.jobs.rules import JobKind, JobProgress
from rootkeeper.worker.performers import JobCounts, JobRemarks
from tests.fakes.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_remarks_are_kept_and_counting_is_left_to_the_use_case(desk: Desk) -> None:
    job = desk.job_service.begin(JobKind.AUDIT, {}, total=3)
    progress = JobRemarks(job)
    progress.start("Reading accounts", 12)
    progress.set_total(13)
    progress.advance(present=1)
    progress.remark("The feature is off.")
    progress.finish()
    assert job.progress == JobProgress(3)
    assert progress.last_remark == "The feature is off."


def test_what_knows_nothing_of_jobs_counts_in_the_row(desk: Desk) -> None:
    job = desk.job_service.begin(JobKind.PREFLIGHT, {})
    progress = JobCounts(job)
    progress.start("Listing accounts", None)
    progress.advance()
    progress.start("Reading accounts", 2)
    progress.set_total(3)
    progress.advance(present=1)
    progress.advance(unknown=1)
    assert job.progress == JobProgress(3, 2, 1, 1)


def test_the_listing_is_counted_for_every_use_case_and_stays_when_the_total_is_known(desk: Desk) -> None:
    job = desk.job_service.begin(JobKind.AUDIT, {})
    desk.clock.advance(5)
    JobRemarks(job).set_listed(40)
    assert desk.jobs.get(job.job_id).progress == JobProgress(listed=40)
    job.set_total(50)
    job.advance()
    assert job.progress == JobProgress(50, 1, listed=40)


def test_counts_that_cant_be_written_keep_nothing_up(desk: Desk) -> None:
    job = desk.job_service.begin(JobKind.PREFLIGHT, {})
    desk.jobs.shelf.is_broken = True
    desk.clock.advance(5)
    JobCounts(job).advance()
    assert job.progress.done == 1
