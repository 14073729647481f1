from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.aws.credentials import authorize_calls, require_authorized_call, require_intent_fits
from rootkeeper.errors import LockLostError
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent

ACCOUNT = AccountId("222233334444")


def test_p01_nothing_privileged_leaves_without_an_intent() -> None:
    with pytest.raises(RuntimeError, match="without the receipt"):
        require_authorized_call()


def test_it_leaves_on_a_valid_intent_and_that_is_remembered() -> None:
    clock = FakeClock()
    with authorize_calls(make_intent(clock, Action.ACCESS_KEY_DELETE, ACCOUNT), clock) as authorized_call:
        require_authorized_call()
        assert authorized_call.has_left
    with pytest.raises(RuntimeError):
        require_authorized_call()


@pytest.mark.parametrize("waited", [60, 61, 3600])
def test_it_stays_when_the_lease_ran_out_while_it_waited(waited: float) -> None:
    clock = FakeClock()
    with authorize_calls(
        make_intent(clock, Action.ACCESS_KEY_DELETE, ACCOUNT, valid_seconds=60), clock
    ) as authorized_call:
        clock.advance(waited)
        with pytest.raises(LockLostError):
            require_authorized_call()
        assert not authorized_call.has_left


def test_p27_it_stays_when_the_wall_clock_by_which_others_take_over_was_set_forward() -> None:
    clock = FakeClock()
    lasting = make_intent(clock, Action.ACCESS_KEY_DELETE, ACCOUNT, valid_seconds=60)
    intent = replace(lasting, valid_until_at=clock.now() + timedelta(seconds=60))
    with authorize_calls(intent, clock) as authorized_call:
        clock.jump(61)
        with pytest.raises(LockLostError):
            require_authorized_call()
        assert not authorized_call.has_left


def test_an_intent_of_one_thread_does_not_let_another_one_s_call_leave() -> None:
    clock = FakeClock()
    receipt = make_intent(clock, Action.ACCESS_KEY_DELETE, ACCOUNT)
    with authorize_calls(receipt, clock) as authorized_call, ThreadPoolExecutor(1) as pool:
        with pytest.raises(RuntimeError, match="without the receipt"):
            pool.submit(require_authorized_call).result()
        assert not authorized_call.has_left


def test_an_intent_of_another_action_or_account_is_a_bug() -> None:
    receipt = make_intent(FakeClock(), Action.ACCESS_KEY_DELETE, ACCOUNT)
    require_intent_fits(receipt, Action.ACCESS_KEY_DELETE, ACCOUNT)
    for action, account_id in (
        (Action.LOGIN_PROFILE_DELETE, ACCOUNT),
        (Action.ACCESS_KEY_DELETE, AccountId("111122223333")),
        (Action.ACCESS_KEY_DELETE, None),
    ):
        with pytest.raises(ValueError, match="the intent is of"):
            require_intent_fits(receipt, action, account_id)
