"""How a plan is cut into waves."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.deletion.rules import PlannedAccount, WaveRules, plan_waves
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.shapes import parse_facts, to_json_record


def make_targets(count: int) -> tuple[PlannedAccount, ...]:
    return tuple(
        PlannedAccount(AccountId(f"{number:012d}"), "", "Root", AccountState.ACTIVE, None, None, ())
        for number in range(count)
    )


@pytest.mark.parametrize(
    ("targets", "rules", "sizes"),
    [
        (5, WaveRules(), [5]),
        (0, WaveRules(canary=2, size=3), []),
        (5, WaveRules(canary=1), [1, 4]),
        (5, WaveRules(size=2), [2, 2, 1]),
        (7, WaveRules(canary=2, size=3), [2, 3, 2]),
        (3, WaveRules(canary=9, size=2), [3]),
        (3, WaveRules(size=9), [3]),
    ],
)
def test_canaries_go_first_and_the_rest_in_waves_of_one_size(targets: int, rules: WaveRules, sizes: list[int]) -> None:
    waves = plan_waves(make_targets(targets), rules)
    assert [len(wave.accounts) for wave in waves] == sizes
    assert [wave.is_canary for wave in waves] == [bool(rules.canary) and number == 0 for number in range(len(waves))]


def test_what_is_done_is_left_out_and_makes_no_other_account_a_canary() -> None:
    targets = make_targets(6)
    waves = plan_waves(targets, WaveRules(canary=2, size=2), {targets[0].account_id, targets[3].account_id})
    assert [wave.accounts for wave in waves] == [(targets[1],), (targets[2], targets[4]), (targets[5],)]
    waves = plan_waves(targets, WaveRules(canary=2), {targets[0].account_id, targets[1].account_id})
    assert [(wave.accounts, wave.is_canary) for wave in waves] == [(targets[2:], False)]


@given(st.integers(0, 40), st.integers(0, 9), st.none() | st.integers(1, 9), st.sets(st.integers(0, 39)))
def test_every_account_that_is_left_is_in_one_wave_in_its_order(
    count: int, canary: int, size: int | None, done: set[int]
) -> None:
    targets = make_targets(count)
    ids = {AccountId(f"{number:012d}") for number in done}
    waves = plan_waves(targets, WaveRules(canary, size), ids)
    assert [one for wave in waves for one in wave.accounts] == [one for one in targets if one.account_id not in ids]
    assert all(wave.accounts for wave in waves)


def test_rules_are_read_as_they_were_written() -> None:
    for rules in (WaveRules(), WaveRules(1, 10, 30, 3)):
        assert parse_facts(WaveRules, json.loads(json.dumps(to_json_record(rules)))) == rules
    assert WaveRules().is_plain
    assert not WaveRules(stop_after_failures=1).is_plain
