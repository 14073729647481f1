from __future__ import annotations

from dataclasses import replace

import pytest

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.errors import InputError
from rootkeeper.unlock.service import choose_regions
from tests.fakes.unlock_desk import MEMBER, UnlockDesk


@pytest.fixture
def desk() -> UnlockDesk:
    return UnlockDesk()


def choose(desk: UnlockDesk, kind: ResourceKind = ResourceKind.QUEUE, *wanted: str) -> tuple[str, ...]:
    organization = desk.organization
    return choose_regions(organization.places, organization.caller, MEMBER, kind, wanted, desk.progress)


def test_buckets_are_asked_for_in_one_region(desk: UnlockDesk) -> None:
    assert choose(desk, ResourceKind.BUCKET) == ("us-east-1",)
    assert desk.organization.calls == []


def test_queues_are_looked_for_where_the_account_is_enabled(desk: UnlockDesk) -> None:
    assert choose(desk) == ("eu-central-1", "us-east-1")
    assert desk.organization.calls == [("ListRegions", MEMBER)]


def test_a_region_that_is_newer_than_this_program_is_asked_too(desk: UnlockDesk) -> None:
    desk.organization.resources.enabled_regions = ("us-east-1", "us-new-1")
    assert choose(desk) == ("us-east-1", "us-new-1")


def test_regions_that_are_named_need_no_call(desk: UnlockDesk) -> None:
    assert choose(desk, ResourceKind.QUEUE, "ap-east-1", "us-east-1", "ap-east-1") == ("ap-east-1", "us-east-1")
    assert desk.organization.calls == []


def test_a_region_that_is_not_known_is_refused(desk: UnlockDesk) -> None:
    with pytest.raises(InputError, match="'us-east-9'"):
        choose(desk, ResourceKind.QUEUE, "us-east-9")


def test_where_they_cannot_be_read_all_known_ones_are_asked_and_that_is_said(desk: UnlockDesk) -> None:
    desk.organization.resources.enabled_regions = None
    assert choose(desk) == desk.organization.resources.known_regions
    assert "are unknown" in desk.progress.remarks[0]
    assert "All 3 Regions" in desk.progress.remarks[1]
    assert "name the Regions" in desk.progress.remarks[1]


def test_the_callers_own_account_is_asked_about_without_naming_it(desk: UnlockDesk) -> None:
    desk.organization.caller = replace(desk.organization.caller, account_id=MEMBER)
    seen = []
    desk.organization.before_each_call(lambda operation, account_id: seen.append((operation, account_id)))
    assert choose(desk)
    assert seen == [("ListRegions", MEMBER)]
