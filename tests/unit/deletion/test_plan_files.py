from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.deletion.records import derive_plan_id, describe_plan, parse_plan, render_plan, require_valid_here
from rootkeeper.deletion.rules import DeletionPlan, PlannedAccount
from rootkeeper.errors import PlanInvalidError
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.selection import Skip, SkipReason
from rootkeeper.organization.statuses import RootCredentials
from rootkeeper.removal.rules import plan_deletion
from rootkeeper.values import canonical_json
from tests.unit.deletion.test_deletion import plan_of, planned
from tests.unit.organization.credential_strategies import ACCOUNT_ID, NOW, credentials, kinds

SKIPPED = PlannedAccount(
    AccountId("000000000012"), "new\nline, \u202eevil", "Root/Ünits", AccountState.SUSPENDED, None, None, (),
    Skip(SkipReason.NOT_ACTIVE, "The account is SUSPENDED."),
)  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> DeletionPlan:
    only = draw(kinds)
    found: RootCredentials = draw(credentials())
    account = replace(planned(found), calls=plan_deletion(found, only), allowed_use=draw(st.none() | st.text()))
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


def rehashed(edit: Callable[[dict[str, Any]], None]) -> str:
    """A plan edited by somebody who knows how to compute its hash."""
    import hashlib

    content = json.loads(render_plan(plan_of(SKIPPED)))
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
    assert describe_plan(plan)["hash"] != describe_plan(replace(plan, created_by="somebody else"))["hash"]
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
