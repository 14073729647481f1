"""Token buckets in the database: shared by processes, safe against clocks that jump."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rootkeeper.aws.pacing import SqlQuotas
from rootkeeper.aws.quota_states import FIRST_PART, Rate
from rootkeeper.ledger.database import Database
from tests.fakes.clock import FakeClock
from tests.unit.database.samples import ORGANIZATION_ID

RATE = Rate(per_second=8, burst=12)
CALLER = "111122223333 us-east-1 AWS"


def quotas_of(database: Database, clock: FakeClock, caller: str = CALLER) -> SqlQuotas:
    return SqlQuotas(database.commits, ORGANIZATION_ID, caller, clock)


def test_processes_on_one_database_share_a_bucket(database: Database) -> None:
    clock = FakeClock()
    first, second = quotas_of(database, clock), quotas_of(database, clock)
    assert first.draw("organizations:ListAccounts", RATE, 8, 0).tokens == 12
    drawn = second.draw("organizations:ListAccounts", RATE, 8, 0)
    assert drawn.tokens == 4
    assert drawn.wait_seconds(8) == pytest.approx(4 / (8 * FIRST_PART), rel=0.02)


@pytest.mark.parametrize(
    ("caller", "quota"), [("222233334444 us-east-1 AWS", "organizations:ListAccounts"), (CALLER, "sts:*")]
)
def test_other_callers_and_other_quotas_have_buckets_of_their_own(database: Database, caller: str, quota: str) -> None:
    clock = FakeClock()
    quotas_of(database, clock).draw("organizations:ListAccounts", RATE, 12, 0)
    assert quotas_of(database, clock, caller).draw(quota, RATE, 1, 0).tokens == 12


def test_a_throttle_slows_every_process_down_to_what_all_of_them_got(database: Database) -> None:
    clock = FakeClock()
    for process in (quotas_of(database, clock), quotas_of(database, clock)):
        process.draw("sts:*", RATE, 1, 2)
    quotas_of(database, clock).slow_down("sts:*", RATE, 1)
    drawn = quotas_of(database, clock).draw("sts:*", RATE, 1, 0)
    assert drawn.per_second == pytest.approx(5)
    assert drawn.wait_seconds(1) == pytest.approx(1 / 5)


def test_p15_threads_that_draw_at_once_never_get_a_token_twice(database: Database) -> None:
    clock = FakeClock()
    quotas = quotas_of(database, clock)
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: quotas.draw("sts:*", RATE, 1, 0), range(40)))
    waits = [0.0] * 12 + [number / drawn[0].per_second for number in range(1, 29)]
    assert sorted(one.wait_seconds(1) for one in drawn) == pytest.approx(waits)


def test_a_draw_lasts_for_a_while_since_it_costs_a_transaction(database: Database) -> None:
    assert quotas_of(database, FakeClock()).drawn_ahead_seconds > 0
