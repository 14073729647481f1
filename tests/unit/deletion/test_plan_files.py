from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.changes.removal_rules import plan_deletion
from rootkeeper.deletion.records import derive_plan_id, describe_plan, parse_plan, render_plan, require_valid_here
from rootkeeper.deletion.rules import LONGEST_VALIDITY, DeletionPlan, PlannedAccount, require_failsafes_named
from rootkeeper.errors import PlanInvalidError, TargetRefusedError
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import RootCredentials
from rootkeeper.values import canonical_json
from tests.unit.deletion.test_deletion import EMPTY, PASSWORD, key, plan_of, planned
from tests.unit.organization.credential_strategies import ACCOUNT_ID, NOW, credentials, kinds

SKIPPED = PlannedAccount(
    AccountId("000000000012"), "new\nline, \u202eevil", "Root/Ünits", AccountState.SUSPENDED, None, None, (),
    Skip(SkipReason.NOT_ACTIVE, "The account is SUSPENDED."),
)  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> DeletionPlan:
    only = draw(kinds)
    found: RootCredentials = draw(credentials())
    account = replace(
        planned(found), calls=plan_deletion(found, only), allowed_use=draw(st.none() | st.text().filter(str.strip))
    )
    return replace(
        plan_of(account, SKIPPED),
        only=only,
        selection=draw(st.text()),
        created_by=draw(st.text()),
        included_failsafes=draw(st.frozensets(st.sampled_from([ACCOUNT_ID, AccountId("000000000013")]))),
    )


@given(plans())
def test_a_plan_survives_its_file(plan: DeletionPlan) -> None:
    assert parse_plan(render_plan(plan)) == plan


@given(plans(), st.data())
def test_every_edit_of_a_plan_shows(plan: DeletionPlan, data: st.DataObject) -> None:
    content = json.loads(render_plan(plan))
    path, value = data.draw(st.sampled_from(list(leaves(content))))
    edited = data.draw(
        st.sampled_from([None, "else", 7, True, "2020-01-01T00:00:00Z"]).filter(lambda new: new != value)
    )
    change(content, path, edited)
    with pytest.raises(PlanInvalidError):
        parse_plan(json.dumps(content))


def leaves(content: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    if isinstance(content, dict):
        return [leaf for key, value in content.items() for leaf in leaves(value, (*path, key))]
    if isinstance(content, list):
        return [leaf for index, value in enumerate(content) for leaf in leaves(value, (*path, index))]
    return [(path, content)]


def change(content: Any, path: tuple[str | int, ...], value: object) -> None:
    for step in path[:-1]:
        content = content[step]
    content[path[-1]] = value


def rehashed(edit: Callable[[dict[str, Any]], None], plan: DeletionPlan | None = None) -> str:
    """A plan edited by a person who knows how to compute its hash."""
    content = json.loads(render_plan(plan or plan_of(SKIPPED)))
    edit(content)
    rest = {key: value for key, value in content.items() if key != "hash"}
    return json.dumps(rest | {"hash": hashlib.sha256(canonical_json(rest).encode()).hexdigest()})


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.pop("accounts"),
        lambda plan: plan.update(accounts=[{}]),
        lambda plan: plan.update(accounts="none"),
        lambda plan: plan.update(not_after="tomorrow"),
        lambda plan: plan.update(not_after="2026-01-16T09:00:00"),
        lambda plan: plan.update(only=["everything"]),
        lambda plan: plan["accounts"][0].update(account_id="12"),
        lambda plan: plan["accounts"][0].update(calls=[{"kind": "user"}]),
        lambda plan: plan["accounts"].append(plan["accounts"][0]),
        lambda plan: plan.update(plan_id=7),
    ],
)
def test_a_plan_that_lacks_something_is_refused_even_with_a_fitting_hash(
    edit: Callable[[dict[str, Any]], None],
) -> None:
    with pytest.raises(PlanInvalidError, match="lacks a value or contains an invalid one"):
        parse_plan(rehashed(edit))


