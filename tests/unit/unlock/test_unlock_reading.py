"""Finding buckets and queues, and saying whom their policies lock out, by reading alone."""

from __future__ import annotations

import pytest

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, DenialCause, InputError
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import LockoutVerdict
from tests.fakes.unlock_desk import LOCKING, MEMBER, OPEN, UnlockDesk

QUEUE = ResourceKind.QUEUE


@pytest.fixture
def desk() -> UnlockDesk:
    desk = UnlockDesk()
    desk.add("locked")
    desk.add("bare", None)
    desk.add("open", OPEN)
    desk.organization.resources.add(ResourceKind.BUCKET, AccountId("333344445555"), "foreign", LOCKING)
    return desk


def test_every_bucket_of_the_account_is_listed_with_its_verdict(desk: UnlockDesk) -> None:
    listing = desk.reading.list_all(desk.account, ResourceKind.BUCKET, (), desk.progress)
    assert [(one.resource.name, one.lockout.verdict) for one in listing.resource_states] == [
        ("bare", LockoutVerdict.NO_POLICY),
        ("locked", LockoutVerdict.LOCKED),
        ("open", LockoutVerdict.OPEN),
    ]
    assert listing.unread_regions == ()
    assert not listing.has_unknown
    assert desk.progress.advanced == 3


def test_p07_reading_changes_nothing(desk: UnlockDesk) -> None:
    desk.reading.list_all(desk.account, ResourceKind.BUCKET, (), desk.progress)
    desk.reading.find_one(desk.account, ResourceKind.BUCKET, "locked", (), desk.progress)
    assert desk.organization.changing_calls == []
    assert {entry.action for entry in desk.ledger.entries} == {Action.ROOT_SESSION_OPEN}


def test_p01_each_root_session_has_its_intent_before_it(desk: UnlockDesk) -> None:
    seen: list[str] = []
    desk.ledger.note = lambda phase, entry: seen.append(phase)
    desk.organization.before_each_call(lambda operation, _: seen.append(operation))
    desk.reading.find_one(desk.account, ResourceKind.BUCKET, "locked", (), desk.progress)
    assert seen[:4] == ["intent", "AssumeRoot", "GetCallerIdentity", "outcome"]


def test_p06_a_policy_that_cannot_be_read_is_unknown_with_the_reason(desk: UnlockDesk) -> None:
    denial = AwsAccessDeniedError("An RCP denies it.", aws_code="AccessDenied")
    desk.organization.fail("GetBucketPolicy", denial, at=1, times=1)
    listing = desk.reading.list_all(desk.account, ResourceKind.BUCKET, (), desk.progress)
    unknown = [one for one in listing.resource_states if one.lockout.verdict is LockoutVerdict.UNKNOWN]
    assert [(one.policy, one.lockout.reason) for one in unknown] == [(None, "An RCP denies it.")]
    assert listing.has_unknown
    assert desk.progress.unknown == 1


def test_protected_names_are_marked(desk: UnlockDesk) -> None:
    desk.protect = ("lock*",)
    listing = desk.reading.list_all(desk.account, ResourceKind.BUCKET, (), desk.progress)
    assert [one.resource.name for one in listing.resource_states if one.is_protected] == ["locked"]


def test_p18_a_policy_of_the_organization_that_denies_everything_is_named(desk: UnlockDesk) -> None:
    desk.organization.blocked_by[MEMBER] = "p-examplescp"
    for kind in ResourceKind:
        with pytest.raises(AwsAccessDeniedError) as raised:
            desk.reading.list_all(desk.account, kind, (), desk.progress)
        assert raised.value.policy_id == "p-examplescp"
        assert raised.value.denied_by is DenialCause.SERVICE_CONTROL_POLICY
    with pytest.raises(AwsAccessDeniedError):
        desk.reading.find_one(desk.account, ResourceKind.BUCKET, "locked", (), desk.progress)


def test_a_session_that_is_refused_is_one_error(desk: UnlockDesk) -> None:
    desk.organization.fail("AssumeRoot")
    with pytest.raises(AwsAccessDeniedError):
        desk.reading.list_all(desk.account, QUEUE, (), desk.progress)
    assert desk.organization.operations().count("AssumeRoot") == 1
    assert desk.ledger.results_of(Action.ROOT_SESSION_OPEN) == [Result.FAILED]


