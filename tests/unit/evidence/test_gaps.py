"""What a report can't show is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.evidence.rules import DELEGATES_UNKNOWN, LedgerHistory, list_gaps
from rootkeeper.setup.rules import SetupDrift
from tests.fakes.evidence import PERIOD, START, accept, make_inventory, make_report, make_state

DRIFT = SetupDrift(accept(make_state()), (), ())


def test_everything_known_has_no_gap() -> None:
    assert list_gaps((), LedgerHistory(), None, DRIFT, None, make_inventory(), PERIOD) == ()


def test_p30_each_thing_that_isnt_known_has_its_gap() -> None:
    inventory = replace(make_inventory(listed_at=START - timedelta(days=1)), delegated_administrator_ids=None)
    drift = SetupDrift(None, (), ("Guardrails couldn't be compared.",))
    gaps = list_gaps((), LedgerHistory(), "Never read.", drift, "Entry 3 was edited.", inventory, PERIOD)
    assert [(gap.subject, gap.reason) for gap in gaps] == [
        ("ledger", "not_intact"),
        ("setup", "not_read"),
        ("drift", "not_compared"),
        ("drift", "never_accepted"),
        ("accounts", "stale"),
        ("accounts", "not_read"),
    ]
    assert gaps[-1].what == DELEGATES_UNKNOWN


def test_a_management_account_that_wasnt_read_is_a_gap() -> None:
    report = make_report()
    assert report.management is not None
    unread = replace(report.management, kinds=tuple(replace(kind, is_present=None) for kind in report.management.kinds))
    (gap,) = list_gaps((unread,), LedgerHistory(), None, DRIFT, None, make_inventory(), PERIOD)
    assert gap.subject == "management_account"