WITH_CALLS = replace(planned(replace(EMPTY, login_profile=PASSWORD, access_keys=(key(),))), allowed_use="unused since")


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (replace(WITH_CALLS, allowed_use=" "), "the reason for the recent use .* is empty"),
        (replace(WITH_CALLS, skip=Skip(SkipReason.RECENTLY_USED, "Used.")), "has calls, and a reason"),
        (replace(WITH_CALLS, found=None), "don't follow from its credentials"),
        (replace(WITH_CALLS, found=replace(EMPTY, login_profile=PASSWORD)), "don't follow from its credentials"),
        (replace(WITH_CALLS, calls=WITH_CALLS.calls[::-1]), "don't follow from its credentials"),
    ],
)
def test_p12_a_plan_that_contradicts_itself_is_refused(account: PlannedAccount, words: str) -> None:
    assert parse_plan(render_plan(plan_of(WITH_CALLS))).targets == (WITH_CALLS,)
    with pytest.raises(PlanInvalidError, match=words):
        parse_plan(render_plan(plan_of(account)))


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan.update(approved=True),
        lambda plan: plan["accounts"][0].update(trusted=True),
        lambda plan: plan["accounts"][0]["calls"][0].update(operation="DeleteUser"),
        lambda plan: plan.update(not_after="2026-01-16T09:00:00.000000+00:00"),
    ],
)
def test_p12_a_plan_with_something_that_no_plan_has_is_refused(edit: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(PlanInvalidError, match="something that no plan has"):
        parse_plan(rehashed(edit, plan_of(WITH_CALLS)))


@pytest.mark.parametrize(
    "text", ["", "no json", "[]", "7", "null", '{"a": 1, "a": 2}', "[" * 100_000, '{"schema_version": ' + "[" * 100_000]
)
def test_a_file_that_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanInvalidError):
        parse_plan(text)


def test_a_value_that_has_no_canonical_form_is_refused() -> None:
    text = render_plan(plan_of()).replace('"schema_version": 1', '"schema_version": 1, "odd": NaN')
    with pytest.raises(PlanInvalidError):
        parse_plan(text)


def test_a_plan_of_another_version_is_refused() -> None:
    with pytest.raises(PlanInvalidError, match="schema_version is 2"):
        parse_plan(rehashed(lambda plan: plan.update(schema_version=2)))


def test_the_hash_covers_everything_but_itself() -> None:
    plan = plan_of(SKIPPED)
    assert describe_plan(plan)["hash"] != describe_plan(replace(plan, created_by="another user"))["hash"]
    assert len(str(describe_plan(plan)["hash"])) == 64


def test_an_id_follows_from_the_content() -> None:
    plan = plan_of()
    assert derive_plan_id(plan) == derive_plan_id(replace(plan, plan_id="other"))
    assert derive_plan_id(plan) != derive_plan_id(plan_of(SKIPPED))


@pytest.mark.parametrize(
    ("organization_id", "endpoint", "hours", "words"),
    [
        ("o-otherorgid1", "AWS", 1, "o-otherorgid1"),
        ("o-exampleorgid", "SANDBOX 127.0.0.1:4599", 1, "SANDBOX"),
        ("o-exampleorgid", "AWS", -1, "isn't valid before"),
        ("o-exampleorgid", "AWS", 24, "expired"),
    ],
)
def test_a_plan_is_refused_elsewhere_and_at_other_times(
    organization_id: str, endpoint: str, hours: int, words: str
) -> None:
    with pytest.raises(PlanInvalidError, match=words):
        require_valid_here(
            plan_of(), organization_id=organization_id, endpoint=endpoint, now=NOW + timedelta(hours=hours)
        )


@pytest.mark.parametrize("hours", [0, 23.9])
def test_a_plan_is_valid_in_its_time(hours: float) -> None:
    require_valid_here(plan_of(), organization_id="o-exampleorgid", endpoint="AWS", now=NOW + timedelta(hours=hours))


def test_p12_a_plan_that_would_be_valid_for_longer_than_any_plan_is_refused() -> None:
    longest = replace(plan_of(), not_after=NOW + LONGEST_VALIDITY)
    require_valid_here(longest, organization_id="o-exampleorgid", endpoint="AWS", now=NOW)
    longer = replace(longest, not_after=longest.not_after + timedelta(seconds=1))
    with pytest.raises(PlanInvalidError, match="longer than 7d"):
        require_valid_here(longer, organization_id="o-exampleorgid", endpoint="AWS", now=NOW)


def test_p12_the_failsafe_of_a_plan_is_named_again() -> None:
    plan = replace(plan_of(WITH_CALLS), included_failsafes=frozenset({ACCOUNT_ID, AccountId("000000000013")}))
    with pytest.raises(TargetRefusedError, match=ACCOUNT_ID) as error:
        require_failsafes_named(plan, [AccountId("000000000013")])
    assert "000000000013" not in error.value.message
    require_failsafes_named(plan, [ACCOUNT_ID])
    require_failsafes_named(plan_of(WITH_CALLS), [])