def test_p06_a_caller_who_may_open_no_session_learns_who_may(desk: UnlockDesk) -> None:
    denial = AwsAccessDeniedError("AssumeRoot was denied.", operation="sts:AssumeRoot")
    denial.needs = "the management account"
    desk.organization.fail("AssumeRoot", denial)
    listing = desk.reading.list_all(desk.account, ResourceKind.BUCKET, (), desk.progress)
    assert listing.unknown == "needs the management account: AssumeRoot was denied."
    resource_state = desk.reading.show_one(desk.account, ResourceKind.BUCKET, "locked", (), desk.progress)
    assert (resource_state.lockout.verdict, resource_state.lockout.explanation) == (
        LockoutVerdict.UNKNOWN,
        listing.unknown,
    )
    with pytest.raises(AwsAccessDeniedError):
        desk.reading.find_one(desk.account, ResourceKind.BUCKET, "locked", (), desk.progress)


def test_nothing_is_asked_where_s3_and_sqs_are_elsewhere(desk: UnlockDesk) -> None:
    desk.organization.resources.is_elsewhere = True
    with pytest.raises(InputError, match="elsewhere"):
        desk.reading.list_all(desk.account, ResourceKind.BUCKET, (), desk.progress)
    assert desk.organization.calls == []


def test_queues_of_every_region_are_listed_and_regions_that_refuse_are_named(desk: UnlockDesk) -> None:
    desk.organization.resources.add(QUEUE, MEMBER, "orders", LOCKING, "eu-central-1")
    off = AwsCredentialsError("The Region is off.", aws_code="InvalidClientTokenId")
    desk.organization.resources.enabled_regions = None
    desk.organization.fail("ListQueues", off, times=1)
    listing = desk.reading.list_all(desk.account, QUEUE, ("ap-east-1", "eu-central-1"), desk.progress)
    found = [one.resource.name for one in listing.resource_states]
    assert len(listing.unread_regions) == 1
    assert listing.unread_regions[0].reason == "The Region is off."
    assert found == (["orders"] if listing.unread_regions[0].region == "ap-east-1" else [])


def test_one_policy_is_read_with_what_it_does(desk: UnlockDesk) -> None:
    resource_state = desk.reading.find_one(desk.account, ResourceKind.BUCKET, "locked", (), desk.progress)
    assert resource_state.policy == LOCKING
    assert [statement.name for statement in resource_state.lockout.statements] == ["statement Everyone"]


@pytest.mark.parametrize("name", ["nothing", "foreign"])
def test_a_bucket_that_the_account_does_not_have_is_refused(desk: UnlockDesk, name: str) -> None:
    with pytest.raises(InputError, match=f"There is no bucket {name} in account {MEMBER}") as raised:
        desk.reading.find_one(desk.account, ResourceKind.BUCKET, name, (), desk.progress)
    assert render_hint(raised.value.hint) == f"List them: rootkeeper unlock s3 {MEMBER}."


def test_a_queue_is_found_in_whichever_region_it_is(desk: UnlockDesk) -> None:
    desk.organization.resources.add(QUEUE, MEMBER, "orders", LOCKING, "eu-central-1")
    resource_state = desk.reading.find_one(desk.account, QUEUE, "orders", (), desk.progress)
    assert resource_state.resource.region == "eu-central-1"


def test_queues_of_one_name_in_two_regions_must_be_distinguished(desk: UnlockDesk) -> None:
    for region in ("us-east-1", "eu-central-1"):
        desk.organization.resources.add(QUEUE, MEMBER, "orders", LOCKING, region)
    with pytest.raises(InputError, match="in eu-central-1, us-east-1") as raised:
        desk.reading.find_one(desk.account, QUEUE, "orders", (), desk.progress)
    assert "--regions" in (render_hint(raised.value.hint) or "")
    assert desk.reading.find_one(desk.account, QUEUE, "orders", ("us-east-1",), desk.progress).policy == LOCKING


def test_a_queue_that_may_be_where_no_call_could_look_is_not_said_to_be_nowhere(desk: UnlockDesk) -> None:
    off = AwsCredentialsError("The Region is off.", aws_code="InvalidClientTokenId")
    desk.organization.fail("GetQueueUrl", off, times=1)
    with pytest.raises(InputError, match=r"answered with an error: (eu-central-1|us-east-1)"):
        desk.reading.find_one(desk.account, QUEUE, "orders", (), desk.progress)
